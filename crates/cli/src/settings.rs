//! What was asked for, out of flags, `-X`, a configuration file and the environment.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use rohrpost::{ConfigErrors, ConfigPlace, ProducerConfig};

use crate::args::{Doctor, Output, Produce, Property};
use crate::input::Source;
use crate::plan::Plan;

/// What the names of environment variables begin with that are properties.
const PREFIX: &str = "ROHRPOST_";

/// Where an address may come from too.
const ENVIRONMENT: &str = "ROHRPOST_BOOTSTRAP_SERVERS";

/// The environment's variables.
type Variables = Vec<(OsString, OsString)>;

const BOOTSTRAP_SERVERS: &str = "bootstrap.servers";

/// The topic of the embedded cluster, where none is named.
const EMBEDDED_TOPIC: &str = "lines";

const EMBEDDED_PARTITIONS: u16 = 6;

/// A configuration is text that somebody wrote: more than this is not one.
const MOST_CONFIG_BYTES: u64 = 1 << 20;

/// Everything that a run needs to know.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Has no address yet where the cluster is embedded.
    pub(crate) config: ProducerConfig,
    pub(crate) plan: Plan,
    pub(crate) sources: Vec<Source>,
    /// Bytes of all inputs, where that is known.
    pub(crate) total_bytes: Option<u64>,
    /// The embedded cluster's partitions.
    pub(crate) embedded: Option<u16>,
    pub(crate) output: Output,
    pub(crate) flush_timeout: Duration,
}

/// What is wrong with the command line or the configuration, in words for whoever typed it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misuse(pub(crate) String);

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Settings {
    /// Puts everything together, and finds out whether the inputs can be read.
    pub(crate) fn new(arguments: &Produce, environment: Variables) -> Result<Self, Misuse> {
        if let Some(stray) = arguments.strays.first() {
            let stray = stray.to_string_lossy();
            return misuse(format!("{stray} belongs to no option: did you mean --file {stray}?"));
        }
        if arguments.partitions.is_some() && !arguments.embedded {
            return misuse(
                "--partitions is of the topic that --embedded makes; a real topic has its \
                 partitions already, so remove it (--partition N sends all records to one of them)",
            );
        }
        let config = configuration(arguments, environment)?;
        let topic = match (&arguments.topic, arguments.embedded) {
            (Some(topic), _) if !topic.is_empty() => checked_topic(topic)?,
            (None, true) => EMBEDDED_TOPIC.to_owned(),
            _ => return misuse("no topic: name one by --topic NAME"),
        };
        let plan = Plan::new(
            topic,
            arguments.partition,
            arguments.headers.clone(),
            arguments.key_delimiter.as_ref(),
        );
        let partitions = arguments.partitions.unwrap_or(EMBEDDED_PARTITIONS);
        let (sources, total_bytes) = sources(arguments)?;
        Ok(Self {
            config,
            plan,
            sources,
            total_bytes,
            embedded: arguments.embedded.then_some(partitions),
            output: arguments.output,
            flush_timeout: arguments.flush_timeout,
        })
    }
}

/// What Kafka's `Topic.validate` says of a name, before anybody waits for a cluster to say so.
fn checked_topic(topic: &str) -> Result<String, Misuse> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if topic.len() <= 249 && !matches!(topic, "." | "..") && topic.bytes().all(is_legal) {
        return Ok(topic.to_owned());
    }
    misuse(format!(
        "{topic:?} is no name of a topic: it has 1 to 249 letters (a-z, A-Z), digits, dots, \
         underscores and dashes, and is not . or .."
    ))
}

fn misuse<T>(message: impl Into<String>) -> Result<T, Misuse> {
    Err(Misuse(message.into()))
}

fn sources(arguments: &Produce) -> Result<(Vec<Source>, Option<u64>), Misuse> {
    let mut sources: Vec<Source> = arguments.files.iter().cloned().map(Source::new).collect();
    if sources.is_empty() {
        sources.push(Source::Stdin);
    }
    let mut total = Some(0);
    for source in &sources {
        let bytes = source
            .check()
            .map_err(|error| Misuse(format!("cannot read {}: {error}", source.name())))?;
        total = total.zip(bytes).map(|(total, bytes)| total + bytes);
    }
    Ok((sources, total))
}

