//! FindCoordinator. Any broker would do here: which one it is depends on the key, and on who is up.

use rohrpost_codec::messages::FindCoordinatorRequest;
use rohrpost_codec::messages::find_coordinator_response::{Coordinator, FindCoordinatorResponse};
use rohrpost_codec::{ByteStr, ErrorCode};

use crate::model::fault::Target;
use crate::model::request::{Call, Reply, Serve};
use crate::model::{Broker, Model, Permission};

/// Since then a request has several keys.
const KEYS_SINCE: i16 = 4;

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

impl Serve for FindCoordinatorRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        Vec::new()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<FindCoordinatorResponse> {
        let find = |key: &ByteStr| {
            let faulted = call.verdict.refusal_of(None).or_else(|| call.verdict.disguise_of(None));
            let found = match faulted {
                Some(code) => Err(code),
                None => model.coordinator(call, key, self.key_type),
            };
            describe(key, found)
        };
        let mut response = FindCoordinatorResponse {
            throttle_time_ms: call.verdict.throttle_ms(),
            ..FindCoordinatorResponse::default()
        };
        if call.version >= KEYS_SINCE {
            response.coordinators = self.coordinator_keys.iter().map(find).collect();
        } else {
            let found = find(&self.key);
            response.error_code = found.error_code;
            (response.node_id, response.host, response.port) =
                (found.node_id, found.host, found.port);
        }
        Reply::With(response)
    }
}

fn describe(key: &ByteStr, found: Result<&Broker, ErrorCode>) -> Coordinator {
    let (node_id, host, port, error_code) = match found {
        Ok(broker) => (broker.id.0, broker.host.as_str(), broker.port.into(), ErrorCode::NONE),
        Err(code) => (-1, "", -1, code),
    };
    let host = ByteStr::copy_from(host);
    Coordinator { key: key.clone(), node_id, host, port, error_code, ..Coordinator::default() }
}

impl Model {
    fn may_find(&self, call: &Call, transactional_id: &str) -> bool {
        !self.is_denied(call.session, &Permission::DescribeTransactionalId(transactional_id.into()))
    }

    fn coordinator(&self, call: &Call, key: &str, key_type: i8) -> Result<&Broker, ErrorCode> {
        match key_type {
            GROUP if self.is_denied(call.session, &Permission::DescribeGroup(key.into())) => {
                return Err(ErrorCode::GROUP_AUTHORIZATION_FAILED);
            }
            GROUP => {}
            TRANSACTION if self.may_find(call, key) => {}
            TRANSACTION => return Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
            _ => return Err(ErrorCode::INVALID_REQUEST),
        }
        let found = self.coordinator_of(key).and_then(|id| self.broker(id));
        found.ok_or(ErrorCode::COORDINATOR_NOT_AVAILABLE)
    }
}
