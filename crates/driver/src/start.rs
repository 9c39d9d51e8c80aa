//! Starting a driver.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rohrpost_engine::{AppenderConfig, Engine, EngineConfig};
use tokio::runtime;
use tokio::sync::oneshot;

use crate::chooser::ChooserConfig;
use crate::clock::Clock;
use crate::handle::Handle;
use crate::lanes::Lanes;
use crate::lookups;
use crate::scales::Scales;
use crate::shared::Shared;
use crate::socket::SocketOptions;
use crate::task::Driver;

/// What a driver is started with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DriverConfig {
    /// The engine's part.
    pub engine: EngineConfig,
    /// How partitions are chosen.
    pub partitioner: ChooserConfig,
    /// `max.block.ms`.
    pub max_block: Duration,
    /// How sockets are set up.
    pub sockets: SocketOptions,
    /// Where connections get their credentials from, where the engine's `cluster.sasl_mechanism` says that they need any: from nowhere. Asked by the driver's
    /// task, whose futures must not block.
    #[cfg(feature = "sasl")]
    pub credentials: Option<std::sync::Arc<dyn rohrpost_auth::Credentials>>,
    /// Run on a thread of its own, whether or not a runtime is at hand.
    pub own_thread: bool,
}

impl DriverConfig {
    /// Java's defaults for everything but the engine.
    pub fn new(engine: EngineConfig) -> Self {
        Self {
            engine,
            partitioner: ChooserConfig::default(),
            max_block: Duration::from_secs(60),
            sockets: SocketOptions::default(),
            #[cfg(feature = "sasl")]
            credentials: None,
            own_thread: false,
        }
    }
}

/// Starts a driver: as a task of the current tokio runtime, or on a thread of its own where there is none or the configuration says so. The
/// runtime must have its I/O and time drivers enabled.
///
/// # Errors
/// The thread or its runtime could not be made. [`Unsupported`](io::ErrorKind::Unsupported): the current runtime lacks I/O or time.
pub fn start(config: DriverConfig) -> io::Result<Handle> {
    let runtime = runtime::Handle::try_current().ok().filter(|_| !config.own_thread);
    let (handle, driver) = prepare(config, Clock::start(runtime.is_none()));
    match runtime {
        Some(runtime) => {
            check_current_runtime()?;
            runtime.spawn(driver());
        }
        None => {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            std::thread::Builder::new().name("rohrpost".to_owned()).spawn(move || {
                runtime.block_on(async { driver().await });
                // A look-up may hang in the system's resolver: it must not hold up the thread's end.
                runtime.shutdown_background();
            })?;
        }
    }
    Ok(handle)
}

/// The two ends of a producer. The driver must be made on the runtime that polls it.
pub(crate) fn prepare(
    config: DriverConfig,
    clock: Clock,
) -> (Handle, impl FnOnce() -> Driver + Send) {
    #[cfg(feature = "sasl")]
    let credentials = config.credentials;
    let DriverConfig { engine, partitioner, max_block, sockets, .. } = config;
    let shared = Shared::new(engine.buffer_memory, clock);
    let scales = Scales::new(&partitioner);
    let lanes = Lanes::new(AppenderConfig::from(&engine), partitioner);
    let handle = Handle::new(shared.clone(), max_block);
    let driver = move || {
        let engine = Engine::new(engine, shared.now()).with_stages(shared.stages.clone());
        let driver = Driver::new(shared, engine, lanes, scales, sockets);
        #[cfg(feature = "sasl")]
        let driver = driver.with_credentials(credentials);
        driver
    };
    (handle, driver)
}

/// Whether the current runtime has the drivers that sockets and timers need. Tokio tells it by a panic alone, whose message goes before our error.
pub(crate) fn check_current_runtime() -> io::Result<()> {
    let lacks = |what: &str| io::Error::new(io::ErrorKind::Unsupported, what.to_owned());
    catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO)))
        .map_err(|_| lacks("this tokio runtime has no timers"))?;
    // Any socket will do. Where none can be had, connecting will say so.
    if let Ok(socket) = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
        socket.set_nonblocking(true)?;
        catch_unwind(AssertUnwindSafe(|| tokio::net::UdpSocket::from_std(socket).map(drop)))
            .map_err(|_| lacks("this tokio runtime has no I/O"))??;
    }
    Ok(())
}

/// Every address of a host. Works on any executor.
///
/// # Errors
/// The resolver's.
pub async fn look_up(host: &str) -> io::Result<Vec<IpAddr>> {
    let host = host.to_owned();
    if runtime::Handle::try_current().is_ok() {
        return lookups::look_up(host).await;
    }
    ask_resolver(move || lookups::addresses(&host)).await
}

/// What the addresses of a host are called, each name once, in the resolver's order: the host name that leads back to the address, or the address where there is
/// none. Works on any executor.
///
/// # Errors
/// The resolver's, for the host's own name.
pub async fn canonical_names(host: &str) -> io::Result<Vec<String>> {
    let host = host.to_owned();
    ask_resolver(move || lookups::canonical_names(&host)).await
}

/// Waits for the system's resolver, which blocks, on a thread of its own.
async fn ask_resolver<T: Send + 'static>(
    ask: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    std::thread::Builder::new().name("rohrpost-dns".to_owned()).spawn(move || {
        // Whoever asked may have gone.
        let _ = done.send(ask());
    })?;
    result.await.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// Waits. Works on any executor.
pub async fn pause(time: Duration) {
    let (done, over) = oneshot::channel::<()>();
    // Rare, and not on the way of any record: a thread is simple, and needs no timer of the caller's runtime.
    let thread = std::thread::Builder::new().name("rohrpost-pause".to_owned());
    let spawned = thread.spawn(move || {
        std::thread::sleep(time);
        drop(done);
    });
    if spawned.is_ok() {
        let _ = over.await;
    }
}
