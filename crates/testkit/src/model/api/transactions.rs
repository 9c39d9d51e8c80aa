//! The APIs of transactions: AddPartitionsToTxn, AddOffsetsToTxn and EndTxn here and below; TxnOffsetCommit is with the groups' APIs.

mod add_partitions;
mod describe;

use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, EndTxnRequest, EndTxnResponse,
};
use rohrpost_records::{ProducerEpoch, ProducerId};

use crate::model::fault::Target;
use crate::model::request::{Call, Reply, Serve};
use crate::model::transactions::Identity;
use crate::model::{Model, Permission};

/// Since then a producer that is behind hears PRODUCER_FENCED; before, INVALID_PRODUCER_EPOCH.
const FENCED_SINCE: i16 = 2;
/// Since then EndTxn is that of transaction version 2: it bumps the epoch, and says so (KIP-890).
const BUMPS_SINCE: i16 = 5;

impl Serve for AddOffsetsToTxnRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        Vec::new()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<AddOffsetsToTxnResponse> {
        let added = call.faulted(|| add_offsets(model, call, &self));
        Reply::With(AddOffsetsToTxnResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            error_code: code_of(added.err(), call.version, FENCED_SINCE),
            ..AddOffsetsToTxnResponse::default()
        })
    }
}

fn add_offsets(
    model: &mut Model,
    call: &Call,
    request: &AddOffsetsToTxnRequest,
) -> Result<(), ErrorCode> {
    let id = request.transactional_id.as_str();
    if !model.may_use(call.session, id) {
        return Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    }
    if model.is_denied(call.session, &Permission::ReadGroup(request.group_id.to_string())) {
        return Err(ErrorCode::GROUP_AUTHORIZATION_FAILED);
    }
    check_id(model, call, id)?;
    let who = (ProducerId(request.producer_id), ProducerEpoch(request.producer_epoch));
    let place = model.groups.place_of(&request.group_id);
    model.add_to_transaction(id, who, [place], call.now)
}

impl Serve for EndTxnRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        Vec::new()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<EndTxnResponse> {
        let ended = call.faulted(|| end(model, call, &self));
        let mut response = EndTxnResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            ..EndTxnResponse::default()
        };
        match ended {
            Ok((id, epoch)) if call.version >= BUMPS_SINCE => {
                (response.producer_id, response.producer_epoch) = (id.0, epoch.0);
            }
            Ok(_) => {}
            Err(code) => response.error_code = code_of(Some(code), call.version, FENCED_SINCE),
        }
        Reply::With(response)
    }
}

fn end(model: &mut Model, call: &Call, request: &EndTxnRequest) -> Result<Identity, ErrorCode> {
    let id = request.transactional_id.as_str();
    if !model.may_use(call.session, id) {
        return Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    }
    check_id(model, call, id)?;
    let who = (ProducerId(request.producer_id), ProducerEpoch(request.producer_epoch));
    model.end_transaction(id, who, request.committed, call.version >= BUMPS_SINCE, call.now)
}

/// Whether a transactional id can be one, and the broker coordinates it.
fn check_id(model: &Model, call: &Call, id: &str) -> Result<(), ErrorCode> {
    match id.is_empty() {
        true => Err(ErrorCode::INVALID_REQUEST),
        false => model.check_coordinator(call.broker, id),
    }
}

/// The code that a version of a request is answered with.
pub(super) fn code_of(code: Option<ErrorCode>, version: i16, fenced_since: i16) -> ErrorCode {
    match code {
        Some(ErrorCode::PRODUCER_FENCED) if version < fenced_since => {
            ErrorCode::INVALID_PRODUCER_EPOCH
        }
        code => code.unwrap_or_default(),
    }
}

impl Call {
    /// Does what a request for no topic asks, unless a fault refuses it; a fault may disguise what came of it.
    pub(super) fn faulted<T>(
        &self,
        serve: impl FnOnce() -> Result<T, ErrorCode>,
    ) -> Result<T, ErrorCode> {
        if let Some(code) = self.verdict.refusal_of(None) {
            return Err(code);
        }
        let served = serve()?;
        self.verdict.disguise_of(None).map_or(Ok(served), Err)
    }
}
