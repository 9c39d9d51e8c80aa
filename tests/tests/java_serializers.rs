//! Serializers: each makes the bytes that its class in Java's client makes. Java's says so itself.

#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../crates/serializer/tests/java/cases.rs"]
mod cases;

use harness::kafka::Distribution;

use crate::cases::{answer, hex};

const VERSION: &str = "4.4.0";
const PROGRAM: &str = "tests/java/Serializers.java";
/// What the serializer's own tests take for Java's answers.
const ANSWERS: &str = include_str!("../../crates/serializer/tests/java/answers.txt");

/// What each character set has, the first and the last of what it has, and a byte order mark.
const TEXTS: &[&str] = &[
    "",
    "00617f",
    "c280c3bf",
    "c480",
    "e282acf09f9880",
    "61e282acf09f9880c3a9",
    "efbbbf",
    "efbbbf61",
];

/// Each serializer, and the edges of what it takes.
const EDGES: &[(&str, &[&str])] = &[
    ("String", &["", "00", "6162", "c3a4c39fe282ac", "f09f9880", "efbbbf78"]),
    ("String@UTF-8", TEXTS),
    ("String@US-ASCII", TEXTS),
    ("String@latin1", TEXTS),
    ("String@UTF-16", TEXTS),
    ("String@UTF-16BE", TEXTS),
    ("String@UTF-16LE", TEXTS),
    ("String@UTF-32", TEXTS),
    ("String@UTF-32BE", TEXTS),
    ("String@UTF-32LE", TEXTS),
    ("ByteArray", &["", "00", "ff00ff", "c3"]),
    ("ByteBuffer", &["", "00", "ff00ff"]),
    ("Bytes", &["", "00", "ff00ff"]),
    ("Short", &["0", "1", "-1", "32767", "-32768", "258"]),
    ("Integer", &["0", "1", "-1", "2147483647", "-2147483648", "16909060"]),
    ("Long", &["0", "1", "-1", "9223372036854775807", "-9223372036854775808", "72623859790382856"]),
    (
        "Float",
        &[
            "00000000", "80000000", "3f800000", "7f800000", "ff800000", "7fc00000", "7fc00001",
            "ffc00000", "7fffffff", "00000001", "007fffff",
        ],
    ),
    (
        "Double",
        &[
            "0000000000000000",
            "8000000000000000",
            "3ff0000000000000",
            "7ff0000000000000",
            "fff0000000000000",
            "7ff8000000000000",
            "7ff8000000000001",
            "7ff0000000000001",
            "fff8000000000000",
            "ffffffffffffffff",
            "0000000000000001",
        ],
    ),
    ("Boolean", &["true", "false"]),
    (
        "UUID",
        &[
            "00000000000000000000000000000000",
            "ffffffffffffffffffffffffffffffff",
            "0123456789abcdeffedcba9876543210",
        ],
    ),
    ("Void", &[]),
];

/// The edges: each value alone, null, and lists without entries, of nulls, of all, of lists.
fn edges() -> Vec<String> {
    let mut cases = Vec::new();
    for (name, values) in EDGES {
        let mut case = |lists: &str, value: &str| cases.push(format!("{lists}{name} {value}"));
        for value in values.iter().chain(&["~"]) {
            case("", value);
        }
        let all: String = values.iter().map(|value| format!("{value},")).collect();
        for list in ["~", "[]", "[~,]", "[~,~,]", &format!("[{all}]"), &format!("[~,{all}~,]")] {
            case("List:", list);
        }
        for list in ["[]", "[~,[],]", &format!("[[{all}],~,[~,{all}],]")] {
            case("List:List:", list);
        }
    }
    cases
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A case of any serializer.
    fn case(&mut self) -> String {
        let (name, _) = EDGES[self.below(EDGES.len() as u64) as usize];
        let lists = self.below(3) as usize;
        format!("{}{name} {}", "List:".repeat(lists), self.value(name, lists))
    }

    fn value(&mut self, name: &str, lists: usize) -> String {
        if self.below(8) == 0 || (name == "Void" && lists == 0) {
            return "~".to_owned();
        }
        if lists > 0 {
            let entries = self.below(6);
            let list: String = (0..entries).map(|_| self.value(name, lists - 1) + ",").collect();
            return format!("[{list}]");
        }
        let number = self.next() as i64 >> self.below(64);
        match name {
            name if name.starts_with("String") => {
                let any = |random: &mut Self| {
                    // As many characters of one byte as of several.
                    let most = [0x80, 0x800, 0x1_0000, 0x11_0000][random.below(4) as usize];
                    char::from_u32(random.below(most) as u32).unwrap_or('ä')
                };
                let length = self.below(40);
                hex((0..length).map(|_| any(self)).collect::<String>().as_bytes())
            }
            "Short" => (number as i16).to_string(),
            "Integer" => (number as i32).to_string(),
            "Long" => number.to_string(),
            "Float" => format!("{:08x}", self.next() as u32),
            "Double" => format!("{:016x}", self.next()),
            "Boolean" => (number & 1 == 0).to_string(),
            "UUID" => format!("{:016x}{:016x}", self.next(), self.next()),
            _ => {
                let length = self.below(40);
                hex(&(0..length).map(|_| self.next() as u8).collect::<Vec<u8>>())
            }
        }
    }
}

fn ask_java(cases: &[String]) -> Vec<String> {
    let client = Distribution::client(VERSION).unwrap();
    let input: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let printed = client.run_source(PROGRAM, &[], &input).unwrap();
    let answers: Vec<String> = printed.lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), cases.len(), "{printed}");
    answers
}

#[test]
fn every_serializer_makes_the_bytes_that_javas_makes() {
    let mut random = Random(0x5e21_a112);
    let edges = edges();
    let cases: Vec<String> =
        edges.iter().cloned().chain((0..20_000).map(|_| random.case())).collect();
    let java = ask_java(&cases);
    for (case, java) in cases.iter().zip(&java) {
        assert_eq!(&answer(case), java, "{case}");
    }
    let answers: String =
        edges.iter().zip(&java).map(|(case, java)| format!("{case} = {java}\n")).collect();
    assert!(ANSWERS == answers, "crates/serializer/tests/java/answers.txt must be:\n{answers}");
}
