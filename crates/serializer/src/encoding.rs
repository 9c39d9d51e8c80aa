//! Text in other character sets than UTF-8: [`EncodedStringSerializer`].

use core::convert::Infallible;
use core::fmt;

use crate::output::Output;
use crate::plain::StringSerializer;
use crate::serializer::Serializer;

/// A character set that text is written in: those that every Java has, and UTF-32.
///
/// What a character set lacks becomes `?`, one for each character, as in Java.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// The 128 characters of ASCII.
    UsAscii,
    /// ISO 8859-1 (Latin 1): the first 256 characters of Unicode.
    Iso8859_1,
    /// UTF-16, big-endian, behind the byte order mark `feff`; nothing where the text is empty.
    Utf16,
    /// UTF-16, big-endian.
    Utf16Be,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-32, big-endian, as [`Utf32Be`](Self::Utf32Be): Java writes no mark.
    Utf32,
    /// UTF-32, big-endian.
    Utf32Be,
    /// UTF-32, little-endian.
    Utf32Le,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Utf8,
        Self::UsAscii,
        Self::Iso8859_1,
        Self::Utf16,
        Self::Utf16Be,
        Self::Utf16Le,
        Self::Utf32,
        Self::Utf32Be,
        Self::Utf32Le,
    ];

    /// Java's name for it, which is that of the IANA.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::UsAscii => "US-ASCII",
            Self::Iso8859_1 => "ISO-8859-1",
            Self::Utf16 => "UTF-16",
            Self::Utf16Be => "UTF-16BE",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf32 => "UTF-32",
            Self::Utf32Be => "UTF-32BE",
            Self::Utf32Le => "UTF-32LE",
        }
    }

    /// By one of the names that Java has for it (`latin1`, `utf8`, …), in upper or lower case.
    ///
    /// ```
    /// use rohrpost_serializer::Encoding;
    ///
    /// assert_eq!(Encoding::of_name("latin1"), Some(Encoding::Iso8859_1));
    /// assert_eq!(Encoding::of_name("EBCDIC"), None);
    /// ```
    pub fn of_name(name: &str) -> Option<Self> {
        let is = |own: &&str| own.eq_ignore_ascii_case(name);
        Self::ALL
            .into_iter()
            .find(|encoding| is(&encoding.name()) || encoding.aliases().iter().any(&is))
    }

    /// Java's other names.
    const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Utf8 => &["UTF8", "unicode-1-1-utf-8"],
            Self::UsAscii => &[
                "646",
                "ANSI_X3.4-1968",
                "ANSI_X3.4-1986",
                "ASCII",
                "ascii7",
                "cp367",
                "csASCII",
                "default",
                "IBM367",
                "ISO646-US",
                "iso-ir-6",
                "ISO_646.irv:1983",
                "ISO_646.irv:1991",
                "us",
            ],
            Self::Iso8859_1 => &[
                "819",
                "8859_1",
                "cp819",
                "csISOLatin1",
                "IBM-819",
                "IBM819",
                "ISO8859-1",
                "ISO8859_1",
                "iso-ir-100",
                "ISO_8859-1",
                "ISO_8859-1:1987",
                "ISO_8859_1",
                "l1",
                "latin1",
            ],
            Self::Utf16 => &["UTF_16", "utf16", "unicode", "UnicodeBig"],
            Self::Utf16Be => &["UTF_16BE", "ISO-10646-UCS-2", "UnicodeBigUnmarked", "X-UTF-16BE"],
            Self::Utf16Le => &["UTF_16LE", "UnicodeLittleUnmarked", "X-UTF-16LE"],
            Self::Utf32 => &["UTF32", "UTF_32"],
            Self::Utf32Be => &["UTF_32BE", "X-UTF-32BE"],
            Self::Utf32Le => &["UTF_32LE", "X-UTF-32LE"],
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Text (`str`, `String`, …) in another character set than UTF-8: Kafka's `StringSerializer` with `serializer.encoding`, `key.serializer.encoding` or
/// `value.serializer.encoding`. Made by [`StringSerializer::with_encoding`].
///
/// ```
/// use rohrpost_serializer::{Encoding, Part, StringSerializer, encode};
///
/// let latin = StringSerializer::with_encoding(Encoding::Iso8859_1);
/// assert_eq!(encode(&latin, "t", Part::Value, "Köln €")?.bytes(), Some(&b"K\xf6ln ?"[..]));
/// # Ok::<(), core::convert::Infallible>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncodedStringSerializer {
    encoding: Encoding,
}

impl StringSerializer {
    /// A serializer of text in another character set.
    pub const fn with_encoding(encoding: Encoding) -> EncodedStringSerializer {
        EncodedStringSerializer { encoding }
    }
}

impl<T: AsRef<str> + ?Sized> Serializer<T> for EncodedStringSerializer {
    type Error = Infallible;

    fn serialize<'a>(&self, value: &'a T, output: &mut Output<'a>) -> Result<(), Infallible> {
        let text = value.as_ref();
        let units = || text.encode_utf16();
        match self.encoding {
            Encoding::Utf8 => output.lend(text.as_bytes()),
            // UTF-8 is ASCII where it is ASCII.
            Encoding::UsAscii if text.is_ascii() => output.lend(text.as_bytes()),
            Encoding::UsAscii => put(output, text.chars(), |c| [byte(c, 0x7f)]),
            Encoding::Iso8859_1 => put(output, text.chars(), |c| [byte(c, 0xff)]),
            Encoding::Utf16 if text.is_empty() => output.write(&[]),
            Encoding::Utf16 => {
                output.write(&[0xfe, 0xff]);
                put(output, units(), u16::to_be_bytes);
            }
            Encoding::Utf16Be => put(output, units(), u16::to_be_bytes),
            Encoding::Utf16Le => put(output, units(), u16::to_le_bytes),
            Encoding::Utf32 | Encoding::Utf32Be => {
                put(output, text.chars(), |c| u32::from(c).to_be_bytes());
            }
            Encoding::Utf32Le => put(output, text.chars(), |c| u32::from(c).to_le_bytes()),
        }
        Ok(())
    }

    fn size_hint(&self, value: &T) -> usize {
        let bytes = value.as_ref().len();
        match self.encoding {
            Encoding::Utf8 | Encoding::UsAscii | Encoding::Iso8859_1 => bytes,
            Encoding::Utf16 | Encoding::Utf16Be | Encoding::Utf16Le => {
                bytes.saturating_mul(2).saturating_add(2)
            }
            Encoding::Utf32 | Encoding::Utf32Be | Encoding::Utf32Le => bytes.saturating_mul(4),
        }
    }

    fn java_class(&self) -> Option<&'static str> {
        Serializer::<T>::java_class(&StringSerializer)
    }

    fn encoding(&self) -> Option<Encoding> {
        Some(self.encoding)
    }
}

fn put<U, const N: usize>(
    output: &mut Output<'_>,
    units: impl Iterator<Item = U>,
    bytes: impl FnMut(U) -> [u8; N],
) {
    output.buffer().extend(units.flat_map(bytes));
}

/// A character's number, if it is one of the first.
fn byte(character: char, last: u8) -> u8 {
    u8::try_from(character).ok().filter(|byte| *byte <= last).unwrap_or(b'?')
}
