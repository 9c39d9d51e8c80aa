use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::advance;

use super::*;
use crate::clock::TestClock;

const HOUR: Duration = Duration::from_secs(3_600);

#[derive(Debug, PartialEq)]
struct Item {
    number: usize,
    end: Option<SystemTime>,
}

impl Expiring for Item {
    const WHAT: &'static str = "item";

    fn expires_at(&self) -> Option<SystemTime> {
        self.end
    }
}

/// Gives items of a lifetime, numbered, or the failures planned.
#[derive(Debug)]
struct Scripted {
    clock: Arc<TestClock>,
    lifetime: Option<Duration>,
    fetches: AtomicUsize,
    failures: Mutex<VecDeque<Option<CredentialsError>>>,
    /// Where closed, nothing is given until it opens.
    gate: Semaphore,
}

impl Scripted {
    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    fn fail(&self, times: usize, error: &CredentialsError) {
        let failures = std::iter::repeat_with(|| Some(error.clone()));
        self.failures.lock().unwrap().extend(failures.take(times));
    }
}

impl Source for Arc<Scripted> {
    type Item = Item;

    fn fetch(&self) -> BoxFuture<'_, Result<Item, CredentialsError>> {
        Box::pin(async {
            let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
            self.gate.acquire().await.unwrap().forget();
            self.gate.add_permits(1);
            match self.failures.lock().unwrap().pop_front().flatten() {
                Some(error) => Err(error),
                None => Ok(Item { number, end: self.lifetime.map(|life| self.clock.now() + life) }),
            }
        })
    }
}

fn keeper(lifetime: impl Into<Option<Duration>>) -> (Keeper<Arc<Scripted>>, Arc<Scripted>) {
    let clock = TestClock::new();
    let source = Arc::new(Scripted {
        clock: Arc::clone(&clock),
        lifetime: lifetime.into(),
        fetches: AtomicUsize::new(0),
        failures: Mutex::default(),
        gate: Semaphore::new(1),
    });
    let settings = RefreshSettings { window_jitter: 0.0, ..RefreshSettings::default() };
    (Keeper::new(Arc::clone(&source), settings, clock), source)
}

/// Lets time pass in steps, and everybody who waits for a moment in it go on.
async fn pass(duration: Duration) {
    let mut left = duration;
    for _ in 0..20 {
        yield_now().await;
    }
    while !left.is_zero() {
        let step = left.min(Duration::from_secs(1));
        advance(step).await;
        left -= step;
        for _ in 0..20 {
            yield_now().await;
        }
    }
}

async fn number(keeper: &Keeper<Arc<Scripted>>) -> usize {
    keeper.get().await.unwrap().number
}

#[tokio::test(start_paused = true)]
async fn what_is_valid_is_given_again() {
    let (keeper, source) = keeper(HOUR);
    assert_eq!(number(&keeper).await, 1);
    pass(HOUR * 79 / 100).await;
    assert_eq!(number(&keeper).await, 1);
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_fetched_anew_ahead_of_its_end_and_nobody_asks_or_waits() {
    let (keeper, source) = keeper(HOUR);
    assert_eq!(number(&keeper).await, 1);
    pass(HOUR * 8 / 10 + Duration::from_secs(1)).await;
    assert_eq!(source.fetches(), 2);
    assert_eq!(number(&keeper).await, 2);
    pass(HOUR * 8 / 10 + Duration::from_secs(1)).await;
    assert_eq!((source.fetches(), number(&keeper).await), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn while_it_is_being_fetched_anew_the_old_one_is_given_at_once() {
    let (keeper, source) = keeper(HOUR);
    assert_eq!(number(&keeper).await, 1);
    let closed = source.gate.acquire().await.unwrap();
    pass(HOUR * 85 / 100).await;
    assert_eq!(source.fetches(), 2, "the second is on its way");
    assert_eq!(number(&keeper).await, 1);
    drop(closed);
    pass(Duration::from_secs(1)).await;
    assert_eq!(number(&keeper).await, 2);
}

#[tokio::test(start_paused = true)]
async fn many_that_wait_for_the_first_make_one_request() {
    let (keeper, source) = keeper(HOUR);
    let closed = source.gate.acquire().await.unwrap();
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let keeper = keeper.clone();
            tokio::spawn(async move { number(&keeper).await })
        })
        .collect();
    pass(Duration::from_secs(1)).await;
    drop(closed);
    for one in waiting {
        assert_eq!(one.await.unwrap(), 1);
    }
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_that_wait_for_the_first_share_its_failure() {
    let (keeper, source) = keeper(HOUR);
    let refused = CredentialsError::lasting("refused");
    source.fail(1, &refused);
    let closed = source.gate.acquire().await.unwrap();
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let keeper = keeper.clone();
            tokio::spawn(async move { keeper.get().await })
        })
        .collect();
    pass(Duration::from_secs(1)).await;
    drop(closed);
    for one in waiting {
        assert_eq!(one.await.unwrap().unwrap_err(), refused);
    }
    assert_eq!(source.fetches(), 1);
    assert_eq!(number(&keeper).await, 2, "whoever comes later tries again");
}

