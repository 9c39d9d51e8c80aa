//! Transfers between accounts, each a transaction: what tellers were told of each, and what readers of committed records see of it.
//!
//! A transfer has four legs. Debit and credit go to their accounts' partitions, which get their markers one after the other; both of them again go to one partition of a
//! journal, where not even a moment lies between the two. The journal therefore balances in every snapshot, and so do the accounts once the transfers are set aside of which a
//! snapshot shows one leg: those have to be whole when the bank is still, which is when no transaction is open.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The topic with a partition for every few accounts.
pub const ACCOUNTS: &str = "accounts";
/// The topic where each transfer stands in one partition.
pub const JOURNAL: &str = "journal";
/// All four.
const WHOLE: u8 = 0b1111;
/// Those in the journal.
const ENTRY: u8 = 0b1100;

/// So much from one account to another, as which of its teller's orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Who does it.
    pub teller: u32,
    /// The account that has less afterwards.
    pub from: u32,
    /// The account that has more.
    pub to: u32,
    /// How much.
    pub amount: i64,
}

/// What a teller knows of the end of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its commit succeeded.
    Committed,
    /// It was never asked for a commit, or that said that it is aborted.
    Aborted,
    /// Its commit was asked for, and nobody heard what came of it.
    Unknown,
}

/// How many transfers ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Known to be committed.
    pub committed: u64,
    /// Known to be aborted.
    pub aborted: u64,
    /// Of those that nobody knew of: found committed.
    pub unknown_committed: u64,
    /// Of those that nobody knew of: found aborted.
    pub unknown_aborted: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { committed, aborted, unknown_committed, unknown_aborted } = self;
        write!(
            f,
            "{committed} committed, {aborted} aborted, {} unknown ({unknown_committed} of them committed)",
            unknown_committed + unknown_aborted
        )
    }
}

#[derive(Debug)]
struct Entry {
    transfer: Transfer,
    fate: Option<Fate>,
    /// A bit for each leg that was seen.
    seen: u8,
}

/// The books: transfers by their number, from 0.
#[derive(Debug, Default)]
pub struct Bank {
    entries: Vec<Entry>,
    /// From here on transfers may change still.
    unsettled: usize,
    /// Those seen, but not whole.
    partial: BTreeSet<usize>,
    balances: BTreeMap<u32, i64>,
    journal: i64,
    tally: Tally,
    /// Of each teller the last transfer that is committed.
    last: BTreeMap<u32, u64>,
    breaches: Vec<String>,
}

impl Bank {
    /// A transfer begins; gives its number.
    pub fn begin(&mut self, transfer: Transfer) -> u64 {
        self.entries.push(Entry { transfer, fate: None, seen: 0 });
        self.entries.len() as u64 - 1
    }

    /// It ended, as far as its teller knows.
    pub fn end(&mut self, number: u64, fate: Fate) {
        let entry = &mut self.entries[number as usize];
        entry.fate = Some(fate);
        if fate == Fate::Aborted && entry.seen != 0 {
            self.breach(format!("transfer {number} is aborted and visible"));
        }
    }

