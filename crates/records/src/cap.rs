//! How much a batch may hold.

/// The largest batch that its length field can say. A little below `i32::MAX + 12`, and the same for every part.
const FORMAT_BYTES: usize = i32::MAX as usize;

/// The most that a batch may hold: bytes before compression, the header of 61 included, and records.
///
/// A [`BatchBuilder`](crate::BatchBuilder) never exceeds its cap. Kafka's producer has a soft one: a record that is larger than
/// `batch.size` goes out all the same, in a batch of its own, up to `max.request.size`. That is
/// [`with_large_record`](Self::with_large_record).
///
/// ```
/// use rohrpost_records::{AppendError, BatchBuilder, BatchCap, BytesMut};
///
/// let cap = BatchCap::new(16_384).with_records(1_000).with_large_record(1_048_576);
/// let mut builder = BatchBuilder::with_cap(BytesMut::new(), cap);
/// builder.append(0, None, Some(&[0; 10_000]), [])?;
/// // The next one belongs in the next batch, and the one after that in none.
/// let next = builder.append(0, None, Some(&[0; 500_000]), []).unwrap_err();
/// assert!(next.is_full());
/// let never = builder.append(0, None, Some(&[0; 2_000_000]), []).unwrap_err();
/// assert_eq!(never, AppendError::TooLarge { size: 2_000_074, cap: 1_048_576 });
/// # Ok::<(), AppendError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchCap {
    bytes: usize,
    large_record: usize,
    records: i32,
}

impl BatchCap {
    /// What the format allows: 2147483647 bytes and as many records.
    pub const FORMAT: Self =
        Self { bytes: FORMAT_BYTES, large_record: FORMAT_BYTES, records: i32::MAX };

    /// At most `bytes`, whatever the records are, and any number of them. Cut to the format, as all that follows.
    pub const fn new(bytes: usize) -> Self {
        let bytes = if bytes > FORMAT_BYTES { FORMAT_BYTES } else { bytes };
        Self { bytes, large_record: bytes, records: i32::MAX }
    }

    /// At most so many records, and at least one.
    #[must_use]
    pub const fn with_records(self, records: i32) -> Self {
        Self { records: if records < 1 { 1 } else { records }, ..self }
    }

    /// A record that does not fit below the cap even alone has a batch to itself, if that takes at most `bytes`.
    #[must_use]
    pub const fn with_large_record(self, bytes: usize) -> Self {
        let bytes = if bytes > FORMAT_BYTES { FORMAT_BYTES } else { bytes };
        Self { large_record: if bytes < self.bytes { self.bytes } else { bytes }, ..self }
    }

    /// The most bytes of a batch of several records.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The most bytes of a batch of one record: those of every batch, or more.
    pub const fn large_record(&self) -> usize {
        self.large_record
    }

    /// The most records.
    pub const fn records(&self) -> i32 {
        self.records
    }
}

impl Default for BatchCap {
    fn default() -> Self {
        Self::FORMAT
    }
}
