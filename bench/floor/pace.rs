//! Records at a rate.

use rohrpost_bench_load::{Latencies, Pace};

use crate::Result;
use crate::connection::Connection;

/// Sends each record when it is due, those together that a stall has made due together, and reads answers meanwhile. `send` gets the first
/// record that is due and how many are, and says how many it has sent.
pub(crate) fn run(
    connection: &mut Connection,
    rate: f64,
    records: usize,
    mut send: impl FnMut(&mut Connection, usize, usize) -> Result<usize>,
) -> Result<Latencies> {
    let mut latencies = Latencies::with_capacity(records);
    let pace = Pace::start(rate);
    let mut sent = 0;
    while sent < records || !connection.is_idle() {
        let may_send = sent < records && connection.has_room();
        if may_send {
            let due = pace.due().min(records);
            if due > sent {
                sent += send(connection, sent, due - sent)?;
                continue;
            }
        }
        if connection.wait(may_send.then(|| pace.intended(sent)))? {
            let answered = connection.answer()?;
            for number in answered.first..answered.first + answered.records {
                latencies.note(pace.intended(number).elapsed());
            }
        }
    }
    Ok(latencies)
}