/// The producer's configuration: the environment's, changed by the file, changed by `-X`, changed by the flags. All that is wrong with it is told at once.
fn configuration(arguments: &Produce, environment: Variables) -> Result<ProducerConfig, Misuse> {
    let properties = &arguments.properties;
    let (mut draft, mut address_from) =
        layers(arguments.config.as_deref(), properties, environment)?;
    let flags = [
        ("--bootstrap-server", BOOTSTRAP_SERVERS, &arguments.bootstrap_servers),
        ("--acks", "acks", &arguments.acks),
        ("--compression", "compression.type", &arguments.compression),
    ];
    for (flag, name, value) in flags {
        let Some(value) = value else { continue };
        refuse_two_answers(properties, flag, name, value)?;
        draft.set(flag, name, value);
        if name == BOOTSTRAP_SERVERS && !draft.config.bootstrap_servers().is_empty() {
            address_from = Some(flag.to_owned());
        }
    }
    if let Some(timeout) = arguments.timeout {
        limit_time(arguments, &mut draft, timeout)?;
    }
    match (address_from, arguments.embedded) {
        (Some(from), true) => misuse(format!(
            "--embedded sends to a cluster inside this process, but an address is given too, by {from}: \
             what goes to the embedded cluster is gone when the command ends, so remove one of the two"
        )),
        (None, false) if draft.mistakes.is_none() => misuse(format!(
            "no broker's address: give one by --bootstrap-server HOST:PORT, -X {BOOTSTRAP_SERVERS}=HOST:PORT, \
             a line {BOOTSTRAP_SERVERS}=HOST:PORT in the file of --config, or the environment variable \
             {ENVIRONMENT}; or add --embedded to try it on a cluster inside this process that is forgotten at the end"
        )),
        (_, false) => {
            let checked = draft.config.validate();
            draft.finish(checked)
        }
        // The address comes with the cluster; the rest can be checked already.
        (None, true) => {
            let mut complete = draft.config.clone();
            let checked = complete.set(BOOTSTRAP_SERVERS, "127.0.0.1:1");
            draft.finish(checked.and_then(|()| complete.validate()))
        }
    }
}

/// A configuration while it is put together, and what was wrong so far.
#[derive(Default)]
struct Draft {
    config: ProducerConfig,
    mistakes: Option<ConfigErrors>,
}

impl Draft {
    fn note(&mut self, result: Result<(), rohrpost::Error>) {
        let Err(error) = result else { return };
        let Some(later) = error.config_errors().cloned() else { return };
        self.mistakes = Some(match self.mistakes.take() {
            Some(earlier) => earlier.and_later(later),
            None => later,
        });
    }

    fn set(&mut self, from: &str, name: &str, value: &str) {
        let place = ConfigPlace::Named(from.to_owned());
        let set = self.config.set_from(&place, name, value);
        self.note(set);
    }

    fn finish(mut self, checked: Result<(), rohrpost::Error>) -> Result<ProducerConfig, Misuse> {
        self.note(checked);
        match self.mistakes {
            Some(mistakes) => misuse(mistakes.to_string()),
            None => Ok(self.config),
        }
    }
}

/// The environment's properties, changed by the file, changed by `-X`; and what gave an address, if anything did.
fn layers(
    file: Option<&Path>,
    properties: &[Property],
    environment: Variables,
) -> Result<(Draft, Option<String>), Misuse> {
    let mut draft = Draft::default();
    let read = draft.config.set_environment(PREFIX, environment);
    draft.note(read);
    let mut address_from = (!draft.config.bootstrap_servers().is_empty())
        .then(|| format!("the environment variable {ENVIRONMENT}"));
    if let Some(path) = file {
        let before = draft.config.bootstrap_servers().to_vec();
        let read = draft.config.set_properties_of(path, &read_config(path)?);
        draft.note(read);
        if draft.config.bootstrap_servers() != before {
            address_from = Some(format!("{BOOTSTRAP_SERVERS} in {}", path.display()));
        }
    }
    for (name, value) in typed_properties(properties) {
        draft.set(&format!("-X {name}"), name, value);
        if name == BOOTSTRAP_SERVERS && !draft.config.bootstrap_servers().is_empty() {
            address_from = Some(format!("-X {BOOTSTRAP_SERVERS}"));
        }
    }
    Ok((draft, address_from))
}

