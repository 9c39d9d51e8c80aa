//! The codecs: which there are, their levels, and the contexts that compress.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::error::BatchErrorKind;

#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "lz4")]
mod lz4;
#[cfg(any(feature = "lz4", feature = "snappy"))]
mod matcher;
#[cfg(any(feature = "gzip", feature = "lz4"))]
mod read_limited;
#[cfg(feature = "snappy")]
mod snappy;
#[cfg(feature = "zstd")]
mod zstd;

/// How the records of a batch are compressed (`compression.type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// Not at all.
    #[default]
    None,
    /// gzip: DEFLATE.
    Gzip,
    /// Snappy in xerial's framing.
    Snappy,
    /// The LZ4 frame format.
    Lz4,
    /// Zstandard (KIP-110).
    Zstd,
}

impl Codec {
    /// Every codec, by id.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec's number in a batch's attributes.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The codec of a number, or `None` for one that Kafka has not assigned.
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            0 => Some(Self::None),
            1 => Some(Self::Gzip),
            2 => Some(Self::Snappy),
            3 => Some(Self::Lz4),
            4 => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Kafka's name for it: `none`, `gzip`, `snappy`, `lz4` or `zstd`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// Whether this build has it: each codec but `none` is a feature.
    pub const fn is_compiled_in(self) -> bool {
        match self {
            Self::None => true,
            Self::Gzip => cfg!(feature = "gzip"),
            Self::Snappy => cfg!(feature = "snappy"),
            Self::Lz4 => cfg!(feature = "lz4"),
            Self::Zstd => cfg!(feature = "zstd"),
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Codec {
    type Err = CompressionError;

    /// Takes Kafka's names, in lower case.
    fn from_str(name: &str) -> Result<Self, CompressionError> {
        Self::ALL
            .into_iter()
            .find(|codec| codec.name() == name)
            .ok_or_else(|| CompressionError::UnknownCodec { name: name.into() })
    }
}

/// A codec that this build has, and a level that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Compression {
    codec: Codec,
    level: i32,
}

impl Compression {
    /// No compression.
    pub const NONE: Self = Self { codec: Codec::None, level: 0 };

    /// gzip's own default (6 in effect).
    const GZIP_DEFAULT: i32 = -1;
    /// LZ4's fast mode: Kafka's number for it.
    const LZ4_DEFAULT: i32 = 9;
    /// Zstandard's default.
    const ZSTD_DEFAULT: i32 = 3;

    /// The codec at its default level.
    ///
    /// # Errors
    /// [`CompressionError::NotCompiledIn`].
    pub const fn new(codec: Codec) -> Result<Self, CompressionError> {
        if !codec.is_compiled_in() {
            return Err(CompressionError::NotCompiledIn { codec });
        }
        let level = match codec {
            Codec::None | Codec::Snappy => 0,
            Codec::Gzip => Self::GZIP_DEFAULT,
            Codec::Lz4 => Self::LZ4_DEFAULT,
            Codec::Zstd => Self::ZSTD_DEFAULT,
        };
        Ok(Self { codec, level })
    }

    /// The codec at a level (KIP-390): `compression.gzip.level` 1 to 9 or -1 for the default, `compression.zstd.level`
    /// -131072 to 22, `compression.lz4.level` 1 to 17: 9 is the fast mode and default, the others, of high compression, need the feature
    /// `lz4-c`.
    ///
    /// # Errors
    /// [`CompressionError::NotCompiledIn`], `NoLevels` for none and snappy, `LevelOutOfRange`, `LevelUnavailable`.
    pub const fn with_level(codec: Codec, level: i32) -> Result<Self, CompressionError> {
        if !codec.is_compiled_in() {
            return Err(CompressionError::NotCompiledIn { codec });
        }
        let (min, max) = match codec {
            Codec::None | Codec::Snappy => return Err(CompressionError::NoLevels { codec, level }),
            Codec::Gzip => (1, 9),
            Codec::Lz4 => (1, 17),
            Codec::Zstd => (-131_072, 22),
        };
        let is_default = matches!((codec, level), (Codec::Gzip, Self::GZIP_DEFAULT));
        if !is_default && (level < min || level > max) {
            return Err(CompressionError::LevelOutOfRange { codec, level, min, max });
        }
        if matches!(codec, Codec::Lz4) && level != Self::LZ4_DEFAULT && !cfg!(feature = "lz4-c") {
            return Err(CompressionError::LevelUnavailable { codec, level });
        }
        Ok(Self { codec, level })
    }

    /// The codec.
    pub const fn codec(self) -> Codec {
        self.codec
    }

    /// The level; `None` where the codec has none.
    pub const fn level(self) -> Option<i32> {
        match self.codec {
            Codec::None | Codec::Snappy => None,
            Codec::Gzip | Codec::Lz4 | Codec::Zstd => Some(self.level),
        }
    }
}

impl Default for Compression {
    fn default() -> Self {
        Self::NONE
    }
}

impl TryFrom<Codec> for Compression {
    type Error = CompressionError;

    fn try_from(codec: Codec) -> Result<Self, CompressionError> {
        Self::new(codec)
    }
}

/// Compresses batches one after another. Keep one for each thread that seals: contexts, tables and the output buffer are made on
/// first use and reused.
#[derive(Default)]
pub struct Compressor {
    #[cfg(feature = "gzip")]
    gzip: Option<gzip::Context>,
    #[cfg(feature = "snappy")]
    snappy: Option<snappy::Context>,
    #[cfg(feature = "lz4")]
    lz4: Option<lz4::Context>,
    #[cfg(feature = "zstd")]
    zstd: Option<zstd::Context>,
    output: Vec<u8>,
}

impl Compressor {
    /// A compressor without any context yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes that the output buffer holds on to: what the largest batch so far needed at worst, up to 4 MiB.
    pub fn retained(&self) -> usize {
        self.output.capacity()
    }

    /// Gives all contexts and the output buffer back to the system.
    pub fn release(&mut self) {
        *self = Self::new();
    }

    /// Gives the output buffer back to the system if it is larger than this.
    pub(crate) fn shrink_to(&mut self, most: usize) {
        if self.output.capacity() > most {
            self.output = Vec::new();
        }
    }

    /// Compresses `input`, not with [`Codec::None`].
    #[cfg_attr(
        not(any(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd")),
        allow(unreachable_code, unused_variables, reason = "no codec")
    )]
    pub(crate) fn compress(
        &mut self,
        compression: Compression,
        input: &[u8],
    ) -> Result<&[u8], CompressionError> {
        #[cfg(any(feature = "gzip", feature = "lz4", feature = "zstd"))]
        let level = compression.level;
        let output = &mut self.output;
        // The size of what is at the output's start; behind it may be what it held before, which costs nothing to leave.
        let result: Result<usize, String> = match compression.codec {
            #[cfg(feature = "gzip")]
            Codec::Gzip => self.gzip.get_or_insert_default().compress(level, input, output),
            #[cfg(feature = "snappy")]
            Codec::Snappy => Ok(self.snappy.get_or_insert_default().compress(input, output)),
            #[cfg(feature = "lz4")]
            Codec::Lz4 => self.lz4.get_or_insert_default().compress(level, input, output),
            #[cfg(feature = "zstd")]
            Codec::Zstd => self.zstd.get_or_insert_default().compress(level, input, output),
            #[allow(unreachable_patterns, reason = "the codecs that are not compiled in")]
            codec => return Err(CompressionError::NotCompiledIn { codec }),
        };
        match result {
            Ok(size) => Ok(&self.output[..size]),
            Err(reason) => {
                // A context that failed is not to be trusted with the next batch.
                self.release();
                Err(CompressionError::Failed { codec: compression.codec, reason })
            }
        }
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").field("retained", &self.retained()).finish_non_exhaustive()
    }
}

/// Decompresses a records section to at most `limit` bytes, allocating no more than a small multiple of what comes out.
#[cfg_attr(
    not(any(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd")),
    allow(unreachable_code, unused_variables, reason = "no codec")
)]
pub(crate) fn decompress(
    codec: Codec,
    input: &[u8],
    limit: usize,
) -> Result<Vec<u8>, BatchErrorKind> {
    let result: Result<Vec<u8>, DecompressError> = match codec {
        #[cfg(feature = "gzip")]
        Codec::Gzip => gzip::decompress(input, limit),
        #[cfg(feature = "snappy")]
        Codec::Snappy => snappy::decompress(input, limit),
        #[cfg(feature = "lz4")]
        Codec::Lz4 => lz4::decompress(input, limit),
        #[cfg(feature = "zstd")]
        Codec::Zstd => zstd::decompress(input, limit),
        #[allow(unreachable_patterns, reason = "the codecs that are not compiled in")]
        codec => return Err(BatchErrorKind::CodecNotCompiledIn(codec)),
    };
    result.map_err(|error| match error {
        DecompressError::TooLarge => BatchErrorKind::TooLarge { limit },
        DecompressError::Corrupt(reason) => BatchErrorKind::Corrupt { codec, reason },
    })
}

/// Why a codec did not decompress.
#[derive(Debug)]
enum DecompressError {
    /// More comes out than the limit.
    #[cfg_attr(
        not(any(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd")),
        expect(dead_code, reason = "no codec")
    )]
    TooLarge,
    /// The data is damaged.
    #[cfg_attr(
        not(any(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd")),
        expect(dead_code, reason = "no codec")
    )]
    Corrupt(String),
}

/// A codec or level that cannot be used, or that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompressionError {
    /// No codec has this name.
    UnknownCodec {
        /// The name.
        name: String,
    },
    /// The codec's feature is off in this build.
    NotCompiledIn {
        /// The codec.
        codec: Codec,
    },
    /// The codec has no levels.
    NoLevels {
        /// The codec.
        codec: Codec,
        /// The level that was asked for.
        level: i32,
    },
    /// The codec has no such level.
    LevelOutOfRange {
        /// The codec.
        codec: Codec,
        /// The level that was asked for.
        level: i32,
        /// The smallest.
        min: i32,
        /// The largest.
        max: i32,
    },
    /// Kafka's Java client has this level, this build has not.
    LevelUnavailable {
        /// The codec.
        codec: Codec,
        /// The level that was asked for.
        level: i32,
    },
    /// The codec's library failed.
    Failed {
        /// The codec.
        codec: Codec,
        /// What the library says.
        reason: String,
    },
}

impl fmt::Display for CompressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCodec { name } => {
                write!(f, "there is no codec {name:?}: use none, gzip, snappy, lz4 or zstd")
            }
            Self::NotCompiledIn { codec } => {
                write!(f, "{codec} is not compiled in: enable the feature `{codec}`")
            }
            Self::NoLevels { codec, level } => {
                write!(f, "{codec} has no levels, but level {level} was asked for")
            }
            Self::LevelOutOfRange { codec, level, min, max } => {
                write!(f, "{codec} has no level {level}: use {min} to {max}")?;
                if *codec == Codec::Gzip {
                    f.write_str(", or -1 for the default")?;
                }
                Ok(())
            }
            Self::LevelUnavailable { codec, level } => write!(
                f,
                "{codec} level {level} is a high-compression level, which this build lacks: use 9, the fast mode, or enable the feature `lz4-c`"
            ),
            Self::Failed { codec, reason } => write!(f, "{codec} failed to compress: {reason}"),
        }
    }
}

impl core::error::Error for CompressionError {}
