//! What is held for one message: in every version, random instances go both ways.

use std::marker::PhantomData;

use rohrpost_codec::{Bytes, Message};

use crate::Result;
use crate::java::{Java, Question, hex};
use crate::json::{self, Json};
use crate::report::Report;
use crate::sample::{Sample, Source};

/// One message.
pub(crate) struct Subject<'a, M> {
    java: &'a mut Java,
    report: &'a mut Report,
    seed: u64,
    message: PhantomData<M>,
}

impl<'a, M: Message + Sample + Json> Subject<'a, M> {
    pub(crate) fn new(java: &'a mut Java, report: &'a mut Report, seed: u64) -> Self {
        Self { java, report, seed, message: PhantomData }
    }

    /// Compares the defaults, and `cases` instances of every version.
    pub(crate) fn hold(mut self, cases: u64) -> Result {
        let versions: Vec<i16> = M::VERSIONS.iter().chain(M::UNSTABLE_VERSION).collect();
        self.report.message(M::NAME, &versions);
        self.defaults(&versions)?;
        for (index, &version) in versions.iter().enumerate() {
            for case in 0..cases {
                let seed = self.seed_of(version, case);
                self.report.case();
                self.made_by_us(version, seed)?;
                self.made_by_java(version, seed)?;
                // Another version's values, and nulls where the version has none.
                let from = versions[(index + 1 + case as usize) % versions.len()];
                self.written_or_refused(from, version, seed)?;
            }
        }
        Ok(())
    }

    /// A new object holds the same on both sides, and is written or refused by both.
    fn defaults(&mut self, versions: &[i16]) -> Result {
        let ours = M::default();
        let java = self.java.ask(&Question::Default { name: M::NAME })?;
        self.same(None, "the default", &ours.json(None), &java.value);
        for &version in versions {
            let value = ours.json(Some(version));
            let java =
                self.java.ask(&Question::Build { name: M::NAME, from: version, version, value })?;
            self.same_outcome(version, "the default", ours.to_bytes(version).ok(), java.bytes());
        }
        Ok(())
    }

    /// Java reads our bytes as the values that we have written, writes them again, and makes the
    /// same bytes of the same values.
    fn made_by_us(&mut self, version: i16, seed: u64) -> Result {
        let message: M = self.sample(version, seed, |_| {});
        let ours = message.to_bytes(version)?;
        let read = self.java.ask(&Question::Read { name: M::NAME, version, bytes: hex(&ours) })?;
        self.same_outcome(version, "our bytes, read by Java", Some(ours), read.bytes());
        self.same(Some(version), "what Java reads", &message.json(None), &read.value);

        // The converters have no word for unknown tagged fields.
        let message: M = self.sample(version, seed, |source| source.with_unknown = false);
        let value = message.json(Some(version));
        let built =
            self.java.ask(&Question::Build { name: M::NAME, from: version, version, value })?;
        let ours = message.to_bytes(version)?;
        self.same_outcome(version, "our values, written by Java", Some(ours), built.bytes());
        Ok(())
    }

    /// We read Java's bytes as the values that it has written, and write them again.
    fn made_by_java(&mut self, version: i16, seed: u64) -> Result {
        let java = self.java.ask(&Question::MakeUp { name: M::NAME, version, seed })?;
        let theirs = java.bytes()?;
        match M::from_bytes(&theirs, version) {
            Ok(message) => {
                self.same(Some(version), "what we read", &message.json(None), &java.value);
                let again = message.to_bytes(version).ok();
                self.same_outcome(version, "Java's bytes, read by us", again, Ok(theirs));
            }
            Err(error) => self.differ(Some(version), "Java's bytes", &error.to_string()),
        }
        Ok(())
    }

    /// A value of another version, with any null, is written the same by both, or refused by both.
    fn written_or_refused(&mut self, from: i16, version: i16, seed: u64) -> Result {
        let message: M = self.sample(from, seed, |source| {
            source.with_unknown = false;
            source.with_wrong_nulls = true;
        });
        let value = message.json(Some(from));
        let java = self.java.ask(&Question::Build { name: M::NAME, from, version, value })?;
        let ours = message.to_bytes(version).ok();
        let what = format!("a value of version {from}");
        self.same_outcome(version, &what, ours, java.bytes());
        Ok(())
    }

    fn sample(&self, version: i16, seed: u64, adapt: impl FnOnce(&mut Source)) -> M {
        let mut source = Source::new(seed, version, M::is_flexible(version));
        adapt(&mut source);
        M::sample(&mut source, false)
    }

    /// The same for the same seed of the run, whatever the order.
    fn seed_of(&self, version: i16, case: u64) -> u64 {
        let mut hash = self.seed ^ 0xcbf2_9ce4_8422_2325;
        let words = [u64::from(version as u16), case];
        for word in M::NAME.bytes().map(u64::from).chain(words) {
            hash = (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
        }
        hash
    }

    fn same(
        &mut self,
        version: Option<i16>,
        what: &str,
        ours: &serde_json::Value,
        java: &serde_json::Value,
    ) {
        if !json::agree(ours, java) {
            self.differ(version, what, &format!("ours {ours}, Java's {java}"));
        }
    }

    fn same_outcome(
        &mut self,
        version: i16,
        what: &str,
        ours: Option<Bytes>,
        java: std::result::Result<Bytes, &str>,
    ) {
        let difference = match (ours, java) {
            (Some(ours), Ok(java)) if ours == java => return,
            (None, Err(_)) => return,
            (Some(ours), Ok(java)) => format!("ours {}, Java's {}", hex(&ours), hex(&java)),
            (Some(ours), Err(reason)) => format!("ours {}, Java refuses: {reason}", hex(&ours)),
            (None, Ok(java)) => format!("we refuse, Java's {}", hex(&java)),
        };
        self.differ(Some(version), what, &difference);
    }

    fn differ(&mut self, version: Option<i16>, what: &str, difference: &str) {
        let version = version.map(|version| format!(" v{version}")).unwrap_or_default();
        self.report.mismatch(&format!("{}{version}, {what}", M::NAME), difference);
    }
}