#[tokio::test(start_paused = true)]
async fn one_who_gives_up_waiting_does_not_stop_the_others() {
    let (keeper, source) = keeper(HOUR);
    let closed = source.gate.acquire().await.unwrap();
    let mut first = Box::pin(keeper.get());
    assert!(futures_poll(&mut first).await);
    let second = tokio::spawn({
        let keeper = keeper.clone();
        async move { number(&keeper).await }
    });
    pass(Duration::from_secs(1)).await;
    drop(first);
    drop(closed);
    assert_eq!(second.await.unwrap(), 2);
}

/// Polls once; whether it is still pending.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx).is_pending())
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_and_what_lasts_is_not() {
    let (keeper, source) = keeper(HOUR);
    source.fail(3, &CredentialsError::passing("busy"));
    let begun = Instant::now();
    assert_eq!(number(&keeper).await, 4);
    assert_eq!(begun.elapsed().as_millis(), 100 + 200 + 400, "in time that tokio made up");

    let (keeper, source) = self::keeper(HOUR);
    source.fail(1, &CredentialsError::lasting("no"));
    assert_eq!(keeper.get().await.unwrap_err().detail, "no");
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_last_attempt_failed_by_is_known_while_the_next_one_is_awaited() {
    let (keeper, source) = keeper(HOUR);
    assert_eq!(keeper.last_failure(), None);
    source.fail(2, &CredentialsError::passing("busy"));
    let asks = tokio::spawn({
        let keeper = keeper.clone();
        async move { number(&keeper).await }
    });
    pass(Duration::from_millis(150)).await;
    assert_eq!(source.fetches(), 2);
    assert_eq!(keeper.last_failure().unwrap().detail, "busy");
    assert_eq!(asks.await.unwrap(), 3);
    assert_eq!(keeper.last_failure(), None, "that is over");
}

#[tokio::test(start_paused = true)]
async fn attempts_end_after_the_largest_back_off() {
    let (keeper, source) = keeper(HOUR);
    source.fail(1_000, &CredentialsError::passing("busy"));
    let begun = Instant::now();
    assert_eq!(keeper.get().await.unwrap_err().detail, "busy");
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
    assert_eq!(source.fetches(), 8, "at 0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3 and 10 s");
}

#[tokio::test(start_paused = true)]
async fn while_fetching_anew_fails_the_old_one_serves_until_its_end() {
    let (keeper, source) = keeper(HOUR);
    assert_eq!(number(&keeper).await, 1);
    let down = CredentialsError::lasting("down");
    source.fail(1_000, &down);
    pass(HOUR - Duration::from_secs(1)).await;
    assert!(source.fetches() > 50, "every ten seconds, as Java: {}", source.fetches());
    assert_eq!(number(&keeper).await, 1);
    pass(Duration::from_secs(1)).await;
    assert_eq!(keeper.get().await.unwrap_err(), down);

    source.failures.lock().unwrap().clear();
    pass(Duration::from_secs(21)).await;
    let fetches = source.fetches();
    assert_eq!(number(&keeper).await, fetches, "fetched by the task, not by who asked");
    assert_eq!(source.fetches(), fetches);
}

#[tokio::test(start_paused = true)]
async fn wake_ups_while_fetching_fails_are_bounded() {
    let (keeper, source) = keeper(HOUR);
    assert_eq!(number(&keeper).await, 1);
    source.fail(usize::from(u16::MAX), &CredentialsError::lasting("down"));
    pass(HOUR * 3).await;
    assert!(source.fetches() < 1_080, "{}", source.fetches());
}

#[tokio::test(start_paused = true)]
async fn what_lives_for_a_moment_makes_no_busy_loop() {
    let (keeper, source) = keeper(Duration::from_millis(1));
    assert_eq!(number(&keeper).await, 1);
    pass(Duration::from_secs(100)).await;
    assert!(source.fetches() <= 101, "{}", source.fetches());
}

#[tokio::test(start_paused = true)]
async fn what_has_no_end_is_fetched_each_time() {
    let (keeper, source) = keeper(None);
    assert_eq!((number(&keeper).await, number(&keeper).await), (1, 2));
    pass(HOUR).await;
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_expired_when_it_comes_is_refused_and_clocks_are_blamed() {
    let (keeper, _source) = keeper(Duration::ZERO);
    let error = keeper.get().await.unwrap_err();
    assert!(error.detail.contains("compare the clocks"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_the_keeper() {
    let (keeper, source) = keeper(HOUR);
    assert_eq!(number(&keeper).await, 1);
    drop(keeper);
    pass(HOUR).await;
    assert_eq!(source.fetches(), 1);
    assert_eq!(Arc::strong_count(&source), 1);
}

#[test]
fn the_task_of_a_runtime_that_ended_is_replaced() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let first = runtime().unwrap();
    let (keeper, source) = first.block_on(async {
        let (keeper, source) = keeper(HOUR);
        assert_eq!(number(&keeper).await, 1);
        (keeper, source)
    });
    drop(first);
    runtime().unwrap().block_on(async {
        let left = source.clock.start + HOUR - Instant::now();
        assert_eq!(number(&keeper).await, 1);
        pass(left * 9 / 10).await;
        assert_eq!(source.fetches(), 2);
    });
}

#[test]
fn chances_are_between_nought_and_one_and_differ() {
    let chances: Vec<f64> = (0..100).map(|_| chance()).collect();
    assert!(chances.iter().all(|chance| (0.0..1.0).contains(chance)));
    assert!(chances.windows(2).any(|pair| pair[0] != pair[1]));
}
