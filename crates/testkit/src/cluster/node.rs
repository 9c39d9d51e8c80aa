//! The brokers' ports.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, oneshot};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

use super::connection::serve;
use super::shared::Shared;
use crate::model::BrokerId;

/// The brokers of a cluster, by their ids.
#[derive(Debug)]
pub(crate) struct Nodes(BTreeMap<BrokerId, Node>);

#[derive(Debug)]
struct Node(Mutex<Place>);

#[derive(Debug)]
struct Place {
    address: SocketAddr,
    /// The task that accepts, and owns the connections; `None` while the broker is down.
    running: Option<Running>,
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
        let mut listeners = Vec::new();
        for &broker in &brokers {
            let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let address = listener.local_addr()?;
            let host = address.ip().to_string();
            shared.change(|model| model.set_address(broker, host, address.port()));
            listeners.push((broker, address, listener));
        }
        let mut nodes = BTreeMap::new();
        for (broker, address, listener) in listeners {
            let running = Some(run(broker, listener, shared, runtime)?);
            nodes.insert(broker, Node(Mutex::new(Place { address, running })));
        }
        Ok(Self(nodes))
    }

    /// Closes a broker's port and connections, and waits until they are closed.
    pub(crate) async fn stop(&self, broker: BrokerId) {
        let Some(node) = self.0.get(&broker) else { return };
        if let Some(Running { stop, task, _abort }) = node.0.lock().await.running.take() {
            let _ = stop.send(());
            let _ = task.await;
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
        if place.running.is_none() {
            let listener = port.open(place.address)?;
            place.address = listener.local_addr()?;
            let (host, port) = (place.address.ip().to_string(), place.address.port());
            shared.change(|model| model.set_address(broker, host, port));
            place.running = Some(run(broker, listener, shared, runtime)?);
        }
        Ok(())
    }
}

/// Where a broker comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    Same,
    Other,
}

impl Port {
    fn open(self, last: SocketAddr) -> io::Result<StdListener> {
        if self == Self::Same {
            return StdListener::bind(last);
        }
        let free = SocketAddr::new(last.ip(), 0);
        let first = StdListener::bind(free)?;
        // While the first is open, the system gives out another.
        if first.local_addr()? == last { StdListener::bind(free) } else { Ok(first) }
    }
}

fn run(
    broker: BrokerId,
    listener: StdListener,
    shared: &Arc<Shared>,
    runtime: &Handle,
) -> io::Result<Running> {
    listener.set_nonblocking(true)?;
    let _inside = runtime.enter();
    let listener = TcpListener::from_std(listener)?;
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
                // An error concerns the connection that was coming, or passes when others close.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(broker, stream, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}
