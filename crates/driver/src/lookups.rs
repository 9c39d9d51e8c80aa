//! Name look-ups that are under way.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::bell::{Bell, Flag};

/// Every address of a host, each once, in the resolver's order.
pub(crate) async fn look_up(host: String) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in tokio::net::lookup_host((host, 0)).await? {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    Ok(addresses)
}

/// The look-ups that the driver runs, each under its id.
pub(crate) struct Lookups<Id> {
    running: Vec<Lookup<Id>>,
}

struct Lookup<Id> {
    id: Id,
    flag: Arc<Flag>,
    waker: Waker,
    future: Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>,
}

impl<Id: Copy> Lookups<Id> {
    pub(crate) fn new() -> Self {
        Self { running: Vec::new() }
    }

    pub(crate) fn start(&mut self, id: Id, host: String, bell: &Arc<Bell>) {
        let flag = Flag::raised(bell);
        let waker = Waker::from(flag.clone());
        self.running.push(Lookup { id, flag, waker, future: Box::pin(look_up(host)) });
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.running.iter().any(|lookup| lookup.flag.is_raised())
    }

    /// Hands the results that have come to `done`.
    pub(crate) fn poll(&mut self, mut done: impl FnMut(Id, io::Result<Vec<IpAddr>>)) {
        self.running.retain_mut(|lookup| {
            if !lookup.flag.take() {
                return true;
            }
            match lookup.future.as_mut().poll(&mut Context::from_waker(&lookup.waker)) {
                Poll::Pending => true,
                Poll::Ready(result) => {
                    done(lookup.id, result);
                    false
                }
            }
        });
    }
}
