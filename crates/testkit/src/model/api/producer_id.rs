//! InitProducerId (KIP-98, KIP-360).

use std::collections::btree_map::Entry;
use std::time::Duration;

use rohrpost_codec::ErrorCode;
use rohrpost_codec::messages::{InitProducerIdRequest, InitProducerIdResponse};
use rohrpost_records::{ProducerEpoch, ProducerId};

use crate::model::broker::Transactional;
use crate::model::fault::Target;
use crate::model::request::{Call, Reply, Serve};
use crate::model::{Model, Permission};

/// Since then a producer that is behind hears PRODUCER_FENCED; before, INVALID_PRODUCER_EPOCH.
const FENCED_SINCE: i16 = 4;

impl Serve for InitProducerIdRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        Vec::new()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<InitProducerIdResponse> {
        let identity = match call.verdict.refusal_of(None) {
            Some(code) => Err(code),
            None => identity(model, &self, call),
        };
        let identity = identity.and_then(|identity| match call.verdict.disguise_of(None) {
            Some(code) => Err(code),
            None => Ok(identity),
        });
        let mut response = InitProducerIdResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            ..InitProducerIdResponse::default()
        };
        match identity {
            Ok((id, epoch)) => (response.producer_id, response.producer_epoch) = (id.0, epoch.0),
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
) -> Result<(ProducerId, ProducerEpoch), ErrorCode> {
    let is_denied = match &request.transactional_id {
        None if model.is_denied(call.session, &Permission::IdempotentWrite) => {
            Some(ErrorCode::CLUSTER_AUTHORIZATION_FAILED)
        }
        Some(id) if !model.may_use(call.session, id) => {
            Some(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
        }
        _ => None,
    };
    if let Some(code) = is_denied {
        return Err(code);
    }
    if (request.producer_id == ProducerId::NONE.0)
        != (request.producer_epoch == ProducerEpoch::NONE.0)
    {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    let Some(transactional_id) = &request.transactional_id else {
        // Whatever an idempotent producer had before, it gets a new id: it bumps its epoch by itself.
        return Ok((model.new_producer_id(), ProducerEpoch(0)));
    };
    if transactional_id.is_empty() {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    let timeout = u64::try_from(request.transaction_timeout_ms).ok().filter(|&ms| ms > 0);
    let max = model.config.transaction_max_timeout;
    if timeout.is_none_or(|ms| Duration::from_millis(ms) > max) {
        return Err(ErrorCode::INVALID_TRANSACTION_TIMEOUT);
    }
    model.check_coordinator(call.broker, transactional_id)?;
    let asked = (ProducerId(request.producer_id), ProducerEpoch(request.producer_epoch));
    let id = model.new_producer_id_if_needed(transactional_id);
    let fenced = if call.version >= FENCED_SINCE {
        ErrorCode::PRODUCER_FENCED
    } else {
        ErrorCode::INVALID_PRODUCER_EPOCH
    };
    match model.transactional.entry(transactional_id.to_string()) {
        Entry::Vacant(entry) => {
            let new = Transactional {
                producer_id: id,
                epoch: ProducerEpoch(0),
                last_epoch: ProducerEpoch::NONE,
            };
            entry.insert(new);
            Ok((new.producer_id, new.epoch))
        }
        Entry::Occupied(mut entry) => {
            let state = entry.get_mut();
            state.bump(asked, id).ok_or(fenced)
        }
    }
}

impl Transactional {
    /// The next epoch, for whoever does not say what it has, or has the present identity. The producer that has had the last
    /// bump already, and did not hear of it, gets it again. `None` for any other.
    fn bump(
        &mut self,
        (id, epoch): (ProducerId, ProducerEpoch),
        spare: ProducerId,
    ) -> Option<(ProducerId, ProducerEpoch)> {
        let is_said = id.is_some();
        if is_said && id == self.producer_id && epoch == self.last_epoch {
            return Some((self.producer_id, self.epoch));
        }
        if is_said && (id, epoch) != (self.producer_id, self.epoch) {
            return None;
        }
        // The last epoch is kept for fencing.
        if self.epoch.0 >= i16::MAX - 1 {
            *self = Self {
                producer_id: spare,
                epoch: ProducerEpoch(0),
                last_epoch: ProducerEpoch::NONE,
            };
        } else {
            self.last_epoch = if is_said { self.epoch } else { ProducerEpoch::NONE };
            self.epoch = ProducerEpoch(self.epoch.0 + 1);
        }
        Some((self.producer_id, self.epoch))
    }
}

impl Model {
    fn new_producer_id(&mut self) -> ProducerId {
        let id = ProducerId(self.next_producer_id);
        self.next_producer_id += 1;
        id
    }

    /// A new id where the transactional id has none, or has used its epochs up; else the one that it has.
    fn new_producer_id_if_needed(&mut self, transactional_id: &str) -> ProducerId {
        match self.transactional.get(transactional_id) {
            Some(state) if state.epoch.0 < i16::MAX - 1 => state.producer_id,
            _ => self.new_producer_id(),
        }
    }
}
