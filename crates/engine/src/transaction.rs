//! Transactions (KIP-98, KIP-360, KIP-447, KIP-588, KIP-890): records and offsets that are visible all together or not at all.
//!
//! ```text
//!                  Init                 answer               Begin                        Commit
//!  Uninitialized ────────► Initializing ────────► Ready ────────────────► Open ──────────────────────► Ending(commit)
//!        ▲                      │                 ▲  ▲                     │  a record, an offset or the      │    │
//!        └──────────────────────┘                 │  │                     │  user failed                     │    │
//!            not authorized                       │  │                     ▼                                  │    │
//!                                                 │  │      Abort       Spoiled  ── Commit: told the cause ──┐│    │
//!                                                 │  └─────────────┐       │                               ││    │ a record failed,
//!                                                 │    ended       │       │ Abort, Commit, Close          ▼▼    │ or TRANSACTION_ABORTABLE
//!                                                 │                └─── Ending(abort) ◄──────────────────────────┘
//!                                                 └──────────────────────────────────────── ended ────────────┘
//!
//!  any ── fenced, or refused for good ──► Fatal
//!
//!  Ending:   Draining ── no batch is open, no request is out ──► Asking (EndTxn) ── answered ──► Renewing (InitProducerId, where
//!                │                                                     │                          needed) ──► ended
//!                └── nothing was added to it: nothing is sent ─────────┴─────────────────────────────────────────►
//! ```
//!
//! # How it speaks
//!
//! One transactional request is out at a time, in this order: FindCoordinator, InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn and TxnOffsetCommit, EndTxn. What
//! an answer means is decided by a pure function (`verdict`). A request without an answer is made again, after the coordinator was looked up again, until there
//! is one: deadlines end calls, never work.
//!
//! | | version 1 | version 2 (KIP-890) |
//! |---|---|---|
//! | a partition joins | by AddPartitionsToTxn (3 at most), before its first batch | by its first batch (Produce 12 at least) |
//! | a group joins | by AddOffsetsToTxn | by TxnOffsetCommit 5 |
//! | the end | EndTxn 4 at most; the epoch stays | EndTxn 5; the answer has the next producer id and epoch |
//! | sequences | go on | begin at 0 in each transaction |
//!
//! The version follows the cluster's finalized `transaction.version`, looked at when a transaction begins and at no other time. From version 1 to 2 a new epoch
//! is begun first, so that nothing of the older version can count as part of the newer. A transaction of version 2 whose cluster is downgraded meanwhile is ended
//! by the rules of version 1, for brokers refuse the others then; a new epoch follows.
//!
//! # Two-phase commit (KIP-939)
//!
//! ```text
//!   Open ── Prepare ──► Ending(prepares) ── drained ──► Prepared ── Commit, Abort ──► Ending
//!                                                          ▲
//!   Uninitialized ── InitKeeping ──► Initializing ─────────┘  an older producer had prepared it
//! ```
//!
//! A prepared transaction is neither committed nor aborted without a call: not by a failure, not by a close. The coordinator gives it no time-out either.
//!
//! # What is never visible by mistake
//!
//! - **A record that failed** (expired, refused, too large, never admitted) spoils the transaction: it cannot be committed any more. The first cause is told.
//! - **Nothing new is sent** in a transaction that is spoiled, and nothing outside of one.
//! - **EndTxn waits** until every batch has its answer, or its connection is closed. Until its own answer is known, nothing else is begun.
//! - **What may arrive late** must not get into a later transaction. Version 2 ends each transaction with a new epoch, which the coordinator and every partition of the
//!   transaction know before the next one begins: whatever is older is refused. Version 1 keeps its epoch, so:
//!   - a batch in doubt is sent again during an abort, until there is an answer, or for a while: then its copies on the way are duplicates;
//!   - where a batch stayed in doubt, or a request to the coordinator went without an answer, the transaction ends with a new epoch (InitProducerId with the
//!     present id and epoch, KIP-360): a late AddPartitionsToTxn or EndTxn is refused by the coordinator.
//!
//! What remains under version 1: a batch that stayed in doubt, arrives after the marker, and before the new epoch's first batch, at a broker that does not ask
//! the coordinator whether it belongs to a transaction (brokers before 3.6 do not; later ones do unless `transaction.partition.verification.enable` is off). It hangs
//! there, or is taken into the producer's next transaction in that partition. And an AddPartitionsToTxn that comes late, after the end and before the new epoch, opens
//! a transaction that the new epoch aborts, and the producer is fenced: nothing is lost, but a new producer is needed. Version 2 was made to end that.
//!
//! # UNKNOWN_PRODUCER_ID
//!
//! A leader up to Kafka 2.4 answers it to a batch whose producer it has forgotten, because retention took the last of its records. Java begins the sequences anew in the same epoch where the log's
//! start is behind the last acknowledged offset. Here the transaction fails and can be done again, after InitProducerId or, where brokers are too old for KIP-360 (before 2.5), by a new producer:
//! sequences never begin anew within an epoch, for then an identity could carry two payloads. From 2.5 on no leader answers it (nothing in the brokers of 2.5.1, 2.8.2 and 4.3.1 throws it): they take any
//! first sequence of a producer that they do not know, or, under version 2, answer with what aborts the transaction.

mod call;
mod calls;
mod coordinator;
mod end;
mod epoch;
mod error;
mod offsets;
mod partitions;
mod prepared;
mod requests;
mod state;
mod steer;
mod verdict;

pub use call::{GroupMetadata, OffsetOf, TransactionAnswer, TransactionCall, TransactionalConfig};
pub use error::{Remedy, TransactionError, TransactionErrorKind};
pub use prepared::{ParsePreparedStateError, PreparedState};
pub(crate) use state::{Gate, Transactions, Version};
