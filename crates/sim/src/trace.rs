//! What happened, as a number: two lives of one seed must have the same.

use std::time::Duration;

/// FNV-1a over everything that happens.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    pub(crate) print: bool,
}

impl Trace {
    pub(crate) fn new(print: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, print }
    }

    pub(crate) fn note(
        &mut self,
        at: Duration,
        what: &str,
        detail: impl Fn() -> String,
        bytes: &[u8],
    ) {
        self.mix(&at.as_nanos().to_be_bytes());
        self.mix(what.as_bytes());
        self.mix(bytes);
        if self.print {
            println!("{:>12.6} {what} {}", at.as_secs_f64(), detail());
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    fn mix(&mut self, bytes: &[u8]) {
        // By words: a byte at a time takes most of a life's time.
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            let word = word.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
            self.hash = (self.hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
        }
        for &byte in words.remainder() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
