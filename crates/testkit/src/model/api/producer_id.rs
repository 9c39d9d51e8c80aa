//! InitProducerId (KIP-98, KIP-360, KIP-939).

use std::time::Duration;

use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::{InitProducerIdRequest, InitProducerIdResponse};
use rohrpost_records::ProducerEpoch;

use super::transactions::code_of;
use crate::model::fault::Target;
use crate::model::request::{Call, Reply, Serve};
use crate::model::transactions::{Welcome, Wish, identity_of};
use crate::model::{Model, Permission, TwoPhaseCommit};

/// Since then a producer that is behind hears PRODUCER_FENCED; before, INVALID_PRODUCER_EPOCH.
const FENCED_SINCE: i16 = 4;

impl Serve for InitProducerIdRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        Vec::new()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<InitProducerIdResponse> {
        let identity = call.faulted(|| identity(model, &self, call));
        let mut response = InitProducerIdResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            ..InitProducerIdResponse::default()
        };
        match identity {
            Ok(((id, epoch), kept)) => {
                (response.producer_id, response.producer_epoch) = (id.0, epoch.0);
                if let Some((id, epoch)) = kept {
                    response.ongoing_txn_producer_id = id.0;
                    response.ongoing_txn_producer_epoch = epoch.0;
                }
            }
            Err(code) => {
                response.error_code = code;
                response.producer_epoch = ProducerEpoch::NONE.0;
            }
        }
        Reply::With(response)
    }
}

fn identity(
    model: &mut Model,
    request: &InitProducerIdRequest,
    call: &Call,
) -> Result<Welcome, ErrorCode> {
    let is_denied = match &request.transactional_id {
        None if model.is_denied(call.session, &Permission::IdempotentWrite) => {
            Some(ErrorCode::CLUSTER_AUTHORIZATION_FAILED)
        }
        Some(id) if !model.may_use(call.session, id) => {
            Some(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
        }
        Some(id) if request.enable_2pc && !model.may_prepare(call.session, id) => {
            Some(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
        }
        _ => None,
    };
    if let Some(code) = is_denied {
        return Err(code);
    }
    let expected = identity_of(request.producer_id, request.producer_epoch)?;
    let Some(transactional_id) = &request.transactional_id else {
        // Whatever an idempotent producer had before, it gets a new id: it bumps its epoch by itself.
        return Ok(((model.new_producer_id(), ProducerEpoch(0)), None));
    };
    if transactional_id.is_empty() {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    let two_phase = model.two_phase_commit();
    if request.enable_2pc && two_phase == TwoPhaseCommit::Refused {
        return Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    }
    if request.keep_prepared_txn && two_phase != TwoPhaseCommit::Whole {
        return Err(ErrorCode::UNSUPPORTED_VERSION);
    }
    let timeout = u64::try_from(request.transaction_timeout_ms).ok().filter(|&ms| ms > 0);
    let timeout = timeout.map(Duration::from_millis);
    let timeout = timeout.filter(|&timeout| timeout <= model.config.transaction_max_timeout);
    if timeout.is_none() && !request.enable_2pc {
        return Err(ErrorCode::INVALID_TRANSACTION_TIMEOUT);
    }
    model.check_coordinator(call.broker, transactional_id)?;
    let timeout = timeout.filter(|_| !request.enable_2pc);
    let wish = Wish { expected, timeout, keeps: request.keep_prepared_txn };
    let initialised = model.init_producer(transactional_id, wish);
    initialised.map_err(|code| code_of(Some(code), call.version, FENCED_SINCE))
}
