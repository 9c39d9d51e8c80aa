//! The progress bar: on a terminal only.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Interval, MissedTickBehavior};

use crate::numbers::Grouped;
use crate::terminal::complain;

const REDRAW: Duration = Duration::from_millis(100);

/// What there is to see.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) acknowledged: u64,
    /// Bytes of keys and values that were acknowledged.
    pub(crate) bytes: u64,
    pub(crate) in_flight: u64,
    pub(crate) failed: u64,
    /// Bytes of the inputs whose lines were acknowledged or failed.
    pub(crate) done: u64,
}

/// Shows figures on standard error if that is a terminal, and nothing if not.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: Option<Shown>,
}

#[derive(Debug)]
struct Shown {
    bar: ProgressBar,
    interval: Interval,
    rate: Rate,
    next: Instant,
}

impl Progress {
    /// Of `total` bytes of input, where that is known.
    pub(crate) fn new(total: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        if bar.is_hidden() {
            return Self { shown: None };
        }
        let template = match total {
            Some(_) => "{bar:24} {percent:>3} %  {msg}",
            None => "{spinner} {msg}",
        };
        // A template that indicatif does not like costs the bar, not the run.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let mut interval = tokio::time::interval(REDRAW);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let now = Instant::now();
        Self { shown: Some(Shown { bar, interval, rate: Rate::new(now), next: now }) }
    }

    /// Waits until it is time to draw; for ever where nothing is shown. Cancel-safe.
    pub(crate) async fn due(&mut self) {
        match &mut self.shown {
            Some(shown) => {
                shown.interval.tick().await;
            }
            None => std::future::pending().await,
        }
    }

    /// Draws, if it is time to.
    pub(crate) fn show(&mut self, now: Instant, figures: impl FnOnce() -> Figures) {
        let Some(shown) = self.shown.as_mut().filter(|shown| shown.next <= now) else {
            return;
        };
        shown.next = now + REDRAW;
        let figures = figures();
        let rate = shown.rate.update(now, figures.bytes);
        shown.bar.set_position(figures.done);
        shown.bar.set_message(format!(
            "{} records  {:.1} MB/s  {} in flight  {} failed",
            Grouped(figures.acknowledged),
            rate / 1e6,
            Grouped(figures.in_flight),
            Grouped(figures.failed),
        ));
        shown.bar.tick();
    }

    /// Lets the next look at it be drawn, however soon it comes.
    pub(crate) fn hurry(&mut self) {
        if let Some(shown) = &mut self.shown {
            shown.next = Instant::now() - REDRAW;
        }
    }

    /// Says something on standard error, above the bar.
    pub(crate) fn complain(&self, message: &str) {
        match &self.shown {
            Some(shown) => shown.bar.suspend(|| complain(message)),
            None => complain(message),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&mut self) {
        if let Some(shown) = self.shown.take() {
            shown.bar.finish_and_clear();
        }
    }
}

/// How many of these bytes have their fates, where so many of the lines have.
pub(crate) fn done(bytes: u64, fates: u64, lines: u64) -> u64 {
    let share = u128::from(bytes) * u128::from(fates.min(lines)) / u128::from(lines.max(1));
    // No more than `bytes`.
    share as u64
}

/// Bytes a second, over about the last second.
#[derive(Debug)]
struct Rate {
    at: Instant,
    bytes: u64,
    smooth: Option<f64>,
}

impl Rate {
    fn new(now: Instant) -> Self {
        Self { at: now, bytes: 0, smooth: None }
    }

    fn update(&mut self, now: Instant, bytes: u64) -> f64 {
        let seconds = now.duration_since(self.at).as_secs_f64();
        if seconds > 0.0 {
            let present = bytes.saturating_sub(self.bytes) as f64 / seconds;
            let weight = 1.0 - (-seconds).exp();
            let before = self.smooth.unwrap_or(present);
            self.smooth = Some(before + (present - before) * weight);
            (self.at, self.bytes) = (now, bytes);
        }
        self.smooth.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_done_as_has_a_fate() {
        assert_eq!(done(0, 0, 0), 0);
        assert_eq!(done(1000, 0, 10), 0);
        assert_eq!(done(1000, 5, 10), 500);
        assert_eq!(done(1000, 10, 10), 1000);
        assert_eq!(done(u64::MAX, 3, 3), u64::MAX);
    }

    #[test]
    fn the_rate_follows_the_last_second() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        let at = |tenths: u64| start + Duration::from_millis(100 * tenths);
        for tenth in 1..=10 {
            assert!((rate.update(at(tenth), tenth * 100) - 1000.0).abs() < 1.0);
        }
        let mut last = 0.0;
        for tenth in 11..=60 {
            last = rate.update(at(tenth), 1000);
        }
        assert!(last < 10.0, "{last}");
    }
}
