//! [`ErrorCode`], the `int16` that answers carry.

mod table;

use core::fmt;

use table::TABLE;

/// An error code of the protocol. [`ErrorCode::NONE`] is success; a code that this version of the
/// crate does not know keeps its number.
///
/// Whether a code is retriable, and whether the client's metadata is to be refreshed, is what the
/// exception says that Apache Kafka's own client maps the code to (a `RetriableException`, an
/// `InvalidMetadataException`). What a producer does about a code also depends on the request: that
/// is no knowledge of the codec.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub i16);

/// What kind of exception Apache Kafka's client makes of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// No exception, or one that goes back to the caller.
    Other,
    /// A `RetriableException`.
    Retriable,
    /// An `InvalidMetadataException`, which is retriable too.
    InvalidMetadata,
}

impl ErrorCode {
    /// The protocol's name of the code, in capitals; `UNKNOWN` for a code that has none here.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().map_or("UNKNOWN", |(name, _)| name)
    }

    /// Whether the code means success.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether the same request may succeed later. An unknown code is not retriable.
    #[must_use]
    pub fn is_retriable(self) -> bool {
        self.row().is_some_and(|(_, kind)| matches!(kind, Kind::Retriable | Kind::InvalidMetadata))
    }

    /// Whether the client's metadata is out of date: it is to be refreshed before the next try.
    #[must_use]
    pub fn is_invalid_metadata(self) -> bool {
        self.row().is_some_and(|(_, kind)| kind == Kind::InvalidMetadata)
    }

    /// `Ok(())` for success, else the code.
    ///
    /// # Errors
    ///
    /// The code itself, if it is not [`ErrorCode::NONE`].
    pub const fn ok(self) -> Result<(), Self> {
        if self.is_none() { Ok(()) } else { Err(self) }
    }

    fn row(self) -> Option<(&'static str, Kind)> {
        // The codes have no gaps; the first row is that of -1.
        TABLE.get(usize::try_from(i32::from(self.0) + 1).ok()?).copied()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for ErrorCode {}

impl From<i16> for ErrorCode {
    fn from(code: i16) -> Self {
        Self(code)
    }
}

impl From<ErrorCode> for i16 {
    fn from(code: ErrorCode) -> Self {
        code.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn codes_have_names_and_kinds() {
        assert_eq!(ErrorCode::default(), ErrorCode::NONE);
        assert_eq!(ErrorCode::UNKNOWN_SERVER_ERROR.0, -1);
        assert_eq!(ErrorCode(6).to_string(), "NOT_LEADER_OR_FOLLOWER (6)");
        assert_eq!(
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER.to_string(),
            "OUT_OF_ORDER_SEQUENCE_NUMBER (45)"
        );
        assert_eq!(ErrorCode(-2).to_string(), "UNKNOWN (-2)");
        assert_eq!(ErrorCode(i16::MAX).to_string(), "UNKNOWN (32767)");
        for (code, retriable, invalid_metadata) in [
            (ErrorCode::NONE, false, false),
            (ErrorCode::NOT_LEADER_OR_FOLLOWER, true, true),
            (ErrorCode::NOT_ENOUGH_REPLICAS, true, false),
            (ErrorCode::NOT_COORDINATOR, true, false),
            (ErrorCode::MESSAGE_TOO_LARGE, false, false),
            (ErrorCode::TRANSACTION_ABORTABLE, false, false),
            (ErrorCode(i16::MIN), false, false),
        ] {
            assert_eq!(code.is_retriable(), retriable, "{code}");
            assert_eq!(code.is_invalid_metadata(), invalid_metadata, "{code}");
        }
    }
}
