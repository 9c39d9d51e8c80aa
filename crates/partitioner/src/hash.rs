//! The hashes of keys that Kafka's clients use.

use core::num::NonZeroU32;

/// A way from a key to a partition: the same key, the same partition, as long as the topic has as many partitions.
///
/// ```
/// use core::num::NonZeroU32;
/// use rohrpost_partitioner::KeyHash;
///
/// let twelve = NonZeroU32::new(12).unwrap();
/// assert_eq!(KeyHash::Murmur2.partition(b"foobar", twelve), 6);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyHash {
    /// Java's: [`murmur2`] without its sign bit. librdkafka calls it `murmur2`.
    #[default]
    Murmur2,
    /// librdkafka's default, which it calls `consistent`: [`crc32`].
    Crc32,
    /// Sarama's default, which librdkafka calls `fnv1a`: [`fnv1a`] as a signed number without its sign.
    Fnv1a,
    /// That of Sarama's `NewReferenceHashPartitioner`: [`fnv1a`] without its sign bit.
    Fnv1aUnsigned,
}

impl KeyHash {
    /// The partition of a key in a topic of `count` partitions, whether they are available or not.
    #[inline]
    #[must_use]
    pub fn partition(self, key: &[u8], count: NonZeroU32) -> u32 {
        let hash = match self {
            Self::Murmur2 => murmur2(key) & 0x7fff_ffff,
            Self::Crc32 => crc32(key),
            Self::Fnv1a => (fnv1a(key) as i32).unsigned_abs(),
            Self::Fnv1aUnsigned => fnv1a(key) & 0x7fff_ffff,
        };
        hash % count
    }
}

/// MurmurHash 2 of 32 bits with Kafka's seed (`Utils.murmur2` in Java, which returns the same bits as a signed number).
#[inline]
#[must_use]
pub fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    // Java counts in 32 bits, and so does the hash; no key is that long.
    let mut hash = SEED ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = word.iter().rev().fold(0, |k, &byte| k << 8 | u32::from(byte));
        k = k.wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        hash ^= rest.iter().rev().fold(0, |k, &byte| k << 8 | u32::from(byte));
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// CRC-32 as in zlib (not the CRC-32C of record batches).
#[inline]
#[must_use]
pub fn crc32(data: &[u8]) -> u32 {
    let crc = data
        .iter()
        .fold(u32::MAX, |crc, &byte| CRC_TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8));
    !crc
}

/// FNV-1a of 32 bits.
#[inline]
#[must_use]
pub fn fnv1a(data: &[u8]) -> u32 {
    data.iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_is_javas() {
        // From the tests of Kafka's own client.
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }

    #[test]
    fn the_other_hashes_have_their_published_check_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(fnv1a(b""), 0x811c_9dc5);
        assert_eq!(fnv1a(b"a"), 0xe40c_292c);
        assert_eq!(fnv1a(b"foobar"), 0xbf9c_f968);
    }

    #[test]
    fn partitions_are_those_of_the_other_clients() {
        let count = |count| NonZeroU32::new(count).unwrap();
        // The sign bit goes, the number is not negated: -790332482 becomes 1357151166.
        assert_eq!(KeyHash::Murmur2.partition(b"foobar", count(1_000_000)), 151_166);
        assert_eq!(
            KeyHash::Crc32.partition(b"123456789", count(1_000_000)),
            0xcbf4_3926 % 1_000_000
        );
        // 0xbf9cf968 is -1080231576 in 32 bits; Sarama drops the minus.
        assert_eq!(KeyHash::Fnv1a.partition(b"foobar", count(1_000_000)), 231_576);
        // Its reference partitioner drops the bit: 1067252072.
        assert_eq!(KeyHash::Fnv1aUnsigned.partition(b"foobar", count(1_000_000)), 252_072);
        for hash in [KeyHash::Murmur2, KeyHash::Crc32, KeyHash::Fnv1a, KeyHash::Fnv1aUnsigned] {
            assert_eq!(hash.partition(b"anything", count(1)), 0);
        }
    }
}
