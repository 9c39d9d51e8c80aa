//! What a run took.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};

/// From the start of sending to the last acknowledgement.
#[derive(Debug)]
pub struct Meter {
    start: Instant,
    cpu: f64,
}

/// What the client itself says of its requests.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// Produce requests.
    pub requests: u64,
    /// Batches in them.
    pub batches: u64,
    /// Bytes of the batches as sent.
    pub bytes: u64,
}

impl Meter {
    /// Starts the clock.
    ///
    /// # Errors
    /// Where the system does not tell the process's CPU time.
    pub fn start() -> nix::Result<Self> {
        Ok(Self { cpu: cpu_seconds(&usage()?), start: Instant::now() })
    }

    /// CPU time since the start.
    ///
    /// # Errors
    /// Where the system does not tell the process's CPU time.
    pub fn cpu_seconds(&self) -> nix::Result<f64> {
        Ok(cpu_seconds(&usage()?) - self.cpu)
    }

    /// Stops the clock and gives the line of JSON.
    ///
    /// # Errors
    /// Where the system does not tell the process's CPU time.
    pub fn report(
        self,
        acknowledged: u64,
        errors: u64,
        latencies: Option<Latencies>,
        traffic: Option<Traffic>,
    ) -> nix::Result<String> {
        let (seconds, usage) = (self.start.elapsed().as_secs_f64(), usage()?);
        let cpu = cpu_seconds(&usage) - self.cpu;
        let mut line = format!(
            "{{\"records\":{acknowledged},\"seconds\":{seconds},\"records_per_s\":{},\
             \"cpu_seconds_per_million\":{},\"peak_rss_bytes\":{},\"errors\":{errors},\
             \"latency_us\":{}",
            acknowledged as f64 / seconds,
            cpu / acknowledged.max(1) as f64 * 1e6,
            usage.max_rss() * 1024,
            latencies.map_or_else(|| "null".to_owned(), Latencies::into_json),
        );
        let _ = match traffic {
            Some(Traffic { requests, batches, bytes }) => {
                let mean = bytes as f64 / batches.max(1) as f64;
                write!(line, ",\"requests\":{requests},\"mean_batch_bytes\":{mean}}}")
            }
            None => write!(line, ",\"requests\":null,\"mean_batch_bytes\":null}}"),
        };
        Ok(line)
    }
}

/// The latency of every record, ns.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<u64>);

impl Latencies {
    /// Room for so many.
    pub fn with_capacity(records: usize) -> Self {
        Self(Vec::with_capacity(records))
    }

    /// Notes one.
    #[inline]
    pub fn note(&mut self, latency: Duration) {
        self.0.push(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Takes another sender's in.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    fn into_json(mut self) -> String {
        self.0.sort_unstable();
        let at = |part: f64| {
            let rank = (self.0.len() as f64 * part).ceil() as usize;
            let index = rank.max(1) - 1;
            self.0.get(index.min(self.0.len().saturating_sub(1))).map_or(0.0, |ns| *ns as f64 / 1e3)
        };
        format!(
            "{{\"p50\":{},\"p90\":{},\"p99\":{},\"p999\":{},\"max\":{}}}",
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            at(1.0)
        )
    }
}

fn usage() -> nix::Result<Usage> {
    getrusage(UsageWho::RUSAGE_SELF)
}

fn cpu_seconds(usage: &Usage) -> f64 {
    let (user, system) = (usage.user_time(), usage.system_time());
    (user.tv_sec() + system.tv_sec()) as f64 + (user.tv_usec() + system.tv_usec()) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_smallest_latency_that_so_many_do_not_exceed() {
        let mut latencies = Latencies::default();
        for micros in (1..=1000).rev() {
            latencies.note(Duration::from_micros(micros));
        }
        assert_eq!(
            latencies.into_json(),
            r#"{"p50":500,"p90":900,"p99":990,"p999":999,"max":1000}"#
        );
        assert!(Latencies::default().into_json().contains("\"max\":0"));
    }

    #[test]
    fn the_line_says_null_for_what_the_client_does_not_know() {
        let line = Meter::start().unwrap().report(1, 0, None, None).unwrap();
        assert!(line.contains("\"latency_us\":null,\"requests\":null,"), "{line}");
        let traffic = Traffic { requests: 2, batches: 4, bytes: 10 };
        let line = Meter::start().unwrap().report(1, 0, None, Some(traffic)).unwrap();
        assert!(line.ends_with("\"requests\":2,\"mean_batch_bytes\":2.5}"), "{line}");
    }
}
