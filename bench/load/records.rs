//! What is sent.

/// Different values at most; they are sent again and again. A power of two.
const VALUES: usize = 4096;
/// What they take at most, bytes, as long as there is one.
const VALUES_BYTES: usize = 64 << 20;
/// Different keys.
const KEYS: usize = 100_000;

/// The records of a run by number, made before the clock starts.
#[derive(Debug)]
pub struct Records {
    values: Vec<Vec<u8>>,
    keys: Vec<[u8; 16]>,
    headers: Vec<(String, [u8; 16])>,
}

impl Records {
    /// Values of `size` bytes, keys if wanted, and the headers of every record.
    pub fn new(size: usize, has_keys: bool, headers: usize) -> Self {
        let keys = if has_keys { KEYS } else { 0 };
        Self {
            values: values(size),
            keys: (0..keys).map(key).collect(),
            headers: (0..headers)
                .map(|number| (format!("header-{number}"), *b"0123456789abcdef"))
                .collect(),
        }
    }

    /// The value of a record.
    #[inline]
    pub fn value(&self, number: usize) -> &[u8] {
        &self.values[number & (self.values.len() - 1)]
    }

    /// The different values, as many as a power of two: a record's is that at its number modulo their count.
    pub fn values(&self) -> &[Vec<u8>] {
        &self.values
    }

    /// The key of a record.
    #[inline]
    pub fn key(&self, number: usize) -> Option<&[u8]> {
        if self.keys.is_empty() { None } else { Some(&self.keys[number % KEYS]) }
    }

    /// The headers, the same for every record.
    #[inline]
    pub fn headers(&self) -> &[(String, [u8; 16])] {
        &self.headers
    }
}

fn key(number: usize) -> [u8; 16] {
    let mut key = *b"key-000000000000";
    let digits = number.to_string();
    key[16 - digits.len()..].copy_from_slice(digits.as_bytes());
    key
}

/// How many values of that size there are: a power of two.
fn count(size: usize) -> usize {
    1 << (VALUES_BYTES / size.max(1)).clamp(1, VALUES).ilog2()
}

/// JSON of exactly `size` bytes each, the same from every driver.
fn values(size: usize) -> Vec<Vec<u8>> {
    let mut state = 42_u64;
    (0..count(size))
        .map(|number| {
            let mut text = format!("{{\"id\":{number},\"user\":\"").into_bytes();
            while text.len() + 2 < size {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                text.extend_from_slice(format!("{:08x}-", state >> 32).as_bytes());
            }
            if let Some(end) = size.checked_sub(2) {
                text.truncate(end);
                text.extend_from_slice(b"\"}");
            }
            text.truncate(size);
            text
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_size_and_keys_their_numbers() {
        for size in [0, 1, 2, 10, 100, 1000] {
            let records = Records::new(size, true, 3);
            assert!((0..VALUES).all(|number| records.value(number).len() == size), "{size}");
            assert_eq!(records.key(100_017), Some(&b"key-000000000017"[..]));
            assert_eq!(records.headers()[2].0, "header-2");
        }
        assert_eq!(Records::new(10, false, 0).key(1), None);
    }

    #[test]
    fn large_values_are_few() {
        assert_eq!([0, 100, 16_384].map(count), [VALUES; 3]);
        assert_eq!([5_000_000, 64 << 20, 1 << 30].map(count), [8, 1, 1]);
    }

    #[test]
    fn values_are_those_of_the_other_drivers() {
        let records = Records::new(40, false, 0);
        let text = String::from_utf8_lossy(records.value(1)).into_owned();
        assert!(text.starts_with("{\"id\":1,\"user\":\"") && text.ends_with("\"}"), "{text}");
    }
}
