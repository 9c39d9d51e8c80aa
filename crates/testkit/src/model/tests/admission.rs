//! How a leader judges batches by their producer (KIP-98, KIP-360).

use rohrpost_codec::ErrorCode;

use super::support::*;
use crate::model::{Model, ModelConfig};

const NONE: ErrorCode = ErrorCode::NONE;
const GAP: ErrorCode = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
const FENCED: ErrorCode = ErrorCode::INVALID_PRODUCER_EPOCH;
const MAX: i32 = i32::MAX;

/// Producer id, epoch, sequence, number of records.
type Sent = (i64, i16, i32, i32);

/// Batches in a row, and what each is answered with: a code and an offset.
fn check(name: &str, forget_before: Option<usize>, steps: &[(Sent, ErrorCode, i64)]) {
    let mut model: Model = model(ModelConfig::default());
    let session = model.connect(1).unwrap();
    for (step, &((id, epoch, sequence, records), code, offset)) in steps.iter().enumerate() {
        if forget_before == Some(step) {
            model.forget_producers("t", 0).unwrap();
        }
        let answer = append(&mut model, session, -1, batch(records, id, epoch, sequence));
        assert_eq!((answer.error_code, answer.base_offset), (code, offset), "{name}, step {step}");
    }
}

#[test]
fn sequences_go_on_without_a_gap() {
    check(
        "a gap",
        None,
        &[
            ((7, 0, 0, 3), NONE, 0),
            ((7, 0, 4, 1), GAP, -1),
            ((7, 0, 2, 1), GAP, -1),
            ((7, 0, 3, 2), NONE, 3),
            ((8, 0, 0, 1), NONE, 5),
            ((7, 0, 5, 1), NONE, 6),
        ],
    );
}

#[test]
fn the_last_five_batches_are_known_again_by_their_whole_range() {
    check(
        "duplicates",
        None,
        &[
            ((7, 0, 0, 2), NONE, 0),
            ((7, 0, 2, 1), NONE, 2),
            ((7, 0, 3, 1), NONE, 3),
            ((7, 0, 4, 1), NONE, 4),
            ((7, 0, 5, 1), NONE, 5),
            ((7, 0, 0, 2), NONE, 0),
            ((7, 0, 4, 1), NONE, 4),
            ((7, 0, 0, 1), GAP, -1),
            ((7, 0, 6, 1), NONE, 6),
            ((7, 0, 0, 2), GAP, -1),
            ((7, 0, 2, 1), NONE, 2),
        ],
    );
}

#[test]
fn a_new_epoch_begins_with_zero_and_fences_the_old_one() {
    check(
        "epochs",
        None,
        &[
            ((7, 0, 0, 1), NONE, 0),
            ((7, 1, 1, 1), GAP, -1),
            ((7, 2, 0, 1), NONE, 1),
            ((7, 1, 0, 1), FENCED, -1),
            ((7, 0, 1, 1), FENCED, -1),
            ((7, 0, 0, 1), FENCED, -1),
            ((7, 2, 1, 1), NONE, 2),
            ((7, i16::MAX, 0, 1), NONE, 3),
        ],
    );
}

#[test]
fn sequences_wrap_to_zero() {
    check(
        "wrapping between batches",
        Some(1),
        &[
            ((1, 0, 0, 1), NONE, 0),
            ((7, 3, MAX - 2, 3), NONE, 1),
            ((7, 3, MAX, 1), GAP, -1),
            ((7, 3, 0, 1), NONE, 4),
            ((7, 3, MAX - 2, 3), NONE, 1),
        ],
    );
    check(
        "wrapping within a batch",
        Some(1),
        &[
            ((1, 0, 0, 1), NONE, 0),
            ((7, 3, MAX - 1, 4), NONE, 1),
            ((7, 3, 0, 1), GAP, -1),
            ((7, 3, 2, 1), NONE, 5),
            ((7, 3, MAX - 1, 4), NONE, 1),
        ],
    );
}

#[test]
fn a_producer_that_is_not_known_may_begin_anywhere() {
    check(
        "an unknown producer",
        None,
        &[((7, 4, 5, 1), NONE, 0), ((7, 4, 7, 1), GAP, -1), ((7, 4, 6, 1), NONE, 1)],
    );
    check(
        "a forgotten producer",
        Some(2),
        &[
            ((7, 0, 0, 1), NONE, 0),
            ((7, 0, 1, 1), NONE, 1),
            ((7, 0, 3, 1), NONE, 2),
            ((7, 0, 2, 1), GAP, -1),
        ],
    );
}

#[test]
fn without_a_producer_id_nothing_is_judged() {
    check("no producer", None, &[((-1, -1, -1, 1), NONE, 0), ((-1, -1, -1, 1), NONE, 1)]);
}
