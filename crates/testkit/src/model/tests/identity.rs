//! Producer ids and their epochs (KIP-98, KIP-360), and sameness from the same seed.

use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::{InitProducerIdRequest, InitProducerIdResponse};

use super::support::*;
use crate::TopicSpec;
use crate::model::{BrokerId, Model, ModelConfig};

fn init(model: &mut Model, id: Option<&'static str>, known: (i64, i16)) -> InitProducerIdResponse {
    let broker = id.and_then(|id| model.coordinator_of(id)).unwrap_or(BrokerId(2));
    let session = model.connect(broker).unwrap();
    let request = InitProducerIdRequest {
        transaction_timeout_ms: 60_000,
        transactional_id: id.map(Into::into),
        producer_id: known.0,
        producer_epoch: known.1,
        ..Default::default()
    };
    call(model, at(0), session, &request, 5)
}

#[test]
fn an_idempotent_producer_always_gets_a_new_id() {
    let mut model = model(ModelConfig::default());
    for (known, wanted) in [((-1, -1), 1000), ((-1, -1), 1001), ((1000, 3), 1002)] {
        let given = init(&mut model, None, known);
        assert_eq!(given.error_code, ErrorCode::NONE);
        assert_eq!((given.producer_id, given.producer_epoch), (wanted, 0));
    }
}

#[test]
fn a_transactional_id_keeps_its_producer_id_and_bumps_its_epoch() {
    let mut model = model(ModelConfig::default());
    let mut check = |known, wanted: Result<(i64, i16), ErrorCode>, why| {
        let given = init(&mut model, Some("x"), known);
        let got = match given.error_code.ok() {
            Ok(()) => Ok((given.producer_id, given.producer_epoch)),
            Err(code) => Err(code),
        };
        assert_eq!(got, wanted, "{why}");
    };
    check((-1, -1), Ok((1000, 0)), "the first time");
    check((-1, -1), Ok((1000, 1)), "a new process");
    check((1000, 1), Ok((1000, 2)), "a bump that the producer asks for");
    check((1000, 1), Ok((1000, 2)), "the same again: it did not hear the answer");
    check((1000, 0), Err(ErrorCode::PRODUCER_FENCED), "a zombie");
    check((999, 2), Err(ErrorCode::PRODUCER_FENCED), "somebody else's id");
    for epoch in 3..=i16::MAX - 1 {
        check((1000, epoch - 1), Ok((1000, epoch)), "bump after bump");
    }
    check((1000, i16::MAX - 1), Ok((1001, 0)), "the epochs are used up");
}

#[test]
fn the_same_seed_gives_the_same_cluster_and_another_one_another() {
    let ids = |seed| {
        let mut model = Model::new(ModelConfig { seed, ..ModelConfig::default() });
        let create = |name| model.create_topic(&TopicSpec::new(name)).unwrap();
        ["a", "b"].map(create)
    };
    assert_eq!(ids(1), ids(1));
    assert_ne!(ids(1), ids(2));
    assert_ne!(ids(1)[0], ids(1)[1]);
}
