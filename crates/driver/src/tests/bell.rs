use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::bell::{Bell, Flag};

use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_flag_rings_once_until_it_is_taken() {
    let (bell, count) = (Arc::new(Bell::default()), Arc::new(Count::default()));
    bell.listen(&Waker::from(count.clone()));
    let flag = Flag::raised(&bell);
    assert!(flag.take());
    assert!(!flag.take());
    let waker = Waker::from(flag.clone());
    waker.wake_by_ref();
    waker.wake_by_ref();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert!(flag.take());
    waker.wake_by_ref();
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
}
