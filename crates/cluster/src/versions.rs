//! What a node speaks: [`Versions`], and what its cluster has agreed on: [`Features`].

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use rohrpost_codec::messages::ApiVersionsResponse;
use rohrpost_codec::{ApiKey, ByteStr, VersionRange};

/// The APIs that a node speaks, and in which versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Versions {
    /// By key.
    ranges: Vec<(i16, VersionRange)>,
}

impl Versions {
    pub(crate) fn new(response: &ApiVersionsResponse) -> Self {
        let range = |key: &rohrpost_codec::messages::api_versions_response::ApiVersion| {
            (key.api_key, VersionRange::new(key.min_version, key.max_version))
        };
        let mut ranges: Vec<_> = response.api_keys.iter().map(range).collect();
        ranges.sort_by_key(|&(key, _)| key);
        Self { ranges }
    }

    /// The versions of an API; `None` where the node lacks it.
    pub(crate) fn of(&self, api_key: ApiKey) -> Option<VersionRange> {
        let place = self.ranges.binary_search_by_key(&i16::from(api_key), |&(key, _)| key).ok()?;
        self.ranges.get(place).map(|&(_, range)| range)
    }

    /// The newest version that both sides speak.
    pub(crate) fn newest(&self, api_key: ApiKey, ours: VersionRange) -> Option<i16> {
        self.of(api_key)?.intersect(ours).map(|both| both.max)
    }
}

/// The finalized features of the cluster (KIP-584), as of the newest epoch that any node told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    epoch: i64,
    levels: BTreeMap<ByteStr, i16>,
}

impl Features {
    pub(crate) const fn new() -> Self {
        Self { epoch: -1, levels: BTreeMap::new() }
    }

    pub(crate) fn update(&mut self, response: &ApiVersionsResponse) {
        if response.finalized_features_epoch > self.epoch {
            self.epoch = response.finalized_features_epoch;
            let level =
                |f: &rohrpost_codec::messages::api_versions_response::FinalizedFeatureKey| {
                    (f.name.clone(), f.max_version_level)
                };
            self.levels = response.finalized_features.iter().map(level).collect();
        }
    }

    pub(crate) fn level(&self, name: &str) -> Option<i16> {
        self.levels.get(name).copied()
    }
}

/// Whether a broker that throttles answers at once and expects the client to pause (KIP-219). With older versions the broker itself holds the
/// answer back, and nothing more is to be done.
pub(crate) const fn client_throttles(api_key: ApiKey, version: i16) -> bool {
    let since = match api_key {
        ApiKey::Produce | ApiKey::Metadata => 6,
        ApiKey::Fetch => 8,
        ApiKey::ApiVersions | ApiKey::FindCoordinator => 2,
        ApiKey::InitProducerId
        | ApiKey::AddPartitionsToTxn
        | ApiKey::AddOffsetsToTxn
        | ApiKey::EndTxn
        | ApiKey::TxnOffsetCommit => 1,
        ApiKey::ListOffsets | ApiKey::CreateTopics => 3,
        ApiKey::DeleteTopics => 2,
        // Newer APIs did so from the start; pausing for an old one in vain does no harm.
        _ => 0,
    };
    version >= since
}
