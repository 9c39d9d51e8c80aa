//! Kerberos behind the trait of the mechanism GSSAPI.

use std::fmt;

use rohrpost_kerberos::{Context, Initiator};
use rohrpost_sasl::{GssContext, GssError, GssToken};

use super::words;

/// A client's context with one broker.
pub(super) struct KerberosContext {
    stage: Stage,
    client: String,
    service: String,
}

enum Stage {
    Asking(Initiator),
    Standing(Context),
    Ended,
}

impl KerberosContext {
    pub(super) fn new(initiator: Initiator, client: String, service: String) -> Self {
        Self { stage: Stage::Asking(initiator), client, service }
    }

    fn standing(&mut self) -> Result<&mut Context, GssError> {
        match &mut self.stage {
            Stage::Standing(context) => Ok(context),
            _ => Err(out_of_turn()),
        }
    }
}

fn out_of_turn() -> GssError {
    GssError { detail: "the security context does not stand".to_owned(), is_retriable: false }
}

impl GssContext for KerberosContext {
    fn init(&mut self, token: Option<&[u8]>) -> Result<GssToken, GssError> {
        let Some(token) = token else {
            let Stage::Asking(initiator) = &self.stage else { return Err(out_of_turn()) };
            return Ok(GssToken { token: Some(initiator.token().to_vec()), is_established: false });
        };
        let Stage::Asking(initiator) = std::mem::replace(&mut self.stage, Stage::Ended) else {
            return Err(out_of_turn());
        };
        let context = initiator
            .answer(token)
            .map_err(|error| words::no_context(&self.client, &self.service, &error))?;
        self.stage = Stage::Standing(context);
        Ok(GssToken { token: None, is_established: true })
    }

    fn unwrap(&mut self, wrapped: &[u8]) -> Result<Vec<u8>, GssError> {
        let unwrapped = self.standing()?.unwrap(wrapped);
        unwrapped.map_err(|error| words::no_context(&self.client, &self.service, &error))
    }

    fn wrap(&mut self, message: &[u8]) -> Result<Vec<u8>, GssError> {
        Ok(self.standing()?.wrap(message))
    }
}

impl fmt::Debug for KerberosContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KerberosContext")
            .field("client", &self.client)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}
