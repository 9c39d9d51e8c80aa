//! The engine against scripted brokers in virtual time: a test per scenario.

mod appender;
mod authentication;
mod broker;
mod closing;
mod delivery;
mod hostile;
mod identity;
mod outages;
mod overrides;
mod references;
mod splits;
mod world;
