//! Every way into a real Kafka that asks who is there: what gets in, what is refused, and how the
//! refusal words it.
#![cfg(feature = "real-kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::time::Duration;

use harness::kafka::{self, Cluster, Consume, Keys, Topic};
use harness::matrix::{Case, Outcome};
use rohrpost::{Error, ErrorKind, Producer, ProducerRecord};
use tokio::task::JoinSet;

const RECORDS: usize = 1_000;

#[test]
fn tls_lets_in_by_every_format_of_store_and_names_the_guilty_otherwise() {
    hold("tls", &Case::tls().collect::<Vec<_>>());
}

#[test]
fn passwords_let_in_by_plain_and_scram_with_and_without_tls() {
    hold("passwords", &Case::passwords().collect::<Vec<_>>());
}

#[test]
fn tokens_let_in_from_an_authorization_server_a_file_and_for_assertions() {
    hold("tokens", &Case::tokens().collect::<Vec<_>>());
}

#[test]
fn kerberos_lets_in_by_keytab_and_by_ticket_cache_and_names_the_guilty_otherwise() {
    const NAME: &str =
        "kerberos_lets_in_by_keytab_and_by_ticket_cache_and_names_the_guilty_otherwise";
    if kafka::secured().unwrap().with_kerberos(NAME).unwrap() {
        return;
    }
    hold("kerberos", &Case::kerberos().collect::<Vec<_>>());
}

/// Tries each case, then reads back what those that got in have sent.
fn hold(topic: &str, cases: &[Case]) {
    let (cluster, keys) = (kafka::secured().unwrap(), Keys::obtain().unwrap());
    if cluster.topics().unwrap().iter().any(|known| known == topic) {
        cluster.delete_topic(topic).unwrap();
    }
    cluster.create_topic(&Topic::new(topic).partitions(4)).unwrap();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "each has a name of its own");

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut wrong = runtime.block_on(try_all(topic, &cluster, &keys, cases));
    wrong.extend(missing(topic, &cluster, cases));
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// What came out otherwise than it should have: all at once, for those that are refused may wait long.
async fn try_all(topic: &str, cluster: &Cluster, keys: &Keys, cases: &[Case]) -> Vec<String> {
    let mut attempts = JoinSet::new();
    for &case in cases {
        let properties = case.properties(cluster, keys).unwrap();
        attempts.spawn(attempt(topic.to_owned(), case, properties));
    }
    let mut wrong = Vec::new();
    while let Some(outcome) = attempts.join_next().await {
        wrong.extend(outcome.unwrap().err());
    }
    wrong
}

async fn attempt(
    topic: String,
    case: Case,
    properties: BTreeMap<String, String>,
) -> Result<(), String> {
    let secrets: Vec<String> = secrets(&properties);
    let result = send(&topic, case, properties).await;
    match (case.outcome, result) {
        (Outcome::In, Ok(())) => Ok(()),
        (Outcome::In, Err(error)) => Err(format!("- {}: refused: {}", case.name, words(&error))),
        (Outcome::Refused(_), Ok(())) => Err(format!("- {}: got in", case.name)),
        (Outcome::Refused(expected), Err(error)) => {
            let words = words(&error);
            // TLS that is refused, rather than not spoken, is told at once (KIP-152).
            let may_pass = topic != "tls" || expected.contains(&"security.protocol");
            if error.kind() == ErrorKind::MetadataTimeout && !may_pass {
                return Err(format!("- {}: told when the time was over: {words}", case.name));
            }
            if let Some(secret) = secrets.iter().find(|secret| words.contains(secret.as_str())) {
                return Err(format!("- {}: `{secret}` is a secret: {words}", case.name));
            }
            match expected.iter().find(|word| !words.contains(**word)) {
                Some(word) => Err(format!("- {}: no `{word}` in: {words}", case.name)),
                None => Ok(()),
            }
        }
    }
}

async fn send(topic: &str, case: Case, properties: BTreeMap<String, String>) -> Result<(), Error> {
    let producer = Producer::builder()
        .properties(properties)
        // Long enough for a machine that is busy; who is refused is told at once.
        .property("max.block.ms", "15000")
        .build()
        .await?;
    let records = if matches!(case.outcome, Outcome::In) { RECORDS } else { 1 };
    let mut deliveries = Vec::new();
    for number in 0..records {
        let record = ProducerRecord::new(topic).key(case.name).value(number.to_string());
        deliveries.push(producer.send(record).await?);
    }
    for delivery in deliveries {
        delivery.await?;
    }
    producer.close(Duration::from_secs(30)).await
}

/// An error with all that caused it.
fn words(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !text.contains(&cause_words) {
            text = format!("{text}: {cause_words}");
        }
        source = cause.source();
    }
    text
}

/// What must be in no error.
fn secrets(properties: &BTreeMap<String, String>) -> Vec<String> {
    let is_secret = |name: &str| name.ends_with("password") || name.ends_with("secret");
    let passwords = properties.iter().filter(|(name, _)| is_secret(name));
    let mut secrets: Vec<String> = passwords.map(|(_, value)| value.clone()).collect();
    for option in ["password=\"", "clientSecret=\""] {
        let jaas = properties.get("sasl.jaas.config").map_or("", String::as_str);
        secrets.extend(
            jaas.split(option).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned),
        );
    }
    secrets
}

/// What is not in the log as it was sent.
fn missing(topic: &str, cluster: &Cluster, cases: &[Case]) -> Vec<String> {
    let mut read: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
    cluster
        .consume(&Consume::topic(topic), |record| {
            read.entry(text(record.key)).or_default().push(text(record.value));
        })
        .unwrap();
    let sent: Vec<String> = (0..RECORDS).map(|number| number.to_string()).collect();
    let mut wrong = Vec::new();
    for case in cases {
        let read = read.remove(case.name).unwrap_or_default();
        match case.outcome {
            Outcome::In if read != sent => {
                wrong.push(format!(
                    "- {}: {} records read back, not as sent",
                    case.name,
                    read.len()
                ));
            }
            Outcome::Refused(_) if !read.is_empty() => {
                wrong.push(format!("- {}: {} records are in the log", case.name, read.len()));
            }
            _ => {}
        }
    }
    wrong
}
