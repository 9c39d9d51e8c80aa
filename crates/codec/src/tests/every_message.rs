//! What holds for every message in every version.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::sample::{Sample, Source};
use super::samples::with_every_message;
use super::vectors::{self, Vector};
use crate::{DecodeErrorKind, Message};

/// Every version that is encoded and decoded.
fn versions<M: Message>() -> impl Iterator<Item = i16> {
    M::VERSIONS.iter().chain(M::UNSTABLE_VERSION)
}

fn sample<M: Message + Sample>(seed: u64, version: i16) -> M {
    M::sample(&mut Source::new(seed, version, M::is_flexible(version)), false)
}

fn comes_back_in_every_version<M: Message + Sample>(seed: u64) -> Result<(), TestCaseError> {
    for version in versions::<M>() {
        let place = format!("{} v{version}", M::NAME);
        let message: M = sample(seed, version);
        let bytes = message.to_bytes(version);
        let bytes = bytes.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(message.size(version), Ok(bytes.len()), "{}", place);
        let decoded = M::from_bytes(&bytes, version);
        prop_assert_eq!(decoded.as_ref(), Ok(&message), "{}", place);
        prop_assert_eq!(decoded.unwrap().to_bytes(version), Ok(bytes), "{}", place);
    }
    Ok(())
}

fn refuses_every_beginning_of_itself<M: Message + Sample>(seed: u64) -> Result<(), TestCaseError> {
    for version in versions::<M>() {
        let bytes = sample::<M>(seed, version).to_bytes(version).unwrap();
        for cut in 0..bytes.len() {
            let error = M::from_bytes(&bytes.slice(..cut), version).err();
            let error = error.ok_or_else(|| {
                TestCaseError::fail(format!("{} v{version}: whole at {cut}", M::NAME))
            })?;
            prop_assert!(error.is_short(), "{} of {} bytes: {}", cut, bytes.len(), error);
            prop_assert!(error.offset() <= cut);
        }
        let longer = Bytes::from([&bytes[..], &[0]].concat());
        let error = M::from_bytes(&longer, version).unwrap_err();
        prop_assert_eq!(error.kind(), DecodeErrorKind::Trailing { bytes: 1 });
        prop_assert_eq!(error.offset(), bytes.len());
    }
    Ok(())
}

/// Bytes that decode at all are those of some message: it encodes, and comes back.
fn takes_anything<M: Message>(bytes: &Bytes) -> Result<(), TestCaseError> {
    for version in versions::<M>() {
        match M::from_bytes(bytes, version) {
            Ok(message) => {
                let again = message.to_bytes(version);
                let again = again.map_err(|error| TestCaseError::fail(error.to_string()))?;
                // Not the values: a number that is none equals nothing.
                let once_more = M::from_bytes(&again, version).unwrap().to_bytes(version);
                prop_assert_eq!(once_more, Ok(again));
            }
            Err(error) => prop_assert!(error.offset() <= bytes.len(), "{}", error),
        }
    }
    Ok(())
}

/// Java's bytes of every version are read, and written the same.
fn agrees_with_java<M: Message>() {
    let vectors = vectors::of(vectors::EVERY_MESSAGE, M::NAME);
    for version in versions::<M>() {
        assert!(vectors.iter().any(|vector| vector.version == version), "none of {version}");
    }
    for Vector { version, header_version, bytes } in vectors {
        let message = M::from_bytes(&bytes, version).unwrap();
        assert_eq!(message.to_bytes(version), Ok(bytes), "{} v{version}: {message:?}", M::NAME);
        // What `Request` and `Response` go by.
        let is_flexible = i16::from(M::is_flexible(version));
        let expected = match header_version {
            None => continue,
            Some(_) if M::NAME == "ApiVersionsResponse" => 0,
            Some(_) if M::NAME.ends_with("Response") => is_flexible,
            Some(_) => 1 + is_flexible,
        };
        assert_eq!(header_version, Some(expected), "{} v{version}", M::NAME);
    }
}

fn takes_anything_by_chance<M: Message>(seed: u64) -> Result<(), TestCaseError> {
    let mut source = Source::new(seed, 0, false);
    let length = source.below(64);
    // Small numbers more often: they make lengths and counts that fit.
    let byte = |source: &mut Source| match source.below(3) {
        0 => source.below(256) as u8,
        1 => 0,
        _ => source.below(4) as u8,
    };
    takes_anything::<M>(&(0..length).map(|_| byte(&mut source)).collect())
}

/// One byte of a valid message changed, which reaches deeper than bytes by chance.
fn takes_one_wrong_byte<M: Message + Sample>(seed: u64) -> Result<(), TestCaseError> {
    let mut source = Source::new(seed, 0, false);
    for version in versions::<M>() {
        let mut bytes = sample::<M>(seed, version).to_bytes(version).unwrap().to_vec();
        if !bytes.is_empty() {
            let place = source.below(bytes.len());
            bytes[place] = source.below(256) as u8;
        }
        takes_anything::<M>(&bytes.into())?;
    }
    Ok(())
}

