//! Numbers for people.

use std::fmt;
use std::time::Duration;

/// Writes `1234567` as `1,234,567`.
pub(crate) struct Grouped(pub(crate) u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let first = (digits.len() - 1) % 3 + 1;
        f.write_str(&digits[..first])?;
        for group in digits.as_bytes()[first..].chunks(3) {
            write!(f, ",{}", String::from_utf8_lossy(group))?;
        }
        Ok(())
    }
}

/// `2 lines`, `1 line`.
pub(crate) struct Counted(pub(crate) u64, pub(crate) &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", Grouped(self.0), self.1)
    }
}

/// A size in the unit that suits it: kB is 1,000 bytes.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        match self.0 {
            0..1_000 => write!(f, "{}", Counted(self.0, "byte")),
            1_000..1_000_000 => write!(f, "{:.1} kB", bytes / 1e3),
            1_000_000..1_000_000_000 => write!(f, "{:.1} MB", bytes / 1e6),
            _ => write!(f, "{:.2} GB", bytes / 1e9),
        }
    }
}

/// A duration in the unit that suits it.
pub(crate) struct Took(pub(crate) Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        match self.0.as_millis() {
            0..1 => write!(f, "{:.0} µs", seconds * 1e6),
            1..100 => write!(f, "{:.1} ms", seconds * 1e3),
            100..1_000 => write!(f, "{:.0} ms", seconds * 1e3),
            _ => write!(f, "{seconds:.2} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (number, text) in [(0, "0"), (12, "12"), (999, "999"), (1_000, "1,000")] {
            assert_eq!(Grouped(number).to_string(), text);
        }
        assert_eq!(Grouped(u64::MAX).to_string(), "18,446,744,073,709,551,615");
        assert_eq!(Counted(1, "line").to_string(), "1 line");
        assert_eq!(Counted(0, "line").to_string(), "0 lines");
        assert_eq!(Bytes(1).to_string(), "1 byte");
        assert_eq!(Bytes(12_345).to_string(), "12.3 kB");
        assert_eq!(Bytes(200_000_000).to_string(), "200.0 MB");
        assert_eq!(Took(Duration::from_micros(250)).to_string(), "250 µs");
        assert_eq!(Took(Duration::from_micros(4_260)).to_string(), "4.3 ms");
        assert_eq!(Took(Duration::from_millis(61_500)).to_string(), "61.50 s");
    }
}
