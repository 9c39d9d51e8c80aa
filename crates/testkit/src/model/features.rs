//! Features: what the cluster has agreed on (KIP-584), transactions above all.

use super::Model;
use super::transactions::FEATURE;

impl Model {
    /// Has the cluster agree on another version of a feature: an upgrade or a downgrade in mid-life, which clients hear of in
    /// ApiVersions. The brokers can do it, if they could not. `transaction.version` decides on the version of transactions: 0 and 1 are
    /// the old protocol, 2 is that of KIP-890.
    pub fn set_feature(&mut self, name: impl Into<String>, finalized: i16) {
        let none = super::Feature {
            supported: rohrpost_codec::VersionRange::new(0, finalized.max(0)),
            finalized,
        };
        let feature = self.config.features.entry(name.into()).or_insert(none);
        feature.finalized = finalized;
        feature.supported.max = feature.supported.max.max(finalized);
        self.features_epoch += 1;
    }

    /// [`Model::set_feature`] of `transaction.version`.
    pub fn set_transaction_version(&mut self, version: i16) {
        self.set_feature(FEATURE, version);
    }
}
