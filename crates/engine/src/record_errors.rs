//! Which record of a refused batch was at fault (KIP-467).

use alloc::vec::Vec;
use core::ops::Range;

use rohrpost_codec::messages::produce_response::BatchIndexAndErrorMessage;
use rohrpost_codec::{ByteStr, ErrorCode};

use crate::error::DeliveryErrorKind;

/// Divides the records of a batch of `count` into those that the broker names, with its message, and the others. Indices that the batch does not
/// have are ignored; of an index that comes twice the first message counts. If none is left, all were refused alike.
pub(crate) fn failures_by_range(
    code: ErrorCode,
    message: Option<ByteStr>,
    errors: &[BatchIndexAndErrorMessage],
    count: u32,
) -> Vec<(Range<u32>, DeliveryErrorKind)> {
    let mut named: Vec<(u32, Option<&ByteStr>)> = errors
        .iter()
        .filter_map(|error| {
            let index = u32::try_from(error.batch_index).ok().filter(|index| *index < count)?;
            Some((index, error.batch_index_error_message.as_ref()))
        })
        .collect();
    named.sort_by_key(|&(index, _)| index);
    named.dedup_by_key(|&mut (index, _)| index);
    let mut ranges = Vec::new();
    if named.is_empty() {
        ranges.push((0..count, DeliveryErrorKind::Refused { code, message }));
        return ranges;
    }
    let mut next = 0;
    for (index, own) in named {
        if next < index {
            ranges.push((next..index, DeliveryErrorKind::RefusedWithOthers { code }));
        }
        let message = own.or(message.as_ref()).cloned();
        ranges.push((index..index + 1, DeliveryErrorKind::Refused { code, message }));
        next = index + 1;
    }
    if next < count {
        ranges.push((next..count, DeliveryErrorKind::RefusedWithOthers { code }));
    }
    ranges
}

#[cfg(test)]
mod tests {

    use alloc::vec;

    use super::*;

    fn error(index: i32, text: Option<&str>) -> BatchIndexAndErrorMessage {
        BatchIndexAndErrorMessage {
            batch_index: index,
            batch_index_error_message: text.map(ByteStr::copy_from),
            ..Default::default()
        }
    }

    #[test]
    fn the_named_records_get_their_messages_and_the_others_hear_that_it_was_not_them() {
        let code = ErrorCode::INVALID_RECORD;
        let refused = |text: &str| DeliveryErrorKind::Refused {
            code,
            message: Some(ByteStr::copy_from(text)),
        };
        let others = DeliveryErrorKind::RefusedWithOthers { code };
        let errors = [
            error(4, None),
            error(-1, Some("x")),
            error(1, Some("bad key")),
            error(1, Some("y")),
            error(5, Some("z")),
            error(i32::MAX, None),
        ];
        let message = Some(ByteStr::copy_from("all bad"));
        assert_eq!(
            failures_by_range(code, message.clone(), &errors, 5),
            vec![
                (0..1, others.clone()),
                (1..2, refused("bad key")),
                (2..4, others),
                (4..5, refused("all bad")),
            ]
        );
        assert_eq!(
            failures_by_range(code, message, &errors[4..], 5),
            vec![(0..5, refused("all bad"))]
        );
    }
}
