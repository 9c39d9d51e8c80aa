//! What is asked of the coordinators of transactions and groups.

use crate::batches::Producer;
use crate::steps::TopicRef;

/// Who asks, as it says.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) transactional_id: String,
    pub(crate) producer: Producer,
    pub(crate) epoch: i16,
}

/// A group's member, as it says that it is.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) generation: i32,
    pub(crate) id: MemberId,
    pub(crate) instance: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberId {
    None,
    Stranger,
    /// The n-th that has joined a group.
    Joined(usize),
}

#[derive(Clone, Debug)]
pub(crate) enum Ask {
    AddPartitions {
        version: i16,
        who: Who,
        partitions: Vec<(TopicRef, i32)>,
        verify_only: bool,
    },
    AddOffsets {
        version: i16,
        who: Who,
        group: String,
    },
    SendOffsets {
        version: i16,
        who: Who,
        offsets: Offsets,
    },
    End {
        version: i16,
        who: Who,
        committed: bool,
    },
    /// OffsetCommit.
    Commit {
        version: i16,
        offsets: Offsets,
    },
    /// OffsetFetch: of these partitions, or of all.
    Fetch {
        version: i16,
        group: String,
        partitions: Option<Vec<(usize, i32)>>,
        stable: bool,
    },
    /// DescribeTransactions.
    Describe {
        id: String,
    },
    /// ListTransactions of the producers that were given.
    List {
        states: Vec<&'static str>,
    },
    /// DescribeProducers of every partition.
    Producers,
    /// A first member joins a group.
    Join {
        group: String,
        instance: Option<&'static str>,
    },
    /// The cluster agrees on another transaction version.
    Agree {
        transaction_version: i16,
    },
}

/// Offsets to be committed.
#[derive(Clone, Debug)]
pub(crate) struct Offsets {
    pub(crate) group: String,
    pub(crate) member: Member,
    pub(crate) partitions: Vec<(usize, i32)>,
    pub(crate) offset: i64,
    pub(crate) metadata: usize,
}
