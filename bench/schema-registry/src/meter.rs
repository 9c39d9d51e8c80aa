//! What a record costs: nanoseconds, or allocations.

use std::fmt::Debug;
use std::hint::black_box;

/// What reading costs; it must give what is wanted.
pub(crate) async fn cost_of_reading<O, E>(
    wanted: &O,
    mut read: impl AsyncFnMut() -> Result<O, E>,
) -> f64
where
    O: PartialEq + Debug,
    E: Debug,
{
    assert_eq!(&read().await.expect("what was written can be read"), wanted);
    cost(|| (), async |()| read().await).await
}

/// Mean nanoseconds of the thread's CPU time for handling a record, over some milliseconds: what else runs on the machine does not count. What handles it may consume
/// it: `item` makes one each, beside the clock.
#[cfg(not(feature = "allocations"))]
pub(crate) async fn cost<I, O>(item: impl Fn() -> I, mut handle: impl AsyncFnMut(I) -> O) -> f64 {
    const BATCH: usize = 128;
    const ROUND: i64 = 20_000_000;

    let (mut spent, mut count) = (0, 0);
    while spent < ROUND {
        let batch: Vec<I> = (0..BATCH).map(|_| item()).collect();
        let start = cpu_time();
        for item in batch {
            black_box(handle(black_box(item)).await);
        }
        spent += cpu_time() - start;
        count += BATCH;
    }
    spent as f64 / count as f64
}

/// Nanoseconds.
#[cfg(not(feature = "allocations"))]
fn cpu_time() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Allocations of handling a record, once all that is kept has been allocated.
#[cfg(feature = "allocations")]
pub(crate) async fn cost<I, O>(item: impl Fn() -> I, mut handle: impl AsyncFnMut(I) -> O) -> f64 {
    use futures_util::FutureExt;

    for _ in 0..3 {
        black_box(handle(item()).await);
    }
    let item = item();
    let counted = allocation_counter::measure(|| {
        black_box(handle(item).now_or_never().expect("what is known need not be asked for"));
    });
    counted.count_total as f64
}
