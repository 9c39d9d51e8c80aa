use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::time::advance;

use super::*;

type Numbers = Flights<String, usize, String>;

fn flights(pause: u64) -> Arc<Numbers> {
    Arc::new(Flights::new(100, Duration::from_millis(pause)))
}

#[tokio::test]
async fn of_a_crowd_one_fetches_and_all_get_what_came_of_it() {
    let flights = flights(0);
    let (asked, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let crowd: Vec<_> = (0..1_000)
        .map(|_| {
            let (flights, asked, gate) =
                (Arc::clone(&flights), Arc::clone(&asked), Arc::clone(&gate));
            tokio::spawn(async move {
                let fetch = || async {
                    asked.fetch_add(1, Ordering::Relaxed);
                    gate.acquire().await.unwrap().forget();
                    Ok(7)
                };
                flights.fetch("a".to_owned(), None, fetch).await
            })
        })
        .collect();
    tokio::task::yield_now().await;
    gate.add_permits(1);
    for task in crowd {
        assert_eq!(task.await.unwrap(), Ok(7));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(flights.get("a"), Some(7));
}

#[tokio::test]
async fn a_crowd_shares_a_failure_and_the_next_one_asks_again() {
    let flights = flights(0);
    let (asked, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let ask = || {
        let (flights, asked, gate) = (Arc::clone(&flights), Arc::clone(&asked), Arc::clone(&gate));
        tokio::spawn(async move {
            let fetch = || async {
                let number = asked.fetch_add(1, Ordering::Relaxed);
                gate.acquire().await.unwrap().forget();
                Err(format!("failure {number}"))
            };
            flights.fetch("a".to_owned(), None, fetch).await
        })
    };
    let crowd: Vec<_> = (0..100).map(|_| ask()).collect();
    tokio::task::yield_now().await;
    gate.add_permits(1);
    for task in crowd {
        assert_eq!(task.await.unwrap(), Err("failure 0".to_owned()));
    }
    gate.add_permits(1);
    assert_eq!(ask().await.unwrap(), Err("failure 1".to_owned()));
}

#[tokio::test]
async fn whoever_gives_up_leaves_the_flight_to_the_others() {
    let flights = flights(0);
    let gate = Arc::new(Semaphore::new(0));
    let ask = |answer: usize| {
        let (flights, gate) = (Arc::clone(&flights), Arc::clone(&gate));
        tokio::spawn(async move {
            let fetch = || async {
                gate.acquire().await.unwrap().forget();
                Ok(answer)
            };
            flights.fetch("a".to_owned(), None, fetch).await
        })
    };
    let first = ask(1);
    tokio::task::yield_now().await;
    let second = ask(2);
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.is_err());
    gate.add_permits(1);
    assert_eq!(second.await.unwrap(), Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_remembered_for_the_pause_and_not_longer() {
    let flights = flights(1_000);
    let asked = AtomicUsize::new(0);
    let fetch = || async {
        asked.fetch_add(1, Ordering::Relaxed);
        Err("no".to_owned())
    };
    for _ in 0..10 {
        assert!(flights.fetch("a".to_owned(), None, fetch).await.is_err());
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    advance(Duration::from_millis(1_000)).await;
    assert!(flights.fetch("a".to_owned(), None, fetch).await.is_err());
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    // Another key has nothing to do with it.
    assert_eq!(flights.fetch("b".to_owned(), None, || async { Ok(1) }).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn what_has_a_life_is_fetched_anew_after_it() {
    let flights = flights(0);
    let life = Some(Duration::from_secs(60));
    assert_eq!(flights.fetch("a".to_owned(), life, || async { Ok(1) }).await, Ok(1));
    advance(Duration::from_secs(59)).await;
    assert_eq!(flights.get("a"), Some(1));
    advance(Duration::from_secs(1)).await;
    assert_eq!((flights.get("a"), flights.peek("a")), (None, Some(1)));
    assert_eq!(flights.fetch("a".to_owned(), life, || async { Ok(2) }).await, Ok(2));
    assert_eq!(flights.get("a"), Some(2));
}

#[tokio::test]
async fn of_too_many_the_oldest_go_and_failures_pile_up_nowhere() {
    let flights: Numbers = Flights::new(10, Duration::from_secs(1_000));
    for number in 0..100 {
        let found = flights.fetch(number.to_string(), None, || async { Ok(number) }).await;
        assert_eq!(found, Ok(number));
    }
    let left: Vec<usize> =
        (0..100).filter_map(|number: usize| flights.get(&number.to_string())).collect();
    assert_eq!(left, (90..100).collect::<Vec<_>>());
    for number in 0..100 {
        let fetch = || async { Err("no".to_owned()) };
        assert!(flights.fetch(format!("x{number}"), None, fetch).await.is_err());
    }
    assert!(flights.lock().len() <= 10);
}

#[tokio::test]
async fn what_is_forgotten_is_fetched_anew() {
    let flights = flights(0);
    for key in ["a", "b"] {
        flights.insert(key.to_owned(), 1, None);
    }
    flights.forget(|key| key == "a");
    assert_eq!((flights.get("a"), flights.get("b")), (None, Some(1)));
}

#[tokio::test]
async fn a_life_beyond_what_clocks_count_is_for_ever() {
    let flights = flights(0);
    for life in [Duration::MAX, Duration::from_secs(i64::MAX as u64)] {
        flights.insert("a".to_owned(), 1, Some(life));
        assert_eq!(flights.get("a"), Some(1));
    }
}

#[tokio::test]
async fn a_fetch_that_panics_leaves_the_flight_to_the_others() {
    let flights = flights(1_000);
    let gate = Arc::new(Semaphore::new(0));
    let ask = |panics: bool| {
        let (flights, gate) = (Arc::clone(&flights), Arc::clone(&gate));
        tokio::spawn(async move {
            let fetch = || async {
                gate.acquire().await.unwrap().forget();
                assert!(!panics, "as it was told to");
                Ok(7)
            };
            flights.fetch("a".to_owned(), None, fetch).await
        })
    };
    let first = ask(true);
    tokio::task::yield_now().await;
    let crowd = [ask(false), ask(false)];
    gate.add_permits(2);
    assert!(first.await.unwrap_err().is_panic());
    for task in crowd {
        assert_eq!(task.await.unwrap(), Ok(7));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_fetched_anew_is_there_for_the_others_meanwhile() {
    let flights = flights(0);
    let life = Some(Duration::from_secs(60));
    assert_eq!(flights.meanwhile("a"), None);
    flights.insert("a".to_owned(), 1, life);
    advance(Duration::from_secs(60)).await;
    assert_eq!((flights.get("a"), flights.meanwhile("a")), (None, None));
    let gate = Arc::new(Semaphore::new(0));
    let fetching = {
        let (flights, gate) = (Arc::clone(&flights), Arc::clone(&gate));
        tokio::spawn(async move {
            let fetch = || async {
                gate.acquire().await.unwrap().forget();
                Ok(2)
            };
            flights.fetch("a".to_owned(), life, fetch).await
        })
    };
    tokio::task::yield_now().await;
    assert_eq!((flights.get("a"), flights.meanwhile("a")), (None, Some(1)));
    gate.add_permits(1);
    assert_eq!(fetching.await.unwrap(), Ok(2));
    assert_eq!((flights.get("a"), flights.meanwhile("a")), (Some(2), None));
    // A failure is remembered, but nobody is at it any more.
    advance(Duration::from_secs(60)).await;
    let failed = flights.fetch("a".to_owned(), life, || async { Err("no".to_owned()) }).await;
    assert_eq!((failed, flights.meanwhile("a")), (Err("no".to_owned()), None));
}