/// The most bytes of memory that decoding may hold for a byte of input. A structure takes up to 34
/// times the fewest bytes it can have on the wire; a vector of them may grow by half when the bytes
/// that made it grow are the last.
const MEMORY_PER_BYTE: u64 = 34 * 5 / 2;

/// The same for an input of a few bytes: an error, and vectors of a few elements.
const MEMORY_AT_LEAST: u64 = 4096;

/// A large count or length in every place of a valid message, and a long tail for it to point into:
/// of zeros, or of what may be empty strings and arrays with an end of tagged fields after a few.
fn gets_no_more_memory_than_its_input_is_worth<M: Message>() {
    let tails: Vec<Vec<u8>> =
        (0..6).map(|ones| [&[1; 6][..ones], &[0]].concat().repeat(4000 / (ones + 1))).collect();
    // One of the three of each version.
    for Vector { version, bytes, .. } in
        vectors::of(vectors::EVERY_MESSAGE, M::NAME).into_iter().step_by(3)
    {
        for place in 0..bytes.len() {
            for (claim, tail) in [
                (&[0x7f, 0xff, 0xff, 0xff][..], &tails[0]),
                (&[0xff, 0xff, 0xff, 0xff, 0x0f], &tails[0]),
                (&[0x00, 0x00, 0x03, 0xff], &tails[0]),
                (&[0xff, 0x1f], &tails[0]),
                (&[0xff, 0x0f], &tails[1]),
                (&[0xff, 0x0a], &tails[2]),
                (&[0xff, 0x07], &tails[3]),
                (&[0xff, 0x06], &tails[4]),
                (&[0xff, 0x05], &tails[5]),
            ] {
                let hostile: Bytes = [&bytes[..place], claim, tail].concat().into();
                let decode = || drop(M::from_bytes(&hostile, version));
                let peak = allocation_counter::measure(decode).bytes_max;
                let most = MEMORY_AT_LEAST + MEMORY_PER_BYTE * hostile.len() as u64;
                assert!(peak <= most, "{} v{version}: {peak} bytes at {place}", M::NAME);
            }
        }
    }
}

fn defaults_come_back<M: Message>() {
    for version in versions::<M>() {
        let place = format!("{} v{version}", M::NAME);
        let message = M::default();
        // A few defaults are no value of every version: null where there is none.
        let Ok(bytes) = message.to_bytes(version) else { continue };
        assert_eq!(M::from_bytes(&bytes, version), Ok(message), "{place}");
    }
}

fn refuses_other_versions<M: Message>() {
    let newest = M::UNSTABLE_VERSION.unwrap_or(M::VERSIONS.max);
    for version in [i16::MIN, -1, M::VERSIONS.min - 1, newest + 1, i16::MAX] {
        assert!(M::default().to_bytes(version).is_err());
        assert!(M::default().size(version).is_err());
        let error = M::from_bytes(&Bytes::from_static(&[0; 64]), version).unwrap_err();
        let kind = DecodeErrorKind::UnsupportedVersion { supported: M::VERSIONS };
        assert_eq!((error.kind(), error.message(), error.version()), (kind, M::NAME, version));
    }
}

/// Runs a promise with seeds by chance; the failing one is named.
fn hold(cases: u32, promise: fn(u64) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config).run(&any::<u64>(), promise).unwrap();
}

macro_rules! promises {
    ($($(#[$cfg:meta])* $module:ident $name:ident,)*) => {$(
        $(#[$cfg])*
        mod $module {
            use super::*;
            use crate::messages::$name as Subject;

            #[test]
            fn comes_back_in_every_version() {
                hold(64, super::comes_back_in_every_version::<Subject>);
            }

            #[test]
            fn agrees_with_java() {
                super::agrees_with_java::<Subject>();
            }

            #[test]
            fn refuses_every_beginning_of_itself() {
                hold(4, super::refuses_every_beginning_of_itself::<Subject>);
            }

            #[test]
            fn gets_no_more_memory_than_its_input_is_worth() {
                super::gets_no_more_memory_than_its_input_is_worth::<Subject>();
            }

            #[test]
            fn takes_anything() {
                hold(64, super::takes_anything_by_chance::<Subject>);
            }

            #[test]
            fn takes_one_wrong_byte() {
                hold(64, super::takes_one_wrong_byte::<Subject>);
            }

            #[test]
            fn has_defaults_that_come_back() {
                super::defaults_come_back::<Subject>();
            }

            #[test]
            fn refuses_other_versions() {
                super::refuses_other_versions::<Subject>();
            }
        }
    )*};
}

with_every_message!(promises);
