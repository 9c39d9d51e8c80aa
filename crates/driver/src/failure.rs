//! Why a record was not acknowledged.

/// Why a delivery failed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Failure {
    /// The driver's task ended before the record's fate was known: its runtime was shut down, or it panicked.
    DriverGone,
}
