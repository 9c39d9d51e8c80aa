//! The bytes of Java's serializers, without Java: `java/answers.txt` has what they made. The tests against a real Kafka ask them again, and much more.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "java/cases.rs"]
mod cases;

#[test]
fn every_serializer_makes_the_bytes_that_javas_makes() {
    let mut count = 0;
    for line in include_str!("java/answers.txt").lines() {
        let (case, java) = line.rsplit_once(" = ").unwrap();
        assert_eq!(cases::answer(case), java, "{case}");
        count += 1;
    }
    assert!(count > 100, "{count}");
}
