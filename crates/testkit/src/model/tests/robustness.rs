//! Whatever comes in, the model answers, closes, or waits: it never panics.

use bytes::Bytes;
use proptest::prelude::*;
use rohrpost_codec::ApiKey;

use super::support::*;
use crate::model::api::SERVED;
use crate::model::{Answer, ModelConfig};

/// A header that is right, in the form that the version wants or another, with anything behind it.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let apis: Vec<_> = SERVED.iter().flat_map(|(key, v)| v.iter().map(|v| (*key, v))).collect();
    let start = prop::sample::select(apis);
    (start, any::<bool>(), prop::collection::vec(interesting(), 0..120)).prop_map(
        |((key, version), is_flexible, body): ((ApiKey, i16), bool, Vec<u8>)| {
            let mut frame = i16::from(key).to_be_bytes().to_vec();
            frame.extend(version.to_be_bytes());
            frame.extend([0, 0, 0, 1, 0xff, 0xff]);
            frame.extend(is_flexible.then_some(0));
            frame.extend(body);
            frame
        },
    )
}

/// Bytes that are often counts and lengths of something.
fn interesting() -> impl Strategy<Value = u8> {
    prop_oneof![Just(0), Just(1), Just(2), Just(b't'), Just(0xff), any::<u8>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_survived(frame in prop_oneof![request(), prop::collection::vec(any::<u8>(), 0..40)]) {
        let mut model = model(ModelConfig::default());
        let session = model.connect(1).unwrap();
        let answer = model.handle(at(0), session, &Bytes::from(frame));
        if let Answer::Wait(waiting) = answer {
            let deadline = waiting.deadline().unwrap_or_default();
            let answer = model.resume(at(deadline.as_millis() as u64), session, waiting);
            prop_assert!(matches!(answer, Answer::Send(_)), "{answer:?}");
        }
    }

    #[test]
    fn any_records_are_judged(at_byte in 0_usize..100, byte: u8, length in 0_usize..100) {
        let mut model = model(ModelConfig::default());
        let session = model.connect(1).unwrap();
        let mut records = batch(3, 7, 0, 0).to_vec();
        let at_byte = at_byte % records.len();
        let is_same = records[at_byte] == byte;
        records[at_byte] = byte;
        records.truncate(records.len() - length % records.len());
        let is_whole = records.len() == batch(3, 7, 0, 0).len();
        let answer = append(&mut model, session, -1, records.into());
        // The leader epoch and the upper bytes of the length are not covered by the CRC.
        let is_free = (12..16).contains(&at_byte);
        if is_whole && (is_same || is_free) {
            prop_assert_eq!((answer.error_code.0, answer.base_offset), (0, 0));
        } else {
            prop_assert!(!answer.error_code.is_none());
            prop_assert_eq!(model.records("t", 0).count(), 0);
        }
    }
}
