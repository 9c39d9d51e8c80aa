//! The rohrpost command.

fn main() {}
