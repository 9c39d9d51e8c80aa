//! The keys that the vectors of this folder are about.

/// How many there are.
pub(crate) const KEYS: usize = 12_000;

/// A key, and of how many partitions one is asked for.
pub(crate) struct Question {
    /// `None` now and then; sometimes empty.
    pub(crate) key: Option<Vec<u8>>,
    /// From 1 to `i32::MAX`, more often few than many.
    pub(crate) count: u32,
}

/// All questions, the same every time.
pub(crate) fn questions() -> impl Iterator<Item = Question> {
    let mut state = 0x726f_6872_706f_7374_u64;
    let mut random = move || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    (0..KEYS).map(move |number| {
        let length = match random() % 8 {
            0 => 0,
            1..5 => random() % 12,
            5 | 6 => random() % 64,
            _ => random() % 600,
        };
        let key = match number % 4 {
            // As programs have them.
            1 => format!("customer-{}", random() % 1_000_000).into_bytes(),
            2 => format!("Größe/{number}").into_bytes(),
            _ => (0..length).map(|_| random() as u8).collect(),
        };
        let most = match random() % 4 {
            0 | 1 => 64,
            2 => 5_000,
            _ => i32::MAX as u64,
        };
        let count = 1 + random() % most;
        Question { key: (number % 64 != 63).then_some(key), count: count as u32 }
    })
}

/// Of how many partitions a topic that grows has one for the question of this number, and of those that have a leader.
pub(crate) const fn grown(number: usize) -> u32 {
    1 + number as u32 / 50
}

/// Whether the topic that grows has a leader for this partition at the question of this number.
pub(crate) const fn has_leader(partition: u32, number: usize) -> bool {
    (partition + number as u32 / 17) % 7 != 3
}

/// FNV-1a of 64 bits over what each question was answered, each with a line feed.
pub(crate) fn digest<'a>(answers: impl Iterator<Item = &'a str>) -> u64 {
    answers
        .flat_map(|answer| answer.bytes().chain([b'\n']))
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}
