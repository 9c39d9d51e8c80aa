//! What happened, as a number: two lives of one seed must have the same.

use std::collections::VecDeque;
use std::time::Duration;

/// FNV-1a over everything that happens.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    print: bool,
    /// The last steps, while they are printed or kept.
    last: Option<VecDeque<String>>,
    kept: usize,
    is_frozen: bool,
}

impl Trace {
    pub(crate) fn new(print: bool, kept: usize) -> Self {
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            print,
            last: (kept > 0).then(VecDeque::new),
            kept,
            is_frozen: false,
        }
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
        if self.print || self.last.is_some() {
            let step = format!("{:>12.6} {what} {}", at.as_secs_f64(), detail());
            if self.print {
                println!("{step}");
            }
            if let Some(last) = self.last.as_mut().filter(|_| !self.is_frozen) {
                if last.len() == self.kept {
                    last.pop_front();
                }
                last.push_back(step);
            }
        }
    }

    /// The steps so far are those to keep.
    pub(crate) fn freeze(&mut self) {
        self.is_frozen = true;
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn last_steps(&self) -> Vec<String> {
        self.last.iter().flatten().cloned().collect()
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
