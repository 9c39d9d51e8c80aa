//! The brokers' ports.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, oneshot};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio::time::sleep;

use super::connection::serve;
use super::shared::Shared;
use crate::model::BrokerId;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// How long accepting pauses when the system has nothing to accept with.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(5);

/// The brokers of a cluster, by their ids.
#[derive(Debug)]
pub(crate) struct Nodes(BTreeMap<BrokerId, Node>);

#[derive(Debug)]
struct Node(Mutex<Place>);

#[derive(Debug)]
struct Place {
    address: SocketAddr,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The broker is up.
    Up(Running),
    /// It is down: its port refuses, but is held, or else the system could give it to somebody who asks for any port: to the very
    /// client that tries to reach it, even. `None` if the system did not let it be held.
    Down(Option<TcpSocket>),
}

#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    /// For the time when nobody can wait.
    _abort: AbortOnDrop,
}

#[derive(Debug)]
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Nodes {
    /// Serves every broker of the model at a port of its own.
    pub(crate) fn launch(shared: &Arc<Shared>, runtime: &Handle) -> io::Result<Self> {
        let brokers: Vec<_> = shared.with(|model| model.brokers().map(|b| b.id).collect());
        let mut bound = Vec::new();
        for broker in brokers {
            let socket = bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0).into())?;
            let address = socket.local_addr()?;
            tell(broker, address, shared);
            bound.push((broker, address, socket));
        }
        let mut nodes = BTreeMap::new();
        for (broker, address, socket) in bound {
            let state = State::Up(run(broker, socket, shared, runtime)?);
            nodes.insert(broker, Node(Mutex::new(Place { address, state })));
        }
        Ok(Self(nodes))
    }

    /// Closes a broker's port and connections, and waits until they are closed.
    pub(crate) async fn stop(&self, broker: BrokerId) {
        let Some(node) = self.0.get(&broker) else { return };
        let mut place = node.0.lock().await;
        if !matches!(place.state, State::Up(_)) {
            return;
        }
        let up = std::mem::replace(&mut place.state, State::Down(None));
        if let State::Up(Running { stop, task, _abort }) = up {
            let _ = stop.send(());
            let _ = task.await;
            place.state = State::Down(bind(place.address).ok());
        }
    }

    /// Opens a broker's port again if it is closed, or another one.
    pub(crate) async fn start(
        &self,
        broker: BrokerId,
        port: Port,
        shared: &Arc<Shared>,
        runtime: &Handle,
    ) -> io::Result<()> {
        let Some(node) = self.0.get(&broker) else {
            let message = format!("the cluster has no broker {broker}");
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        };
        let mut place = node.0.lock().await;
        let State::Down(held) = &mut place.state else { return Ok(()) };
        let held = held.take();
        let socket = match (port, held) {
            (Port::Same, Some(socket)) => socket,
            (Port::Same, None) => bind(place.address)?,
            // While the old port is held, the system gives out another.
            (Port::Other, _held) => bind(SocketAddr::new(place.address.ip(), 0))?,
        };
        place.address = socket.local_addr()?;
        tell(broker, place.address, shared);
        place.state = State::Up(run(broker, socket, shared, runtime)?);
        Ok(())
    }
}

/// Has clients told where a broker is.
fn tell(broker: BrokerId, address: SocketAddr, shared: &Shared) {
    let (host, port) = (address.ip().to_string(), address.port());
    shared.change(|model| model.set_address(broker, host, port));
}

/// Where a broker comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    Same,
    Other,
}

/// Takes a port, which refuses until somebody listens.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections to the broker that was there before may linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn run(
    broker: BrokerId,
    socket: TcpSocket,
    shared: &Arc<Shared>,
    runtime: &Handle,
) -> io::Result<Running> {
    let _inside = runtime.enter();
    let listener = socket.listen(BACKLOG)?;
    let (stop, stopped) = oneshot::channel();
    let task = runtime.spawn(accept(broker, listener, Arc::clone(shared), stopped));
    Ok(Running { stop, _abort: AbortOnDrop(task.abort_handle()), task })
}

/// Accepts until it is told to stop. The connections' tasks end with it, however it ends.
async fn accept(
    broker: BrokerId,
    listener: TcpListener,
    shared: Arc<Shared>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => {
                match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve(broker, stream, Arc::clone(&shared)));
                    }
                    // It concerns the connection that was coming, or passes when others close.
                    Err(_) => sleep(EXHAUSTED_PAUSE).await,
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}