/// What `rohrpost doctor` examines. What its settings mean together is for the examination to say.
pub(crate) fn examined(
    arguments: &Doctor,
    environment: Variables,
) -> Result<ProducerConfig, Misuse> {
    let properties = &arguments.properties;
    let (mut draft, _) = layers(arguments.config.as_deref(), properties, environment)?;
    if let Some(servers) = &arguments.bootstrap_servers {
        let flag = "--bootstrap-server";
        refuse_two_answers(properties, flag, BOOTSTRAP_SERVERS, servers)?;
        draft.set(flag, BOOTSTRAP_SERVERS, servers);
    }
    if draft.config.bootstrap_servers().is_empty() && draft.mistakes.is_none() {
        return misuse(format!(
            "no broker's address: give one by --bootstrap-server HOST:PORT, -X {BOOTSTRAP_SERVERS}=HOST:PORT, \
             a line {BOOTSTRAP_SERVERS}=HOST:PORT in the file of -F, or the environment variable {ENVIRONMENT}"
        ));
    }
    if let Some(topic) = &arguments.topic {
        checked_topic(topic)?;
    }
    draft.finish(Ok(()))
}

fn typed_properties(properties: &[Property]) -> impl Iterator<Item = (&str, &str)> {
    properties.iter().filter_map(|property| match property {
        Property::Set { name, value } => Some((&**name, &**value)),
        Property::List => None,
    })
}

/// A flag and `-X` that say different things: whoever typed them meant one.
fn refuse_two_answers(
    properties: &[Property],
    flag: &str,
    name: &str,
    value: &str,
) -> Result<(), Misuse> {
    match typed_properties(properties).filter(|(typed, _)| *typed == name).last() {
        Some((_, other)) if other.trim() != value.trim() => misuse(format!(
            "{flag} says {value}, and -X {name} says {other}: remove one of the two"
        )),
        _ => Ok(()),
    }
}

/// `--timeout`.
fn limit_time(arguments: &Produce, draft: &mut Draft, timeout: Duration) -> Result<(), Misuse> {
    let millis = |duration: Duration| duration.as_millis().max(1).to_string();
    let limits = ["max.block.ms", "delivery.timeout.ms"];
    let given =
        |name: &str| typed_properties(&arguments.properties).any(|(typed, _)| typed == name);
    if let Some(name) = limits.into_iter().find(|name| given(name)) {
        return misuse(format!("--timeout sets {name}, and so does -X: remove one of the two"));
    }
    for name in limits {
        draft.set("--timeout", name, &millis(timeout));
    }
    // A delivery takes at least a linger and a request.
    let left = timeout.saturating_sub(draft.config.linger());
    let too_long = draft.config.request_timeout() > left;
    if too_long && !given("request.timeout.ms") && !left.is_zero() {
        draft.set("--timeout", "request.timeout.ms", &millis(left));
    }
    Ok(())
}

