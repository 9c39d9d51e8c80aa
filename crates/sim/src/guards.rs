//! Where the producer has its credentials from, for brokers that want to know who comes.

use std::time::Duration;

use rohrpost_cluster::{ConnectionId, CredentialsError, NetworkInput, SaslClient};
use rohrpost_sasl::Plain;

use crate::life::{Event, Life};
use crate::plan::{PASSWORD, USER};

/// What ails whoever provides credentials.
#[derive(Debug, Default)]
pub(crate) struct Guards {
    /// There are none for the time being.
    pub(crate) are_empty_handed: bool,
    /// So long they take.
    pub(crate) take: Duration,
}

impl Life {
    /// A connection wants credentials.
    pub(crate) fn fetch_credentials(&mut self, connection: ConnectionId) {
        let result = match self.guards.are_empty_handed {
            true => Err(CredentialsError {
                detail: "the token endpoint is down".to_owned(),
                is_retriable: true,
            }),
            false => Plain::new(USER, PASSWORD)
                .map(|client| Box::new(client) as Box<dyn SaslClient>)
                .map_err(|error| CredentialsError {
                    detail: error.to_string(),
                    is_retriable: error.is_retriable(),
                }),
        };
        self.note("credentials", || format!("{connection:?} {}", result.is_ok()), &[]);
        let pause = self.guards.take + self.dice.millis(0, 3);
        let input = NetworkInput::Credentials { connection, result };
        self.after(pause, Event::Input(input));
    }
}
