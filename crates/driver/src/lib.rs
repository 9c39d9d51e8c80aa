//! Runs the rohrpost engine on tokio.