fn read_config(path: &Path) -> Result<String, Misuse> {
    let fail = |reason: String| Misuse(format!("cannot read {}: {reason}", path.display()));
    let mut bytes = Vec::new();
    let read = File::open(path)
        .and_then(|file| file.take(MOST_CONFIG_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| fail(error.to_string()))?;
    if read as u64 > MOST_CONFIG_BYTES {
        return Err(fail("it is larger than 1 MiB, so it is no configuration".to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| fail("it is not UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn resolve(arguments: &[&str], environment: Option<&str>) -> Result<ProducerConfig, String> {
        let all = ["rohrpost", "produce", "-t", "t"].iter().chain(arguments);
        let Command::Produce(produce) = Cli::try_parse_from(all).unwrap().command else {
            panic!("another command");
        };
        let variables = environment.map(|address| (ENVIRONMENT.into(), address.into()));
        configuration(&produce, variables.into_iter().collect()).map_err(|misuse| misuse.0)
    }

    #[test]
    fn an_address_comes_from_the_flag_then_x_then_the_environment() {
        for (arguments, environment, expected) in [
            (&["-b", "flag:1"][..], Some("env:1"), "flag:1"),
            (&["-X", "bootstrap.servers=x:1"], Some("env:1"), "x:1"),
            (&[], Some("env:1"), "env:1"),
        ] {
            let config = resolve(arguments, environment).unwrap();
            assert_eq!(config.bootstrap_servers(), [expected]);
        }
    }

    #[test]
    fn without_an_address_every_way_to_give_one_is_named() {
        for environment in [None, Some("")] {
            let error = resolve(&[], environment).unwrap_err();
            for way in ["--bootstrap-server", "-X", "--config", ENVIRONMENT, "--embedded"] {
                assert!(error.contains(way), "{way}: {error}");
            }
        }
    }

    #[test]
    fn embedded_and_an_address_exclude_each_other() {
        resolve(&["--embedded"], None).unwrap();
        for (arguments, environment) in [
            (&["--embedded", "-b", "a:1"][..], None),
            (&["--embedded", "-X", "bootstrap.servers=a:1"], None),
            (&["--embedded"], Some("a:1")),
        ] {
            let error = resolve(arguments, environment).unwrap_err();
            assert!(error.contains("--embedded"), "{error}");
        }
    }

    #[test]
    fn a_flag_and_x_that_differ_are_refused() {
        let error = resolve(&["-b", "a:1", "--acks", "1", "-X", "acks=all"], None).unwrap_err();
        assert!(error.contains("--acks") && error.contains("-X acks"), "{error}");
        resolve(&["-b", "a:1", "--acks", "1", "-X", "acks=1"], None).unwrap();
    }

    #[test]
    fn a_timeout_limits_all_that_a_record_waits_for() {
        let config = resolve(&["-b", "a:1", "--timeout", "2.5"], None).unwrap();
        assert_eq!(config.max_block(), Duration::from_millis(2500));
        assert_eq!(config.delivery_timeout(), Duration::from_millis(2500));
        assert_eq!(config.request_timeout() + config.linger(), Duration::from_millis(2500));
        let config = resolve(&["-b", "a:1", "--timeout", "100"], None).unwrap();
        assert_eq!(config.request_timeout(), Duration::from_secs(30));
        for other in ["max.block.ms=1", "delivery.timeout.ms=100000", "linger.ms=3000"] {
            assert!(resolve(&["-b", "a:1", "--timeout", "2", "-X", other], None).is_err());
        }
    }

    #[test]
    fn a_mistake_names_where_it_was_made() {
        let error = resolve(&["-b", "a:1", "-X", "linger.sm=5"], None).unwrap_err();
        assert!(error.starts_with("-X linger.sm: ") && error.contains("linger.ms"), "{error}");
        let error = resolve(&["-b", "a:1", "-X", "batch.size=big"], None).unwrap_err();
        assert!(error.contains("batch.size=big") || error.contains("\"big\""), "{error}");
        let error = resolve(&["--embedded", "--acks", "0", "-X", "enable.idempotence=true"], None);
        let both = "enable.idempotence (-X enable.idempotence) and acks (--acks) contradict";
        assert!(error.unwrap_err().starts_with(both));
    }

    #[test]
    fn all_mistakes_are_told_at_once_each_with_its_place() {
        let arguments = ["-b", "a", "-X", "acks=some", "-X", "linger.sm=5", "-X", "retries=0"];
        let more = ["-X", "enable.idempotence=true", "-X", "compression.type=rar"];
        let error = resolve(&[&arguments[..], &more].concat(), None).unwrap_err();
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines.len(), 6, "{error}");
        for (line, start) in lines.iter().zip([
            "5 mistakes in the configuration:",
            "-X acks: acks=\"some\"",
            "-X linger.sm: there is no producer property",
            "-X compression.type: compression.type=\"rar\"",
            "enable.idempotence (-X enable.idempotence) and retries (-X retries) contradict",
            "--bootstrap-server: bootstrap.servers=\"a\"",
        ]) {
            assert!(line.starts_with(start), "{line}");
        }
    }
}
