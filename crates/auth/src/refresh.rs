//! When something that expires is fetched anew: Java's rules, as arithmetic.

use std::time::{Duration, SystemTime};

use crate::clock::{from_millis, millis};

/// How tokens and other credentials that expire are fetched anew ahead of time, as Java's `sasl.login.*` say it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RefreshSettings {
    /// `sasl.login.refresh.window.factor`: after which part of the lifetime, 0.5 to 1; 0.8 by default.
    pub window_factor: f64,
    /// `sasl.login.refresh.window.jitter`: up to which part of the lifetime later, by chance, 0 to 0.25; 0.05 by default.
    pub window_jitter: f64,
    /// `sasl.login.refresh.min.period.seconds`: not sooner after the last time than this; 60 s by default, up to 900 s.
    pub min_period: Duration,
    /// `sasl.login.refresh.buffer.seconds`: not later than so long before the end; 300 s by default, up to 3,600 s.
    pub buffer: Duration,
    /// `sasl.login.retry.backoff.ms`: the pause before the second attempt, doubled before each further one; 100 ms by default.
    pub retry_backoff: Duration,
    /// `sasl.login.retry.backoff.max.ms`: for how long attempts are repeated before they count as failed; 10 s by default.
    pub retry_backoff_max: Duration,
}

impl Default for RefreshSettings {
    fn default() -> Self {
        Self {
            window_factor: 0.8,
            window_jitter: 0.05,
            min_period: Duration::from_secs(60),
            buffer: Duration::from_secs(300),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(10),
        }
    }
}

impl RefreshSettings {
    /// When to fetch anew what was fetched at `now`, is valid from `start` (from `now`, where that is not known) and expires at `end`. `chance`
    /// is between 0 and 1.
    ///
    /// Where the lifetime has no room for [`min_period`](Self::min_period) and [`buffer`](Self::buffer), both are left out of account, and it is
    /// the part that remains which counts.
    pub fn refresh_at(
        &self,
        now: SystemTime,
        start: Option<SystemTime>,
        end: SystemTime,
        chance: f64,
    ) -> SystemTime {
        let (now, end) = (millis(now), millis(end));
        // One that begins in the future, by a clock that is ahead of this one, begins now.
        let start = start.map_or(now, millis).min(now);
        let part = self.window_factor.clamp(0.0, 1.0)
            + self.window_jitter.clamp(0.0, 1.0) * chance.clamp(0.0, 1.0);
        let after = |from: u64| {
            let lifetime = end.saturating_sub(from);
            // Within 2^53 milliseconds, as all that came through `from_millis`.
            from.saturating_add((lifetime as f64 * part.min(1.0)) as u64)
        };
        let [min_period, buffer] = [self.min_period, self.buffer]
            .map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        let earliest = now.saturating_add(min_period);
        let latest = end.saturating_sub(buffer);
        from_millis(if earliest > latest {
            after(now)
        } else {
            after(start).clamp(earliest, latest)
        })
    }

    /// The pause after this many attempts, and none once there is no time left for another: `spent` is the time since the first one began.
    pub(crate) fn pause(&self, attempts: u32, spent: Duration) -> Option<Duration> {
        let left = self.retry_backoff_max.checked_sub(spent)?;
        let factor = 2_u32.saturating_pow(attempts.saturating_sub(1));
        let pause = self.retry_backoff.saturating_mul(factor).min(left);
        (!pause.is_zero()).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    /// In seconds from now.
    fn refresh(settings: RefreshSettings, start: Option<i64>, end: u64, chance: f64) -> u64 {
        let start = start.map(|start| from_millis((NOW as i64 + start) as u64 * 1_000));
        let at = settings.refresh_at(
            from_millis(NOW * 1_000),
            start,
            from_millis((NOW + end) * 1_000),
            chance,
        );
        millis(at) / 1_000 - NOW
    }

    #[test]
    fn a_token_is_fetched_anew_when_java_would() {
        let java = RefreshSettings::default();
        // An hour: at 80 %, by chance up to 85 %.
        assert_eq!(refresh(java, Some(0), 3_600, 0.0), 2_880);
        assert_eq!(refresh(java, Some(0), 3_600, 1.0), 3_060);
        // Of a token that began ten minutes ago the lifetime counts from there.
        assert_eq!(refresh(java, Some(-600), 3_000, 0.0), 2_280);
        // 80 % of 1,000 s would be within the last five minutes.
        assert_eq!(refresh(java, None, 1_000, 0.0), 700);
        // 80 % of a long life are over already: not before a minute has passed.
        assert_eq!(refresh(java, Some(-36_000), 1_000, 0.0), 60);
        // No room for a minute at the front and five at the end.
        assert_eq!(refresh(java, Some(0), 300, 0.0), 240);
        assert_eq!(refresh(java, Some(-10_000), 300, 0.5), 247);
        assert_eq!(refresh(java, None, 0, 0.0), 0);
    }

    #[test]
    fn each_setting_counts() {
        let java = RefreshSettings::default();
        assert_eq!(
            refresh(RefreshSettings { window_factor: 0.5, ..java }, None, 3_600, 0.0),
            1_800
        );
        assert_eq!(
            refresh(RefreshSettings { window_jitter: 0.1, ..java }, None, 3_600, 0.5),
            3_060
        );
        let hour = Duration::from_secs(3_600);
        assert_eq!(refresh(RefreshSettings { buffer: hour, ..java }, None, 7_200, 0.0), 3_600);
        assert_eq!(
            refresh(RefreshSettings { min_period: hour, ..java }, Some(-7_200), 4_000, 0.0),
            3_600
        );
    }

    #[test]
    fn lifetimes_out_of_this_world_do_no_harm() {
        let java = RefreshSettings::default();
        let at = java.refresh_at(from_millis(NOW), None, from_millis(u64::MAX), f64::NAN);
        assert!(at > from_millis(NOW));
        let past =
            java.refresh_at(from_millis(NOW), Some(from_millis(u64::MAX)), from_millis(0), 9.0);
        assert!(past <= from_millis(NOW));
    }

    #[test]
    fn pauses_double_until_the_time_is_over() {
        let settings = RefreshSettings::default();
        let pause = |attempts, spent| settings.pause(attempts, Duration::from_millis(spent));
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(pause(1, 0), millis(100));
        assert_eq!(pause(2, 100), millis(200));
        assert_eq!(pause(5, 1_500), millis(1_600));
        assert_eq!(pause(40, 9_000), millis(1_000), "cut to what is left");
        assert_eq!(pause(7, 10_000), None);
        assert_eq!(pause(7, 20_000), None);
        let none = RefreshSettings { retry_backoff: Duration::ZERO, ..settings };
        assert_eq!(none.pause(1, Duration::ZERO), None);
    }
}
