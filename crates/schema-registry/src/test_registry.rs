//! A registry for tests: [`TestRegistry`].

mod answer;
mod compatibility;
mod content;
mod delete;
mod register;
mod route;
mod server;
mod settings;
mod store;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::task::JoinHandle;

use self::server::Shared;

/// A schema registry in the program's own process, on a port of this machine, with the REST API of Confluent's: for tests of whatever uses one, in any language.
///
/// ```
/// use rohrpost_schema_registry::{Schema, SchemaRegistry, TestRegistry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = TestRegistry::start().await?;
/// let registry = SchemaRegistry::new(&server.url())?;
///
/// let registered = registry.register("orders-value", &Schema::avro("\"string\""), false).await?;
/// assert_eq!(registered.id.unwrap().0, 1);
/// # Ok(())
/// # }
/// ```
///
/// It has numbers by content and context, GUIDs, versions, deletions in two steps, references, contexts, modes, Avro's rules of compatibility at all levels
/// with all that is incompatible, and Confluent's codes of errors. Schemas in Avro are checked and brought into one form as Confluent's registry does; JSON Schema and Protocol Buffers are kept
/// as they come (JSON without its white space), and all of a subject's are compatible with each other.
///
/// Everything is in memory. It ends when it is dropped, or with the runtime that it was started on.
pub struct TestRegistry {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl TestRegistry {
    /// Starts one, empty, on a port that is free.
    ///
    /// # Errors
    ///
    /// This machine lets nobody listen.
    pub async fn start() -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0)).await
    }

    /// Starts one at an address, such as `127.0.0.1:8081`.
    ///
    /// # Errors
    ///
    /// Somebody else listens there, or nobody may.
    pub async fn start_at(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(server::run(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, task })
    }

    /// Where it is: `http://127.0.0.1:34567`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked since the last time that this was called: method, path and query of each request, the first first.
    pub fn requests(&self) -> Vec<String> {
        self.shared.take_requests()
    }

    /// Lets it answer the next so many requests with this status, 500 for instance, without doing anything.
    pub fn fail_next(&self, requests: usize, status: u16) {
        self.shared.fail_next(requests, status);
    }
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for TestRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestRegistry").field("address", &self.address).finish_non_exhaustive()
    }
}
