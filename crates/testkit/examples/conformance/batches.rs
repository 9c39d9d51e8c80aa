//! Record batches that are described rather than written, as the two sides give different producer ids.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{BufMut, Bytes, BytesMut};
use rohrpost_records::{BatchBuilder, Codec, Compression, Compressor};

pub(crate) const LENGTH: usize = 8;
pub(crate) const LEADER_EPOCH: usize = 12;
pub(crate) const MAGIC: usize = 16;
pub(crate) const CRC: usize = 17;
pub(crate) const ATTRIBUTES: usize = 21;
pub(crate) const LAST_OFFSET_DELTA: usize = 23;
pub(crate) const BASE_TIMESTAMP: usize = 27;
pub(crate) const MAX_TIMESTAMP: usize = 35;
pub(crate) const PRODUCER_ID: usize = 43;
pub(crate) const PRODUCER_EPOCH: usize = 51;
pub(crate) const BASE_SEQUENCE: usize = 53;
pub(crate) const COUNT: usize = 57;
pub(crate) const FIRST_RECORD: usize = 61;

const TRANSACTIONAL: u8 = 0x10;

/// Who a batch says that it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Producer {
    /// An id that no broker has given.
    Fixed(i64),
    /// The n-th id that InitProducerId gave.
    Given(usize),
}

/// A record's timestamp.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    /// Milliseconds after the start of the program.
    Now(i64),
    /// When it is sent.
    Live,
    Never,
}

#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) producer: Option<(Producer, i16, i32)>,
    pub(crate) times: Vec<When>,
    /// For each record in turn: whether it has a key.
    pub(crate) keys: Vec<bool>,
    pub(crate) value_size: usize,
    pub(crate) codec: Codec,
    pub(crate) is_transactional: bool,
    pub(crate) damage: Damage,
}

/// What is wrong with the bytes.
#[derive(Clone, Debug)]
pub(crate) enum Damage {
    None,
    /// These bytes are here, behind a right CRC.
    Set(usize, Vec<u8>),
    /// This byte is here, behind the CRC of what was there before.
    Put(usize, u8),
    /// These bits of a byte are others, behind the CRC of what was there before.
    Flip(usize, u8),
    /// So many bytes are missing at the end.
    Cut(usize),
    /// These bytes follow.
    Behind(Vec<u8>),
    Twice,
    Empty,
}

impl Batch {
    /// The bytes for a side that gave these producer ids.
    pub(crate) fn to_bytes(&self, given: &[i64]) -> Bytes {
        let mut builder = BatchBuilder::new(BytesMut::new());
        for (index, when) in self.times.iter().enumerate() {
            let timestamp = match when {
                When::Now(after) => start_ms() + after,
                When::Live => now_ms(),
                When::Never => -1,
            };
            let key = self.keys[index % self.keys.len()].then_some(&b"key"[..]);
            let value = vec![b'a' + (index % 26) as u8; self.value_size];
            builder.append(timestamp, key, Some(&value), []).unwrap();
        }
        let compression = Compression::new(self.codec).unwrap();
        let sealed = builder.seal(compression, &mut Compressor::new(), BytesMut::with_capacity);
        let mut bytes = BytesMut::from(&sealed.unwrap().stamp(None, false).unwrap().to_bytes()[..]);
        if let Some((producer, epoch, sequence)) = self.producer {
            let id = match producer {
                Producer::Fixed(id) => id,
                Producer::Given(index) => given[index],
            };
            let mut stamp = &mut bytes[PRODUCER_ID..COUNT];
            stamp.put_i64(id);
            stamp.put_i16(epoch);
            stamp.put_i32(sequence);
        }
        if self.is_transactional {
            bytes[ATTRIBUTES + 1] |= TRANSACTIONAL;
        }
        fix_crc(&mut bytes);
        self.damage.inflict(bytes)
    }
}

impl Damage {
    /// Whether it is done to the records rather than to the batch's header.
    pub(crate) fn is_to_records(&self) -> bool {
        matches!(self, Self::Set(at, _) if *at >= FIRST_RECORD)
    }

    fn inflict(&self, mut bytes: BytesMut) -> Bytes {
        match self {
            Self::None => {}
            Self::Set(at, new) => {
                let end = bytes.len().min(at + new.len());
                let at = (*at).min(end);
                bytes[at..end].copy_from_slice(&new[..end - at]);
                fix_crc(&mut bytes);
            }
            Self::Put(at, new) => {
                if let Some(byte) = bytes.get_mut(*at) {
                    *byte = *new;
                }
            }
            Self::Flip(at, bits) => {
                if let Some(byte) = bytes.get_mut(*at) {
                    *byte ^= *bits;
                }
            }
            Self::Cut(count) => bytes.truncate(bytes.len().saturating_sub(*count)),
            Self::Behind(more) => bytes.extend_from_slice(more),
            Self::Twice => {
                let again = bytes.clone();
                bytes.extend_from_slice(&again);
            }
            Self::Empty => bytes.clear(),
        }
        bytes.freeze()
    }
}

/// When the program started, ms since the epoch: both sides are sent the same timestamps.
pub(crate) fn start_ms() -> i64 {
    static START: OnceLock<i64> = OnceLock::new();
    *START.get_or_init(now_ms)
}

pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64
}

fn fix_crc(bytes: &mut BytesMut) {
    let crc = crc32c(&bytes[ATTRIBUTES..]);
    bytes[CRC..ATTRIBUTES].copy_from_slice(&crc.to_be_bytes());
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        let shift = |crc: u32| (crc >> 1) ^ (0x82f6_3b78 & 0_u32.wrapping_sub(crc & 1));
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc))
    };
    !bytes.iter().fold(!0, step)
}
