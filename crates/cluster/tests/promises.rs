//! What the crate promises, each promise a test, in virtual time against scripted brokers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "promises/authentication.rs"]
mod authentication;
#[path = "promises/connecting.rs"]
mod connecting;
#[path = "promises/metadata.rs"]
mod metadata;
#[path = "promises/negotiation.rs"]
mod negotiation;
#[path = "promises/recovery.rs"]
mod recovery;
#[path = "promises/renewal.rs"]
mod renewal;
#[path = "promises/requests.rs"]
mod requests;
#[path = "promises/sasl_listener.rs"]
mod sasl_listener;
#[path = "promises/storm.rs"]
mod storm;
#[path = "promises/strangers.rs"]
mod strangers;
#[path = "promises/tls.rs"]
mod tls;
#[path = "promises/world.rs"]
mod world;

use std::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Whether a jittered time is within 20 % of the plain one (and the test's rounding).
fn is_about(found: Duration, plain: Duration) -> bool {
    found >= plain.mul_f64(0.799) && found <= plain.mul_f64(1.201)
}
