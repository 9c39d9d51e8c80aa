//! SaslHandshake and SaslAuthenticate (KIP-43, KIP-152), where they are no part of an exchange: a listener without SASL.

use rohrpost_codec::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};

use crate::model::Model;
use crate::model::fault::Target;
use crate::model::request::{Call, Reply, Serve};

impl Serve for SaslHandshakeRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        Vec::new()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<SaslHandshakeResponse> {
        model.shake_hands(call, &self)
    }
}

impl Serve for SaslAuthenticateRequest {
    fn targets(&self, _: &Model, _: i16) -> Vec<Target> {
        Vec::new()
    }

    fn serve(self, model: &mut Model, call: &Call) -> Reply<SaslAuthenticateResponse> {
        model.authenticate(call, &self)
    }
}
