//! What a list's entries have to look up is looked up before the list is made: one after another, and no more than is missing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use rohrpost_serializer::{
    DynSerializer, ListError, ListSerializer, Nullable, Output, Part, Preparation, Serializer,
    encode,
};

/// Knows the words that it has looked up, the capital letter of each counting for all that begin with it.
#[derive(Default)]
struct Words {
    known: Mutex<String>,
    asked: Mutex<Vec<String>>,
}

/// Ready when it is polled for the second time.
struct LookUp<'a> {
    words: &'a Words,
    word: &'a str,
    waits: Cell<bool>,
}

impl Future for LookUp<'_> {
    type Output = Result<(), String>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.waits.replace(false) {
            if self.word == "Unheard-of" {
                return Poll::Ready(Err("nobody has heard of it".to_owned()));
            }
            self.words.known.lock().unwrap().push_str(&self.word[..1]);
            return Poll::Ready(Ok(()));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Serializer<&'static str> for Words {
    type Error = String;

    fn serialize<'a>(&self, word: &'a &str, output: &mut Output<'a>) -> Result<(), String> {
        if !self.known.lock().unwrap().contains(&word[..1]) {
            return Err(format!("{word} was not looked up"));
        }
        output.lend(word.as_bytes());
        Ok(())
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
        part: Part,
        word: &'a &'static str,
    ) -> Option<Preparation<'a, String>> {
        assert_eq!((topic, part), ("t", Part::Key));
        if self.known.lock().unwrap().contains(&word[..1]) {
            return None;
        }
        self.asked.lock().unwrap().push((*word).to_owned());
        Some(Box::pin(LookUp { words: self, word, waits: Cell::new(true) }))
    }
}

/// Polls to the end, and says how often.
fn drive<E>(mut look_up: Preparation<'_, E>) -> (Result<(), E>, u32) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut polls = 1;
    loop {
        match look_up.as_mut().poll(&mut cx) {
            Poll::Ready(result) => return (result, polls),
            Poll::Pending => polls += 1,
        }
    }
}

const WORDS: [Option<&str>; 7] =
    [None, Some("Apple"), Some("Ash"), Some("Beech"), None, Some("Birch"), Some("Cedar")];

#[test]
fn entries_are_asked_one_after_another_and_each_thing_is_looked_up_once() {
    let list = ListSerializer::new(Nullable(Words::default()));
    let words = WORDS.to_vec();
    assert!(encode(&list, "t", Part::Key, &words).is_err());
    let (result, polls) = drive(list.prepare("t", Part::Key, &words).unwrap());
    result.unwrap();
    assert_eq!(polls, 4);
    let Nullable(entries) = list.entries();
    assert_eq!(*entries.asked.lock().unwrap(), ["Apple", "Beech", "Cedar"]);
    assert!(list.prepare("t", Part::Key, &words).is_none());
    assert!(encode(&list, "t", Part::Key, &words).is_ok());
    assert!(list.prepare("t", Part::Key, &[][..]).is_none());
}

#[test]
fn lists_of_lists_and_serializers_without_their_type_look_up_too() {
    let list = DynSerializer::<Vec<Vec<Option<&'static str>>>>::new(ListSerializer::new(
        ListSerializer::nullable(Words::default()),
    ));
    let words = vec![vec![], WORDS.to_vec(), vec![Some("Elm")]];
    drive(list.prepare("t", Part::Key, &words).unwrap()).0.unwrap();
    assert!(encode(&list, "t", Part::Key, &words).is_ok());
}

#[test]
fn a_look_up_that_fails_names_its_entry_and_the_later_ones_are_not_asked() {
    let list = ListSerializer::new(Words::default());
    let words = ["Ash", "Unheard-of", "Cedar"];
    let (result, _) = drive(list.prepare("t", Part::Key, &words[..]).unwrap());
    let error = result.unwrap_err();
    assert!(matches!(error, ListError::Entry { index: 1, .. }));
    assert_eq!(error.to_string(), "entry 1 of the list: nobody has heard of it");
    assert_eq!(*list.entries().asked.lock().unwrap(), ["Ash", "Unheard-of"]);
    // Dropped in the middle, it has looked up what it has looked up.
    let mut look_up = list.prepare("t", Part::Key, &["Cedar", "Elm"][..]).unwrap();
    assert!(look_up.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(look_up);
    assert!(list.prepare("t", Part::Key, &["Cedar"][..]).is_some());
}
