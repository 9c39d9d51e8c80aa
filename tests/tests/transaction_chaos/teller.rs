//! Somebody who moves money by transactions, and now and then aborts one, gives one up, dies in one, or lives on beside a successor.

use std::time::{Duration, Instant};

use harness::bank::{Bank, Fate, Transfer};
use harness::chance::Chance;
use rohrpost::{
    ConsumerGroupMetadata, Error, ErrorKind, Outcome, Producer, ProducerRecord, Remedy,
    Transaction, TransactionEnd, TransactionalProducer,
};
use tokio::runtime::{Builder, Runtime};

use crate::office::{GROUP, ORDERS, Office, PARTITIONS};

const ACCOUNTS: u64 = 24;
/// Between two transfers of one teller.
const PACE: Duration = Duration::from_millis(10);
/// For any one step to come to its end, however often it is tried again.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a teller has in mind for a transfer.
#[derive(Clone, Copy, Debug)]
enum Plan {
    Commit,
    Abort,
    Drop,
    /// Gives the commit's future up half-way, and asks later.
    GiveUp,
    /// The process ends before the commit.
    Die,
    /// The process ends while the commit is under way.
    DieCommitting,
    /// Another process takes over meanwhile.
    BeReplaced,
}

/// A process, as far as brokers can see: with its runtime its connections are gone, in the middle of whatever it was at.
struct Process {
    runtime: Option<Runtime>,
    producer: Option<TransactionalProducer>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // First the runtime, or the producer would be closed in order.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        self.producer.take();
    }
}

/// Transfers until the office closes.
pub(crate) fn serve(office: &Office, teller: u32, mut chance: Chance) {
    let mut process: Option<Process> = None;
    while let Some(_entered) = office.enter() {
        let result = (|| {
            let mut at_work = match process.take() {
                Some(process) => process,
                None => start(office, teller)?,
            };
            let (fate, lives_on) = transfer(office, teller, &mut at_work, &mut chance)?;
            office.count(match fate {
                Fate::Committed => "told of a commit",
                Fate::Aborted => "told of an abort",
                Fate::Unknown => "told of neither",
            });
            if lives_on {
                process = Some(at_work);
            } else {
                // The next one ends what this one left open, before the door is closed.
                drop(at_work);
                process = Some(start(office, teller)?);
            }
            Ok(())
        })();
        let has_failed = result.is_err();
        office.note(result.map_err(|error: String| format!("teller {teller}: {error}")));
        if has_failed {
            return;
        }
    }
    if let Some(mut process) = process
        && let (Some(runtime), Some(producer)) = (process.runtime.take(), process.producer.take())
    {
        let closed = runtime.block_on(producer.close(PATIENCE));
        office.note(closed.map_err(|error| format!("teller {teller} cannot close: {error}")));
    }
}

/// A process with an initialised producer.
fn start(office: &Office, teller: u32) -> Result<Process, String> {
    let end = Instant::now() + PATIENCE;
    // Half of them are aborted by the coordinator if a broker freezes for long.
    let (transaction, delivery) =
        if teller % 2 == 0 { ("30000", "15000") } else { ("6000", "15000") };
    loop {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let builder = Producer::builder()
            .bootstrap_servers(office.servers.as_str())
            .transactional_id(format!("teller-{teller}"))
            .property("transaction.timeout.ms", transaction)
            .property("delivery.timeout.ms", delivery)
            .property("request.timeout.ms", "4000")
            .property("max.block.ms", "10000");
        let started = runtime.block_on(async {
            let mut producer = builder.build_transactional().await?;
            producer.init().await?;
            Ok::<_, Error>(producer)
        });
        match started {
            Ok(producer) => {
                office.count("processes");
                return Ok(Process { runtime: Some(runtime), producer: Some(producer) });
            }
            Err(error) if Instant::now() > end => return Err(format!("cannot start: {error}")),
            Err(error) => office.count(&format!("starts tried again after {:?}", error.kind())),
        }
        runtime.shutdown_background();
    }
}

/// One transfer, with its fate in the books; and whether the process can go on.
fn transfer(
    office: &Office,
    teller: u32,
    process: &mut Process,
    chance: &mut Chance,
) -> Result<(Fate, bool), String> {
    let from = chance.below(ACCOUNTS);
    let to = (from + 1 + chance.below(ACCOUNTS - 1)) % ACCOUNTS;
    let amount = 1 + chance.below(100) as i64;
    let transfer = Transfer { teller, from: from as u32, to: to as u32, amount };
    let number = office.books().begin(transfer);
    let plan = match chance.below(100) {
        0..15 => Plan::Abort,
        15..20 => Plan::Drop,
        20..25 => Plan::GiveUp,
        25..26 => Plan::Die,
        26..27 => Plan::DieCommitting,
        27..28 => Plan::BeReplaced,
        _ => Plan::Commit,
    };
    let patience = Duration::from_micros(chance.below(20_000));
    let (Some(runtime), Some(producer)) = (&process.runtime, &mut process.producer) else {
        return Err("a process that has ended".to_owned());
    };
    let done = runtime.block_on(async {
        // tidy: may sleep: paces the load.
        tokio::time::sleep(PACE).await;
        Work { office, number, transfer, patience }.run(producer, plan).await
    });
    let (fate, lives_on) = done?;
    office.books().end(number, fate);
    Ok((fate, lives_on))
}

struct Work<'a> {
    office: &'a Office,
    number: u64,
    transfer: Transfer,
    /// How long who gives up waits before.
    patience: Duration,
}

