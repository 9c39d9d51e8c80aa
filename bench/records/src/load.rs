//! The records.

/// Log lines as JSON, all different, from a small generator.
pub(crate) fn json_values(len: usize) -> Vec<Vec<u8>> {
    const WORDS: [&str; 12] = [
        "order",
        "paid",
        "shipped",
        "customer",
        "basket",
        "north",
        "retry",
        "amount",
        "currency",
        "euro",
        "warehouse",
        "returned",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..4096)
        .map(|id| {
            let mut value =
                format!("{{\"id\":{id},\"at\":{}", 1_700_000_000_000u64 + next() % 100_000);
            while value.len() < len {
                let word = WORDS[next() as usize % WORDS.len()];
                value += &format!(",\"{word}\":{}", next() % 10_000);
            }
            value.truncate(len - 1);
            value.push('}');
            value.into_bytes()
        })
        .collect()
}
