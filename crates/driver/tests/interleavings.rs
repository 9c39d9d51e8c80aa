//! Every order in which threads may pass through the few lines that the driver's wake-ups and deliveries hang on.
//!
//! The modules themselves, from `src`, on loom's locks and atomics.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "modules of the crate, of which only a part is used here"
)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../src/bell.rs"]
mod bell;
#[path = "../src/completion.rs"]
mod completion;
#[path = "../src/delivery.rs"]
mod delivery;
#[path = "../src/failure.rs"]
mod failure;
#[path = "../src/inbox.rs"]
mod inbox;

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::Notify;
use loom::thread;
use rohrpost_engine::Appended;

use self::bell::{Bell, Flag};
use self::completion::{Completion, Verdict};
use self::delivery::Delivery;
use self::inbox::Inbox;

/// What the modules take for `crate::sync`.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }

    /// Loom has none: a cell that is set before a flag is, as the real one does it.
    pub(crate) struct OnceLock<T> {
        is_set: AtomicBool,
        value: std::sync::OnceLock<T>,
    }

    impl<T> OnceLock<T> {
        pub(crate) fn new() -> Self {
            Self { is_set: AtomicBool::new(false), value: std::sync::OnceLock::new() }
        }

        pub(crate) fn get(&self) -> Option<&T> {
            if self.is_set.load(Ordering::Acquire) { self.value.get() } else { None }
        }

        pub(crate) fn set(&self, value: T) -> Result<(), T> {
            self.value.set(value)?;
            self.is_set.store(true, Ordering::Release);
            Ok(())
        }
    }
}

/// A task: woken, it is polled again. Loom reports a deadlock if it never is.
struct Task(Notify);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

/// Polls as an executor does until `poll` is ready.
fn block_on<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let task = Arc::new(Task(Notify::new()));
    let waker = Waker::from(task.clone());
    loop {
        if let Poll::Ready(result) = poll(&mut Context::from_waker(&waker)) {
            return result;
        }
        task.0.wait();
    }
}

/// Takes items as the driver does, until there were so many.
fn take_all(inbox: &Inbox<u32>, bell: &Bell, count: usize) {
    let (mut items, mut taken) = (Vec::new(), 0);
    block_on(|cx| {
        bell.listen(cx.waker());
        loop {
            inbox.take(&mut items);
            taken += items.drain(..).count();
            if taken == count {
                return Poll::Ready(());
            }
            // tidy: may sleep: it is the inbox that is told, no thread waits.
            if inbox.sleep() {
                return Poll::Pending;
            }
        }
    });
}

#[test]
fn whatever_is_put_in_while_the_driver_falls_asleep_wakes_it() {
    loom::model(|| {
        let bell = Arc::new(Bell::default());
        let inbox = Arc::new(Inbox::new(bell.clone()));
        let send = |item| {
            let inbox = inbox.clone();
            thread::spawn(move || assert!(inbox.send(item).is_ok()))
        };
        let senders = [send(1), send(2)];
        take_all(&inbox, &bell, 2);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    });
}

#[test]
fn two_items_under_a_lock_wake_the_driver_once_the_lock_is_gone() {
    loom::model(|| {
        let bell = Arc::new(Bell::default());
        let inbox = Arc::new(Inbox::new(bell.clone()));
        let sender = thread::spawn({
            let inbox = inbox.clone();
            move || {
                let first = inbox.put(1).ok().unwrap();
                let second = inbox.put(2).ok().unwrap();
                drop(first.or(second));
            }
        });
        take_all(&inbox, &bell, 2);
        sender.join().unwrap();
    });
}

#[test]
fn a_flag_that_is_raised_while_the_driver_looks_is_seen_or_rings() {
    loom::model(|| {
        let bell = Arc::new(Bell::default());
        let flag = Flag::raised(&bell);
        assert!(flag.take());
        let socket = thread::spawn({
            let waker = Waker::from(flag.clone());
            move || waker.wake()
        });
        block_on(|cx| {
            bell.listen(cx.waker());
            if flag.take() { Poll::Ready(()) } else { Poll::Pending }
        });
        socket.join().unwrap();
    });
}

fn at(offset: i64) -> Verdict {
    Ok(Appended { base_offset: Some(offset), log_append_time: None })
}

fn delivery(completion: &Arc<Completion>, index: u32) -> Delivery {
    Delivery::new(completion.clone(), index, 0, None, None)
}

fn offset_of(mut delivery: Delivery) -> Option<i64> {
    block_on(|cx| delivery.poll_result(cx)).ok().unwrap().offset()
}

#[test]
fn a_delivery_that_is_awaited_while_its_batch_is_resolved_is_not_left_waiting() {
    loom::model(|| {
        let completion = Arc::new(Completion::new("t".into(), 0));
        completion.close(2);
        let delivery = delivery(&completion, 1);
        let driver = thread::spawn(move || completion.resolve(0..2, at(7)).tell());
        assert_eq!(offset_of(delivery), Some(8));
        driver.join().unwrap();
    });
}

#[test]
fn whoever_awaits_the_parts_of_a_divided_batch_gets_them() {
    loom::model(|| {
        let completion = Arc::new(Completion::new("t".into(), 0));
        completion.close(2);
        let (first, second) = (delivery(&completion, 0), delivery(&completion, 1));
        let driver = thread::spawn(move || {
            completion.resolve(1..2, at(20)).tell();
            completion.resolve(0..1, at(10)).tell();
        });
        assert_eq!((offset_of(first), offset_of(second)), (Some(10), Some(20)));
        driver.join().unwrap();
    });
}

#[test]
fn two_tasks_that_await_parts_of_a_divided_batch_are_both_woken() {
    // Three threads: all their orders take minutes, those with two preemptions find as much.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let completion = Arc::new(Completion::new("t".into(), 0));
        completion.close(3);
        let (first, second) = (delivery(&completion, 0), delivery(&completion, 1));
        let other = thread::spawn(move || assert_eq!(offset_of(first), Some(10)));
        let driver = thread::spawn(move || {
            completion.resolve(2..3, at(20)).tell();
            completion.resolve(0..2, at(10)).tell();
        });
        assert_eq!(offset_of(second), Some(11));
        other.join().unwrap();
        driver.join().unwrap();
    });
}
