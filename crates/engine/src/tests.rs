//! The engine against scripted brokers in virtual time: a test per scenario.

mod appender;
mod authentication;
mod broker;
mod closing;
mod coordinator;
mod delivery;
mod hostile;
mod identity;
mod outages;
mod overrides;
mod references;
mod splits;
mod transactions;
mod transactions_closing;
mod transactions_ends;
mod transactions_hostile;
mod transactions_offsets;
#[cfg(feature = "plants")]
mod transactions_plants;
mod transactions_storm;
mod transactions_two_phase;
mod transactions_versions;
mod world;
