//! Finds what a block repeats, for the two formats that say it alike: LZ4 and Snappy are both sequences of literals and of matches within
//! 64 KiB, and differ in how they write them.
//!
//! One pass, one table: the six bytes at a position are hashed, the table says where such bytes were last, and if they are the same there, as far
//! as they are the same is a match. Six bytes, where the libraries hash four or five, because records repeat names and structure, not
//! syllables: fewer and longer matches are quicker to write, and smaller unless the text is prose. In a large block, which has more to repeat, it is
//! seven.
//!
//! There is no unsafe code and hardly any check either: a position is masked to 16 bits, and the window is an array that reaches beyond all
//! that 16 bits can say.

use alloc::boxed::Box;

/// The most that is compressed at once: a position takes 16 bits.
pub(super) const BLOCK: usize = 1 << 16;
/// What may be read behind a position.
const BEYOND: usize = 16;
/// The bytes of a block, then bytes that count for nothing.
pub(super) type Window = [u8; BLOCK + BEYOND];

/// 16 KiB of table: it stays in the first cache beside half of the block.
const TABLE_BITS: u32 = 13;
/// How many bytes are hashed, and how many in a block of more than [`LARGE`] bytes.
const HASHED: u32 = 6;
const HASHED_IN_LARGE: u32 = 7;
const LARGE: usize = BLOCK / 2;
/// A golden ratio's bits, which spread well.
const FACTOR: u64 = 0x9e37_79b1_85eb_ca87;
/// After so many positions in a row without a match every second one is looked at, then every third, as what does not compress is not worth it.
const PATIENCE: usize = 32;
/// So close to the block's end no match begins: LZ4 forbids the last 12 bytes, and 8 are read at once.
const TAIL: usize = 16;
/// What remains for literals behind the last match: LZ4 asks for 5 bytes.
const LAST_LITERALS: usize = 5;

/// A match: `len` bytes, at least 4, that stand `offset` bytes before, too.
#[derive(Clone, Copy)]
pub(super) struct Match {
    pub(super) offset: u16,
    pub(super) len: usize,
}

/// Where the sequences go, in a format.
pub(super) trait Sequences {
    /// `len` literals from `start` on, then a match.
    fn matched(&mut self, window: &Window, start: usize, len: usize, found: Match);

    /// The literals behind the last match.
    fn last(&mut self, literals: &[u8]);
}

/// The table, and room for a block that does not reach far enough.
pub(super) struct Matcher {
    table: Box<[u16; 1 << TABLE_BITS]>,
    window: Box<Window>,
}

impl Default for Matcher {
    fn default() -> Self {
        Self { table: Box::new([0; 1 << TABLE_BITS]), window: Box::new([0; BLOCK + BEYOND]) }
    }
}

impl Matcher {
    /// Takes the first `len` bytes of `input` apart, [`BLOCK`] at the most. What follows them is not looked at, but being there spares a copy.
    pub(super) fn block(&mut self, input: &[u8], len: usize, out: &mut impl Sequences) {
        self.table.fill(0);
        let window = input.first_chunk().unwrap_or_else(|| {
            self.window[..len].copy_from_slice(&input[..len]);
            &self.window
        });
        if len > LARGE {
            sequences::<HASHED_IN_LARGE>(&mut self.table, window, len, out);
        } else {
            sequences::<HASHED>(&mut self.table, window, len, out);
        }
    }
}

/// An empty place in `table` says position 0, which is as good a guess as any.
#[inline(never)]
fn sequences<const HASHED: u32>(
    table: &mut [u16; 1 << TABLE_BITS],
    window: &Window,
    len: usize,
    out: &mut impl Sequences,
) {
    let last_start = len.saturating_sub(TAIL);
    // The first literal of the next sequence, and where a match is looked for.
    let (mut start, mut at) = (0, 1);
    'block: loop {
        let mut tried = PATIENCE;
        let (candidate, difference) = loop {
            if at >= last_start {
                break 'block;
            }
            let here = bytes8(window, at);
            let place = &mut table[hash::<HASHED>(here)];
            let candidate = usize::from(core::mem::replace(place, at as u16));
            let difference = here ^ bytes8(window, candidate);
            if difference as u32 == 0 {
                break (candidate, difference);
            }
            at += tried / PATIENCE;
            tried += 1;
        };
        // Up to 16 bytes without a branch: how long a match is, nothing can predict.
        let next = bytes8(window, at + 8) ^ bytes8(window, candidate + 8);
        let more = if difference == 0 { next.trailing_zeros() / 8 } else { 0 };
        let mut end = at + (difference.trailing_zeros() / 8 + more) as usize;
        if end == at + 16 {
            end = end_of_match(window, end, at - candidate, len);
        }
        let end = end.min(len - LAST_LITERALS);
        let begin = at - same_before(window, at, candidate).min(at - start);
        let found = Match { offset: (at - candidate) as u16, len: end - begin };
        out.matched(window, start, begin - start, found);
        (start, at) = (end, end);
    }
    out.last(&window[start..len]);
}

