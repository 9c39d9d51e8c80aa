//! Ctrl-C: the first asks to stop, the second stops.

use std::io;

use tokio::sync::watch;

use crate::terminal::complain;

/// What asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
}

impl Signal {
    /// What a shell makes of a process that the signal has ended: 128 and its number.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Tells whether somebody asked to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    asked: watch::Receiver<Option<Signal>>,
}

impl Stop {
    /// Takes over Ctrl-C and SIGTERM, from a task of its own on the present runtime. The first one is told; the second ends the process at once.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut signals = Signals::new()?;
        let (tell, asked) = watch::channel(None);
        tokio::spawn(async move {
            let first = signals.next().await;
            // Nobody listens once everything is done.
            let _ = tell.send(Some(first));
            let second = signals.next().await;
            complain("stopped at once: what was under way may or may not have been written");
            std::process::exit(i32::from(second.status()));
        });
        Ok(Self { asked })
    }

    /// What asked, if anything did.
    pub(crate) fn signal(&self) -> Option<Signal> {
        *self.asked.borrow()
    }

    /// Waits until somebody asks. Cancel-safe.
    pub(crate) async fn requested(&mut self) -> Signal {
        loop {
            if let Some(signal) = *self.asked.borrow_and_update() {
                return signal;
            }
            if self.asked.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Signal::Interrupt,
            Some(()) = self.terminate.recv() => Signal::Terminate,
            else => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}