impl Work<'_> {
    async fn run(
        &self,
        producer: &mut TransactionalProducer,
        plan: Plan,
    ) -> Result<(Fate, bool), String> {
        let end = Instant::now() + PATIENCE;
        let transaction = loop {
            match producer.begin().await {
                Ok(transaction) => break transaction,
                Err(error) if error.remedy() == Remedy::Retry && Instant::now() < end => {
                    self.office.count("begins tried again");
                }
                Err(error) if error.remedy() == Remedy::NewProducer => {
                    self.tell("begin", &error);
                    return Ok((Fate::Aborted, false));
                }
                Err(error) => return Err(format!("begin: {error}")),
            }
        };
        if let Err(error) = self.send(&transaction).await {
            self.tell("send", &error);
            return Ok((Fate::Aborted, error.remedy() != Remedy::NewProducer));
        }
        let ended = match plan {
            Plan::Abort => return self.abort(transaction).await,
            Plan::Drop => return Ok((Fate::Aborted, true)),
            Plan::Die => return Ok((Fate::Aborted, false)),
            Plan::BeReplaced => return self.be_replaced(transaction).await,
            Plan::DieCommitting => {
                let Ok(ended) = tokio::time::timeout(self.patience, transaction.commit()).await
                else {
                    return Ok((Fate::Unknown, false));
                };
                ended
            }
            Plan::GiveUp => match tokio::time::timeout(self.patience, transaction.commit()).await {
                Ok(ended) => ended,
                Err(_) => return self.resume(producer).await,
            },
            Plan::Commit => transaction.commit().await,
        };
        match ended {
            Ok(()) => Ok((Fate::Committed, true)),
            Err(error) => {
                self.tell("commit", &error);
                match error.remedy() {
                    Remedy::Retry => self.resume(producer).await,
                    _ => Ok(of_failed_commit(&error)),
                }
            }
        }
    }

    async fn send(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        for (topic, key, value) in Bank::legs(self.number, self.transfer) {
            let partition = i32::try_from(key % u64::from(PARTITIONS)).unwrap_or_default();
            transaction.send(ProducerRecord::new(topic).partition(partition).value(value)).await?;
        }
        let (group, end) = (ConsumerGroupMetadata::new(GROUP), Instant::now() + PATIENCE);
        let partition = i32::try_from(self.transfer.teller).unwrap_or_default();
        let offset = i64::try_from(self.number).unwrap_or_default();
        loop {
            match transaction.send_offsets([(ORDERS, partition, offset)], &group).await {
                Err(error) if error.remedy() == Remedy::Retry && Instant::now() < end => {
                    self.office.count("offsets sent again");
                }
                sent => return sent,
            }
        }
    }

    async fn abort(&self, transaction: Transaction<'_>) -> Result<(Fate, bool), String> {
        match transaction.abort().await {
            Ok(()) => Ok((Fate::Aborted, true)),
            Err(error) => {
                self.tell("abort", &error);
                // Else it goes on in the background, and the next `begin` waits for it.
                Ok((Fate::Aborted, error.remedy() != Remedy::NewProducer))
            }
        }
    }

    /// Asks until it is known how the commit ended.
    async fn resume(&self, producer: &mut TransactionalProducer) -> Result<(Fate, bool), String> {
        let end = Instant::now() + PATIENCE;
        loop {
            match producer.resume().await {
                Ok(Some(TransactionEnd::Committed)) => return Ok((Fate::Committed, true)),
                Ok(Some(TransactionEnd::Aborted)) => return Ok((Fate::Aborted, true)),
                Ok(other) => return Err(format!("resume does not know: {other:?}")),
                Err(error) if error.remedy() == Remedy::Retry && Instant::now() < end => {
                    self.office.count("resumed again");
                }
                Err(error) if error.remedy() == Remedy::Retry => {
                    return Err(format!("no end of a commit: {error}"));
                }
                Err(error) => {
                    self.tell("resume", &error);
                    return Ok(of_failed_commit(&error));
                }
            }
        }
    }

    /// A successor begins while this one's transaction is open: from then on this one must not get anything through.
    async fn be_replaced(&self, transaction: Transaction<'_>) -> Result<(Fate, bool), String> {
        let (servers, teller) = (self.office.servers.clone(), self.transfer.teller);
        // On a thread of its own: it has a runtime of its own.
        let successor =
            tokio::task::spawn_blocking(move || start(&Office::new(&servers), teller)).await;
        let successor = successor.map_err(|error| error.to_string())??;
        self.office.count("successors beside a zombie");
        let [_, (topic, _, value), ..] = Bank::legs(self.number, self.transfer);
        let sent = transaction.send(ProducerRecord::new(topic).partition(0).value(value)).await;
        drop(sent);
        let ended = transaction.commit().await;
        tokio::task::spawn_blocking(move || drop(successor));
        match ended {
            Err(error) if error.kind() == ErrorKind::Fatal => {
                Ok((of_failed_commit(&error).0, false))
            }
            // What cannot be heard of in time is no lie.
            Err(error) if error.remedy() == Remedy::Retry => Ok((Fate::Unknown, false)),
            Err(error) if error.remedy() == Remedy::Abort => Ok((Fate::Aborted, false)),
            ended => Err(format!("a zombie's commit: {ended:?}")),
        }
    }

    fn tell(&self, what: &str, error: &Error) {
        self.office.count(&format!("{what} {:?}", error.kind()));
    }
}

fn of_failed_commit(error: &Error) -> (Fate, bool) {
    let lives_on = error.remedy() != Remedy::NewProducer;
    let may_be = error.outcome() == Outcome::MaybeWritten;
    (if may_be { Fate::Unknown } else { Fate::Aborted }, lives_on)
}