    /// The values of its records: topic, partition key (an account, or the number itself), value.
    #[must_use]
    pub fn legs(number: u64, transfer: Transfer) -> [(&'static str, u64, String); 4] {
        let Transfer { from, to, amount, .. } = transfer;
        let (debit, credit) =
            (format!("{number} {from} -{amount}"), format!("{number} {to} {amount}"));
        [
            (ACCOUNTS, u64::from(from), debit.clone()),
            (ACCOUNTS, u64::from(to), credit.clone()),
            (JOURNAL, number, debit),
            (JOURNAL, number, credit),
        ]
    }

    /// A reader of committed records saw this value there.
    pub fn see(&mut self, topic: &str, value: &str) {
        let Some((number, account, amount)) = parse(value) else {
            return self.breach(format!("{topic}: {value:?} is no leg of a transfer"));
        };
        let Some(entry) = self.entries.get_mut(number) else {
            return self.breach(format!("{topic}: {value:?} was never sent"));
        };
        let legs = Self::legs(number as u64, entry.transfer);
        let Some(leg) = legs.iter().position(|(of, _, text)| *of == topic && text == value) else {
            return self.breach(format!("{topic}: {value:?} is not what was sent"));
        };
        let is_twice = entry.seen & (1 << leg) != 0;
        entry.seen |= 1 << leg;
        let (seen, fate) = (entry.seen, entry.fate);
        if is_twice {
            self.breach(format!("{topic}: {value:?} is there twice"));
        }
        if fate == Some(Fate::Aborted) {
            self.breach(format!("{topic}: {value:?} is aborted and visible"));
        }
        if number < self.unsettled {
            self.breach(format!("{topic}: {value:?} came after its transfer was settled"));
        }
        if seen == WHOLE {
            self.partial.remove(&number);
        } else {
            self.partial.insert(number);
        }
        if topic == JOURNAL {
            self.journal += amount;
        } else {
            *self.balances.entry(account).or_default() += amount;
        }
    }

    /// A snapshot is complete: all that was stable when it began was seen. Gives how many transfers it shows a part of.
    pub fn snapshot(&mut self) -> usize {
        let lopsided = self.partial.iter().filter(|number| {
            let entry = self.entries[**number].seen & ENTRY;
            entry != 0 && entry != ENTRY
        });
        let lopsided: Vec<usize> = lopsided.copied().collect();
        if self.journal != 0 || !lopsided.is_empty() {
            self.breach(format!("the journal is {} off, by transfers {lopsided:?}", self.journal));
        }
        let set_aside: i64 =
            self.partial.iter().map(|number| self.entries[*number].in_accounts()).sum();
        let sum = self.balances.values().sum::<i64>() - set_aside;
        if sum != 0 {
            self.breach(format!("the accounts are {sum} off"));
        }
        self.partial.len()
    }

    /// A snapshot of a still bank: no transaction is open, and everything was seen. What nobody knew of is known then.
    pub fn still_snapshot(&mut self) {
        self.snapshot();
        for number in self.unsettled..self.entries.len() {
            let entry = &self.entries[number];
            let (seen, fate, teller) = (entry.seen, entry.fate, entry.transfer.teller);
            match (fate, seen) {
                (Some(Fate::Committed), WHOLE) => self.tally.committed += 1,
                (Some(Fate::Unknown), WHOLE) => self.tally.unknown_committed += 1,
                (Some(Fate::Aborted), 0) => self.tally.aborted += 1,
                (Some(Fate::Unknown), 0) => self.tally.unknown_aborted += 1,
                _ => self.breach(format!("transfer {number} is {fate:?}; seen of it: {seen:04b}")),
            }
            if seen == WHOLE {
                self.last.insert(teller, number as u64);
            }
        }
        self.unsettled = self.entries.len();
        let mut expected = BTreeMap::<u32, i64>::new();
        for Entry { transfer, seen, .. } in &self.entries {
            if *seen == WHOLE {
                *expected.entry(transfer.from).or_default() -= transfer.amount;
                *expected.entry(transfer.to).or_default() += transfer.amount;
            }
        }
        if expected != self.balances {
            self.breach(format!("balances are {:?}, not {expected:?}", self.balances));
        }
    }

    /// The ends of all settled transfers.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Of each teller the last transfer that is committed, as of the last still snapshot.
    #[must_use]
    pub fn last_committed(&self) -> &BTreeMap<u32, u64> {
        &self.last
    }

    /// Notes what must not be.
    pub fn breach(&mut self, breach: String) {
        self.breaches.push(breach);
    }

    /// # Errors
    ///
    /// The first breaches, if there are any.
    pub fn verdict(&self) -> Result<(), String> {
        let first: Vec<&str> = self.breaches.iter().take(10).map(String::as_str).collect();
        if first.is_empty() {
            return Ok(());
        }
        Err(format!("{} breaches:\n{}", self.breaches.len(), first.join("\n")))
    }
}

impl Entry {
    /// What the legs in the accounts that were seen make together.
    fn in_accounts(&self) -> i64 {
        let amount = |leg: u8, amount: i64| if self.seen & leg == 0 { 0 } else { amount };
        amount(0b0001, -self.transfer.amount) + amount(0b0010, self.transfer.amount)
    }
}

fn parse(value: &str) -> Option<(usize, u32, i64)> {
    let mut words = value.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSFER: Transfer = Transfer { teller: 1, from: 3, to: 4, amount: 7 };

    /// What a bank says of one transfer of this fate, of which these legs were seen when it is still.
    fn verdict(fate: Fate, legs: &[usize]) -> Result<(), String> {
        let mut bank = Bank::default();
        let number = bank.begin(TRANSFER);
        for &leg in legs {
            let (topic, _, value) = &Bank::legs(number, TRANSFER)[leg];
            bank.see(topic, value);
        }
        bank.end(number, fate);
        bank.still_snapshot();
        bank.verdict()
    }

    #[test]
    fn all_of_what_is_committed_and_none_of_what_is_aborted_is_right() {
        for (fate, legs) in [
            (Fate::Committed, &[0, 1, 2, 3][..]),
            (Fate::Aborted, &[]),
            (Fate::Unknown, &[3, 2, 1, 0]),
            (Fate::Unknown, &[]),
        ] {
            assert_eq!(verdict(fate, legs), Ok(()), "{fate:?} {legs:?}");
        }
    }

    #[test]
    fn what_is_lost_halved_doubled_or_visible_though_aborted_is_a_breach() {
        for (fate, legs) in [
            (Fate::Committed, &[][..]),
            (Fate::Committed, &[0, 1, 2]),
            (Fate::Committed, &[0, 2, 3]),
            (Fate::Committed, &[0, 0, 1, 2, 3]),
            (Fate::Aborted, &[0, 1, 2, 3]),
            (Fate::Aborted, &[2]),
            (Fate::Unknown, &[1]),
        ] {
            assert!(verdict(fate, legs).is_err(), "{fate:?} {legs:?}");
        }
    }

    #[test]
    fn between_two_partitions_a_transfer_may_be_seen_by_half_but_never_within_one() {
        let mut bank = Bank::default();
        let number = bank.begin(TRANSFER);
        let [(accounts, _, debit), _, (journal, _, entry), (_, _, other)] =
            Bank::legs(number, TRANSFER);
        bank.see(accounts, &debit);
        assert_eq!((bank.snapshot(), bank.verdict()), (1, Ok(())));
        bank.see(journal, &entry);
        let mut lopsided = Bank {
            entries: vec![Entry { transfer: TRANSFER, fate: None, seen: 0 }],
            ..Bank::default()
        };
        lopsided.see(journal, &other);
        lopsided.snapshot();
        assert!(lopsided.verdict().is_err());
        bank.see(journal, &other);
        assert_eq!((bank.snapshot(), bank.verdict()), (1, Ok(())));
        // Still, it must be whole.
        bank.end(number, Fate::Committed);
        bank.still_snapshot();
        assert!(bank.verdict().is_err());
    }

    #[test]
    fn nothing_changes_that_was_settled_and_nothing_is_there_that_nobody_sent() {
        let mut bank = Bank::default();
        let number = bank.begin(TRANSFER);
        bank.end(number, Fate::Unknown);
        bank.still_snapshot();
        assert_eq!(bank.tally(), Tally { unknown_aborted: 1, ..Tally::default() });
        bank.see(ACCOUNTS, &Bank::legs(number, TRANSFER)[0].2);
        assert!(bank.verdict().is_err());
        for nonsense in ["0 3 -8", "5 3 -7", "", "0 3"] {
            let mut bank = Bank::default();
            bank.begin(TRANSFER);
            bank.see(ACCOUNTS, nonsense);
            assert!(bank.verdict().is_err(), "{nonsense}");
        }
    }
}
