//! What may happen while the pump waits.

use crate::in_flight::InFlight;
use crate::progress::Progress;
use crate::stop::{Signal, Stop};
use crate::watch::Watch;

/// Why a wait ended.
#[derive(Clone, Copy)]
pub(crate) enum Wake {
    Settled,
    Draw,
    Look,
    Stop(Signal),
}

/// Waits for whatever else may happen while the pump waits. Cancel-safe.
pub(crate) async fn wait(
    in_flight: &mut InFlight,
    stop: &mut Stop,
    progress: &mut Progress,
    watch: &mut Watch,
) -> Wake {
    wait_unless(false, in_flight, stop, progress, watch).await
}

/// The same, but who was asked to stop needs no telling.
pub(crate) async fn wait_unless(
    asked: bool,
    in_flight: &mut InFlight,
    stop: &mut Stop,
    progress: &mut Progress,
    watch: &mut Watch,
) -> Wake {
    tokio::select! {
        biased;
        signal = stop.requested(), if !asked => Wake::Stop(signal),
        () = in_flight.settled() => Wake::Settled,
        () = progress.due() => Wake::Draw,
        () = watch.due() => Wake::Look,
    }
}
