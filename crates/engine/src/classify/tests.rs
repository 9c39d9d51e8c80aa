//! Every code in every context, against a table written down by hand from Kafka's sources.

use alloc::vec::Vec;

use super::*;

/// What a code means when nothing special is the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Success,
    /// Retried; the attempt did not append.
    Again,
    /// Retried; the attempt may have appended.
    AgainMaybe,
    /// Retried; with acks=all the attempt may have appended.
    AgainMaybeIfAll,
    /// Given up; the attempt did not append.
    No,
    /// Given up; the attempt may have appended.
    Maybe,
    Duplicate,
    TooLarge,
    Sequence,
}

/// Codes that mean something else than "given up, may be written".
const TABLE: &[(i16, Row)] = &[
    (0, Row::Success),
    (2, Row::Again),
    (3, Row::AgainMaybeIfAll),
    (5, Row::AgainMaybe),
    (6, Row::AgainMaybeIfAll),
    (7, Row::AgainMaybe),
    (9, Row::AgainMaybe),
    (10, Row::TooLarge),
    (13, Row::AgainMaybe),
    (14, Row::Again),
    (15, Row::Again),
    (16, Row::Again),
    (17, Row::No),
    (18, Row::TooLarge),
    (19, Row::Again),
    (20, Row::AgainMaybe),
    (21, Row::No),
    (29, Row::No),
    (31, Row::No),
    (32, Row::No),
    (35, Row::No),
    (41, Row::AgainMaybe),
    (42, Row::No),
    (43, Row::No),
    (44, Row::No),
    (45, Row::Sequence),
    (46, Row::Duplicate),
    (47, Row::No),
    (48, Row::No),
    (49, Row::No),
    (51, Row::Again),
    (53, Row::No),
    (56, Row::AgainMaybe),
    (59, Row::Sequence),
    (70, Row::AgainMaybe),
    (71, Row::AgainMaybe),
    (72, Row::AgainMaybe),
    (74, Row::AgainMaybe),
    (75, Row::AgainMaybe),
    (76, Row::No),
    (78, Row::AgainMaybe),
    (80, Row::AgainMaybe),
    (83, Row::AgainMaybe),
    (84, Row::AgainMaybe),
    (87, Row::No),
    (88, Row::AgainMaybe),
    (89, Row::Again),
    (90, Row::No),
    (100, Row::Again),
    (103, Row::Again),
    (106, Row::AgainMaybe),
    (120, Row::No),
    (122, Row::AgainMaybe),
    (123, Row::AgainMaybe),
    (133, Row::AgainMaybe),
];

fn contexts() -> Vec<Context> {
    let mut contexts = Vec::new();
    for bits in 0..64_u8 {
        for acks in [Acks::Leader, Acks::All] {
            let bit = |at: u8| bits & (1 << at) != 0;
            let idempotent = bit(0);
            if idempotent && acks != Acks::All {
                continue;
            }
            contexts.push(Context {
                idempotent,
                transactional: idempotent && bit(5),
                acks,
                ambiguous: bit(1),
                behind: bit(2),
                many: bit(3),
                may_retry: bit(4),
            });
        }
    }
    contexts
}

/// The verdict, `refresh` aside.
fn expected(row: Row, code: i16, context: Context) -> Verdict {
    let fail = |maybe: bool| Verdict::Fail {
        outcome: if maybe || context.ambiguous {
            Outcome::MaybeWritten
        } else {
            Outcome::NotWritten
        },
        refresh: false,
    };
    let again = |maybe: bool| match context.may_retry {
        true => Verdict::Retry { maybe, refresh: false },
        false if code == 20 => Verdict::Fail { outcome: Outcome::Written, refresh: false },
        false => fail(maybe),
    };
    match row {
        Row::Success => Verdict::Appended { offset_known: true },
        Row::Again => again(false),
        Row::AgainMaybe => again(true),
        Row::AgainMaybeIfAll => again(context.acks == Acks::All),
        Row::No => fail(false),
        Row::Maybe => fail(true),
        Row::Duplicate if context.idempotent => Verdict::Appended { offset_known: false },
        Row::Duplicate => fail(true),
        Row::TooLarge if context.many => Verdict::Split,
        Row::TooLarge => fail(false),
        Row::Sequence if !context.idempotent => fail(false),
        Row::Sequence if context.behind => again(false),
        Row::Sequence if context.ambiguous || !context.may_retry => fail(false),
        Row::Sequence if context.transactional => fail(false),
        Row::Sequence => Verdict::Renew,
    }
}

fn without_refresh(verdict: Verdict) -> (Verdict, bool) {
    match verdict {
        Verdict::Retry { maybe, refresh } => (Verdict::Retry { maybe, refresh: false }, refresh),
        Verdict::Fail { outcome, refresh } => (Verdict::Fail { outcome, refresh: false }, refresh),
        other => (other, false),
    }
}

#[test]
fn every_code_in_every_context_means_what_the_table_says() {
    for code in -3..=200_i16 {
        let row = TABLE.iter().find(|&&(of, _)| of == code).map_or(Row::Maybe, |&(_, row)| row);
        for context in contexts() {
            let (verdict, refresh) =
                without_refresh(classify(context, Ending::Code(ErrorCode(code))));
            assert_eq!(verdict, expected(row, code, context), "{} {context:?}", ErrorCode(code));
            if !matches!(verdict, Verdict::Appended { .. } | Verdict::Split | Verdict::Renew) {
                assert_eq!(refresh, ErrorCode(code).is_invalid_metadata(), "{}", ErrorCode(code));
            }
        }
    }
}

#[test]
fn what_was_never_answered_is_retried_and_remembered_as_doubtful_only_where_it_may_have_arrived() {
    for context in contexts() {
        for how in
            [AttemptFailure::Disconnected, AttemptFailure::TimedOut, AttemptFailure::Misanswered]
        {
            for maybe in [false, true] {
                let verdict = classify(context, Ending::Failed { how, maybe });
                if context.may_retry {
                    assert_eq!(verdict, Verdict::Retry { maybe, refresh: true });
                } else {
                    let outcome = if maybe || context.ambiguous {
                        Outcome::MaybeWritten
                    } else {
                        Outcome::NotWritten
                    };
                    assert_eq!(verdict, Verdict::Fail { outcome, refresh: true });
                }
            }
        }
    }
}

#[test]
fn a_doubtful_batch_never_gets_a_second_identity() {
    for context in contexts().into_iter().filter(|context| context.ambiguous) {
        for code in -3..=200_i16 {
            assert_ne!(classify(context, Ending::Code(ErrorCode(code))), Verdict::Renew);
        }
    }
}

#[test]
fn not_written_is_said_only_where_no_attempt_can_have_appended() {
    for context in contexts().into_iter().filter(|context| context.ambiguous) {
        for code in -3..=200_i16 {
            let verdict = classify(context, Ending::Code(ErrorCode(code)));
            let says_no = matches!(verdict, Verdict::Fail { outcome: Outcome::NotWritten, .. });
            assert!(!says_no, "{} {context:?}", ErrorCode(code));
        }
    }
}
