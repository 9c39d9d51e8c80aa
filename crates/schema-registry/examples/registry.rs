//! A schema registry for tests of programs in whatever language: it runs until it is ended, and prints its address.
//!
//! ```sh
//! cargo run -p rohrpost-schema-registry --features test-registry --example registry -- 8081
//! ```
//!
//! Without a port, or with port 0, it takes one that is free.

use std::net::Ipv4Addr;

use rohrpost_schema_registry::TestRegistry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = match std::env::args().nth(1) {
        Some(port) => port.parse().map_err(|_| format!("{port:?} is no port"))?,
        None => 0,
    };
    let registry = TestRegistry::start_at((Ipv4Addr::LOCALHOST, port)).await?;
    println!("{}", registry.url());
    std::future::pending().await
}