/// Where a match that goes on until `at` at least ends; possibly behind the block.
#[inline]
fn end_of_match(window: &Window, mut at: usize, offset: usize, len: usize) -> usize {
    while at < len {
        let difference = bytes8(window, at) ^ bytes8(window, at - offset);
        if difference != 0 {
            return at + (difference.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at
}

/// How many of the 8 bytes before both places are the same: a match is often found late, as the table does not know what lies within earlier ones.
#[inline]
fn same_before(window: &Window, at: usize, candidate: usize) -> usize {
    if candidate < 8 {
        return 0;
    }
    let difference = bytes8(window, at - 8) ^ bytes8(window, candidate - 8);
    (difference.leading_zeros() / 8) as usize
}

#[inline]
const fn hash<const HASHED: u32>(bytes: u64) -> usize {
    ((bytes << (64 - 8 * HASHED)).wrapping_mul(FACTOR) >> (64 - TABLE_BITS)) as usize
}

#[inline]
fn bytes8(window: &Window, at: usize) -> u64 {
    u64::from_le_bytes(bytes(window, at))
}

/// The bytes from a position on, at most [`BEYOND`].
#[inline]
pub(super) fn bytes<const N: usize>(window: &Window, at: usize) -> [u8; N] {
    let at = at % BLOCK;
    let mut bytes = [0; N];
    bytes.copy_from_slice(&window[at..at + N]);
    bytes
}

#[cfg(all(test, feature = "lz4", feature = "snappy"))]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::super::{lz4, snappy};

    /// Compressed and decompressed by the libraries, which share nothing with the matcher.
    fn check(contexts: &mut (lz4::Context, snappy::Context), input: &[u8]) -> (usize, usize) {
        let mut output = Vec::new();
        let lz4 = contexts.0.compress(9, input, &mut output).unwrap();
        assert_eq!(lz4::decompress(&output[..lz4], input.len()).unwrap(), input);
        // The output buffer is used again, whatever it holds.
        let snappy = contexts.1.compress(input, &mut output);
        assert_eq!(snappy::decompress(&output[..snappy], input.len()).unwrap(), input);
        (lz4, snappy)
    }

    fn noise(len: usize) -> impl Iterator<Item = u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            Some(state as u8)
        };
        core::iter::from_fn(next).take(len)
    }

    #[test]
    fn every_length_around_the_ends_of_blocks_comes_back() {
        let mut contexts = Default::default();
        let text: Vec<u8> = (0..20_000_u32).flat_map(|n| (n / 3 * 7919).to_be_bytes()).collect();
        let random: Vec<u8> = noise(140_000).collect();
        let zeros = alloc::vec![0; 140_000];
        for len in (0..40).chain([32, 64, 128].iter().flat_map(|k| k * 1024 - 20..k * 1024 + 20)) {
            for input in [&text, &random, &zeros] {
                check(&mut contexts, &input[..len.min(input.len())]);
            }
        }
    }

    #[test]
    fn what_does_not_compress_grows_by_a_thousandth_at_most() {
        let input: Vec<u8> = noise(1 << 20).collect();
        let (lz4, snappy) = check(&mut Default::default(), &input);
        assert!(lz4.max(snappy) <= input.len() + input.len() / 1000, "{lz4} {snappy}");
    }

    #[test]
    fn what_repeats_hardly_takes_anything() {
        let input: Vec<u8> = b"{\"customer\":4711}".iter().copied().cycle().take(1 << 20).collect();
        let (lz4, snappy) = check(&mut Default::default(), &input);
        // A byte for 255, and three for 64; and what each block begins with.
        assert!(lz4 < input.len() / 200 && snappy < input.len() / 20, "{lz4} {snappy}");
    }

    /// Literals and matches of every length, so that every way to write a sequence is taken, on both sides of its limits.
    #[test]
    fn sequences_of_every_length_come_back() {
        let mut contexts = Default::default();
        let mut random = noise(usize::MAX);
        for literals in
            [0, 1, 14, 15, 16, 17, 59, 60, 61, 62, 255, 256, 257, 258, 269, 270, 271, 600]
        {
            let mut input: Vec<u8> = random.by_ref().take(1000).collect();
            for len in (4..80).chain([255, 256, 272, 273, 274, 275, 528, 529, 530]) {
                input.extend(random.by_ref().take(literals));
                input.extend_from_within(len..2 * len);
            }
            check(&mut contexts, &input);
        }
    }

    /// Distances at which a format goes from one way to write them to another, with short matches and long ones.
    #[test]
    fn offsets_of_every_size_come_back() {
        let mut contexts = Default::default();
        let mut random = noise(usize::MAX);
        for offset in [7, 8, 255, 256, 2047, 2048, 2049, 32_700, 65_000] {
            let mut input: Vec<u8> = random.by_ref().take(offset).collect();
            for len in 6..16 {
                let start = input.len() - offset;
                input.extend_from_within(start..start + len.min(offset));
                input.extend(random.by_ref().take(3));
            }
            input.extend(random.by_ref().take(30));
            check(&mut contexts, &input);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_made_of_literals_and_repetitions_comes_back(
            parts in proptest::collection::vec((any::<bool>(), 0usize..3000, 1usize..70_000, any::<u8>()), 1..80),
        ) {
            let mut input: Vec<u8> = Vec::new();
            for (is_literal, len, distance, byte) in parts {
                if is_literal || input.is_empty() {
                    input.extend(noise(len / 16).map(|noise| noise ^ byte));
                } else {
                    let start = input.len().saturating_sub(distance);
                    let piece: Vec<u8> = input[start..].iter().copied().cycle().take(len).collect();
                    input.extend(piece);
                }
            }
            check(&mut Default::default(), &input);
        }
    }
}
