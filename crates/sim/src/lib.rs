//! The rohrpost engine against a simulated cluster, network and clock.
