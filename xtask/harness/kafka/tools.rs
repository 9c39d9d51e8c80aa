//! Kafka's own tools: topics, and reading back by another hand than ours.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::{str, thread};

use super::config::logging;
use super::state::{cluster_dir, create_dir, home, write_file};
use super::{Cluster, Error, Result};

const TOPIC_COMMAND: &str = "org.apache.kafka.tools.TopicCommand";
const CONSOLE_CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const GROUP_COMMAND: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
const GET_OFFSETS: &str = "org.apache.kafka.tools.GetOffsetShell";
/// What it says of a topic that is not there.
const NO_SUCH_TOPIC: &str = "Could not match any topic-partitions";
/// What Kafka 2 called them.
const FIRST_NAMES: [(&str, &str); 4] = [
    (TOPIC_COMMAND, "kafka.admin.TopicCommand"),
    (CONSOLE_CONSUMER, "kafka.tools.ConsoleConsumer"),
    (GET_OFFSETS, "kafka.tools.GetOffsetShell"),
    (GROUP_COMMAND, "kafka.admin.ConsumerGroupCommand"),
];
/// Where the log dumper is, in Kafka 4 of late and before.
const DUMP_LOG: [&str; 2] =
    ["org.apache.kafka.tools.DumpLogSegments", "kafka.tools.DumpLogSegments"];

/// Between the fields of a record in the console consumer's output.
const SEPARATOR: char = '\u{1f}';
/// In the place of a null key or value there.
const NULL: &str = "\u{1e}null";

/// A topic to create.
#[derive(Debug, Clone)]
pub struct Topic {
    name: String,
    partitions: u32,
    replication_factor: Option<u32>,
    config: Vec<(String, String)>,
}

impl Topic {
    /// A topic of one partition, replicated as the brokers do by default.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), partitions: 1, replication_factor: None, config: Vec::new() }
    }

    /// How many partitions.
    #[must_use]
    pub fn partitions(mut self, partitions: u32) -> Self {
        self.partitions = partitions;
        self
    }

    /// How many replicas of each partition.
    #[must_use]
    pub fn replication_factor(mut self, replicas: u32) -> Self {
        self.replication_factor = Some(replicas);
        self
    }

    /// A property of the topic by Kafka's name, such as `max.message.bytes`.
    #[must_use]
    pub fn config(mut self, name: &str, value: &str) -> Self {
        self.config.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What to read with Kafka's console consumer: a topic from its first record to the end that it
/// had when reading began.
#[derive(Debug, Clone)]
pub struct Consume {
    topic: String,
    partition: Option<u32>,
    committed_only: bool,
    silence_ms: u32,
}

impl Consume {
    /// All partitions of `topic`.
    #[must_use]
    pub fn topic(topic: &str) -> Self {
        Self { topic: topic.to_owned(), partition: None, committed_only: false, silence_ms: 30_000 }
    }

    /// This partition alone.
    #[must_use]
    pub fn partition(mut self, partition: u32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Only records of committed transactions, and of none: `isolation.level=read_committed`.
    ///
    /// Markers and aborted records fill offsets too: reading ends after [`Consume::silence_ms`].
    #[must_use]
    pub fn committed_only(mut self) -> Self {
        self.committed_only = true;
        self
    }

    /// For how many milliseconds no record may come before the consumer gives up; 30,000 unless
    /// said otherwise.
    #[must_use]
    pub fn silence_ms(mut self, milliseconds: u32) -> Self {
        self.silence_ms = milliseconds;
        self
    }
}

/// A record as the console consumer printed it.
///
/// The consumer ends records by line feeds: values with such bytes cannot be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsumedRecord<'a> {
    /// The partition that held it.
    pub partition: u32,
    /// Its offset there.
    pub offset: i64,
    /// Its headers, `key:value` by commas, or `NO_HEADERS`.
    pub headers: &'a [u8],
    /// Its key, if any.
    pub key: Option<&'a [u8]>,
    /// Its value, if any.
    pub value: Option<&'a [u8]>,
}

impl Cluster {
    /// Creates a topic.
    ///
    /// # Errors
    ///
    /// What the tool printed.
    pub fn create_topic(&self, topic: &Topic) -> Result {
        let partitions = topic.partitions.to_string();
        let mut arguments = vec!["--create", "--topic", &topic.name, "--partitions", &partitions];
        let replicas = topic.replication_factor.map(|replicas| replicas.to_string());
        if let Some(replicas) = &replicas {
            arguments.extend(["--replication-factor", replicas]);
        }
        let config: Vec<String> =
            topic.config.iter().map(|(name, value)| format!("{name}={value}")).collect();
        arguments.extend(config.iter().flat_map(|pair| ["--config", pair]));
        self.topic_command(&arguments).map(|_| ())
    }

    /// The names of all topics.
    ///
    /// # Errors
    ///
    /// What the tool printed.
    pub fn topics(&self) -> Result<Vec<String>> {
        Ok(self.topic_command(&["--list"])?.lines().map(str::to_owned).collect())
    }

    /// What Kafka says of a topic: partitions, leaders, replicas, configuration.
    ///
    /// # Errors
    ///
    /// What the tool printed.
    pub fn describe_topic(&self, name: &str) -> Result<String> {
        self.topic_command(&["--describe", "--topic", name])
    }

    /// Deletes a topic.
    ///
    /// # Errors
    ///
    /// What the tool printed.
    pub fn delete_topic(&self, name: &str) -> Result {
        self.topic_command(&["--delete", "--topic", name]).map(|_| ())
    }

    /// The end offset of each partition of a topic, by partition.
    ///
    /// # Errors
    ///
    /// What the tool printed.
    pub fn end_offsets(&self, topic: &str) -> Result<Vec<i64>> {
        self.offsets(topic, "latest")
    }

    /// Reads a topic by Kafka's console consumer and hands each record to `each`, in the order
    /// of its partition; gives the number of records.
    ///
    /// # Errors
    ///
    /// What the consumer printed, or a line of it that is not understood.
    pub fn consume(&self, what: &Consume, mut each: impl FnMut(ConsumedRecord<'_>)) -> Result<u64> {
        self.consume_while(what, |record| {
            each(record);
            ControlFlow::Continue(())
        })
    }

    /// As [`Cluster::consume`], until `each` has seen enough: then the consumer is ended.
    ///
    /// # Errors
    ///
    /// As [`Cluster::consume`].
    pub fn consume_while(
        &self,
        what: &Consume,
        mut each: impl FnMut(ConsumedRecord<'_>) -> ControlFlow<()>,
    ) -> Result<u64> {
        let wanted = if what.committed_only { None } else { Some(self.records_in(what)?) };
        if wanted == Some(0) {
            return Ok(0);
        }
        let mut child = self
            .console_consumer(what, wanted)?
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| Error::Io { doing: "start the console consumer".into(), source })?;
        let mut errors = child.stderr.take();
        let errors = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = errors.as_mut().map(|pipe| pipe.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        });
        let read = read_records(child.stdout.take(), &mut each);
        let has_seen_enough = matches!(read, Ok((_, ControlFlow::Break(()))));
        if read.is_err() || has_seen_enough {
            let _ = child.kill();
        }
        let status = child.wait().map_err(|source| Error::Io {
            doing: "wait for the console consumer".into(),
            source,
        })?;
        let (count, _) = read?;
        let output = errors.join().unwrap_or_default();
        if has_seen_enough {
            return Ok(count);
        }
        // The consumer ends its life in peace too when it saw fewer records than it was told.
        if !status.success() || wanted.is_some_and(|wanted| wanted != count) {
            let command =
                format!("{CONSOLE_CONSUMER} --topic {} ({count} of {wanted:?})", what.topic);
            return Err(Error::Tool { command, output });
        }
        Ok(count)
    }

    /// The segment files of a partition on one node, in order.
    ///
    /// # Errors
    ///
    /// No such partition there.
    pub fn segments(&self, topic: &str, partition: u32, node: u32) -> Result<Vec<String>> {
        let folder = cluster_dir(self.name()).join(format!("node-{node}/data/{topic}-{partition}"));
        let entries = fs::read_dir(&folder).map_err(|e| Error::io("read", &folder, e))?;
        let mut segments: Vec<String> = entries
            .flatten()
            .map(|entry| entry.path().display().to_string())
            .filter(|path| path.ends_with(".log"))
            .collect();
        segments.sort();
        Ok(segments)
    }

    /// What Kafka's log dumper says of a partition's segments on one node, records included.
    ///
    /// # Errors
    ///
    /// No such partition there, or what the tool printed.
    pub fn dump_log(&self, topic: &str, partition: u32, node: u32) -> Result<String> {
        let segments = self.segments(topic, partition, node)?;
        self.run_dump_log(&["--print-data-log", "--files", &segments.join(",")])
    }

    /// The same with every batch and record, but not their keys and values: `--deep-iteration`.
    ///
    /// # Errors
    ///
    /// No such partition there, or what the tool printed.
    pub fn dump_log_deep(&self, topic: &str, partition: u32, node: u32) -> Result<String> {
        let segments = self.segments(topic, partition, node)?;
        self.run_dump_log(&["--deep-iteration", "--files", &segments.join(",")])
    }

    fn run_dump_log(&self, arguments: &[&str]) -> Result<String> {
        match self.tool(DUMP_LOG[0], arguments) {
            Err(Error::Tool { output, .. }) if output.contains("ClassNotFoundException") => {
                self.tool(DUMP_LOG[1], arguments)
            }
            result => result,
        }
    }

    /// Runs any Java class of the distribution to its end and gives its standard output.
    ///
    /// # Errors
    ///
    /// What it printed, if it failed.
    pub fn tool(&self, class: &str, arguments: &[&str]) -> Result<String> {
        let output = self
            .tool_command(class, &["-XX:TieredStopAtLevel=1".to_owned()])?
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| Error::Io { doing: format!("run {class}"), source })?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(printed);
        }
        Err(Error::Tool {
            command: format!("{class} {}", arguments.join(" ")),
            output: printed + &String::from_utf8_lossy(&output.stderr),
        })
    }

    /// A Java class of the distribution, ready for its arguments; it logs warnings to standard
    /// error. The tools that had other names in Kafka 2 are known there by those of today.
    ///
    /// # Errors
    ///
    /// No Java.
    pub fn tool_command(&self, class: &str, options: &[String]) -> Result<Command> {
        let (file, text, option) = logging(self.distribution().logging()?, "WARN");
        let folder = home().join("dist").join(self.distribution().version()).join("tools");
        let file = folder.join(file);
        if !file.exists() {
            create_dir(&folder)?;
            write_file(&file, &text)?;
        }
        let mut options = options.to_vec();
        options.push(format!("{option}{}", file.display()));
        let first_name = FIRST_NAMES.iter().find(|(name, _)| *name == class);
        let first_name = first_name.filter(|_| self.distribution().has_first_tools());
        self.java_class(first_name.map_or(class, |(_, first)| first), &options)
    }

    fn topic_command(&self, arguments: &[&str]) -> Result<String> {
        let servers = self.bootstrap_servers();
        self.tool(TOPIC_COMMAND, &[&["--bootstrap-server", &servers], arguments].concat())
    }

    /// How many offsets the partitions that `what` names span now.
    fn records_in(&self, what: &Consume) -> Result<u64> {
        let first = self.offsets(&what.topic, "earliest")?;
        if let Some(partition) = what.partition.filter(|asked| *asked as usize >= first.len()) {
            let (topic, partitions) = (what.topic.clone(), first.len());
            return Err(Error::UnknownPartition { topic, partition, partitions });
        }
        let end = self.offsets(&what.topic, "latest")?;
        let partitions = first.iter().zip(&end).enumerate();
        let asked = |index: usize| what.partition.is_none_or(|asked| asked as usize == index);
        let counts = partitions.filter(|(index, _)| asked(*index)).map(|(_, (a, b))| b - a);
        Ok(counts.sum::<i64>().unsigned_abs())
    }

    /// `time` is `earliest` or `latest`.
    fn offsets(&self, topic: &str, time: &str) -> Result<Vec<i64>> {
        let servers = self.bootstrap_servers();
        let arguments = if self.distribution().has_first_tools() {
            let time = if time == "earliest" { "-2" } else { "-1" };
            ["--broker-list", &servers, "--topic", topic, "--time", time]
        } else {
            ["--bootstrap-server", &servers, "--topic", topic, "--time", time]
        };
        let printed = self.tool(GET_OFFSETS, &arguments).map_err(|error| match error {
            Error::Tool { output, .. } if output.contains(NO_SUCH_TOPIC) => {
                Error::UnknownTopic { topic: topic.to_owned(), cluster: self.name().to_owned() }
            }
            error => error,
        })?;
        let mut offsets: Vec<(u32, i64)> = Vec::new();
        for line in printed.lines() {
            let mut fields = line.rsplitn(3, ':');
            let offset = fields.next().and_then(|offset| offset.parse().ok());
            let partition = fields.next().and_then(|partition| partition.parse().ok());
            let (Some(partition), Some(offset)) = (partition, offset) else {
                return Err(Error::ToolOutput { tool: GET_OFFSETS, line: line.to_owned() });
            };
            offsets.push((partition, offset));
        }
        offsets.sort_unstable();
        Ok(offsets.into_iter().map(|(_, offset)| offset).collect())
    }

    fn console_consumer(&self, what: &Consume, wanted: Option<u64>) -> Result<Command> {
        let mut command = self.tool_command(CONSOLE_CONSUMER, &["-Xmx512m".to_owned()])?;
        command.args(["--bootstrap-server", &self.bootstrap_servers(), "--topic", &what.topic]);
        command.args(["--timeout-ms", &what.silence_ms.to_string()]);
        if let Some(wanted) = wanted {
            command.args(["--max-messages", &wanted.to_string()]);
        }
        match what.partition {
            Some(partition) => {
                command.args(["--partition", &partition.to_string(), "--offset", "earliest"])
            }
            None => command.arg("--from-beginning"),
        };
        if what.committed_only {
            command.args(["--isolation-level", "read_committed"]);
        }
        let option = if self.distribution().has_new_option_names() {
            "--formatter-property"
        } else {
            "--property"
        };
        for property in [
            "print.partition=true",
            "print.offset=true",
            "print.headers=true",
            "print.key=true",
            &format!("key.separator={SEPARATOR}"),
            &format!("null.literal={NULL}"),
        ] {
            command.args([option, property]);
        }
        Ok(command)
    }
}

fn read_records(
    stdout: Option<impl Read>,
    each: &mut impl FnMut(ConsumedRecord<'_>) -> ControlFlow<()>,
) -> Result<(u64, ControlFlow<()>)> {
    let Some(stdout) = stdout else { return Ok((0, ControlFlow::Continue(()))) };
    let mut stdout = BufReader::with_capacity(1 << 20, stdout);
    let mut line = Vec::new();
    let mut count = 0;
    loop {
        line.clear();
        let length = stdout.read_until(b'\n', &mut line).map_err(|source| Error::Io {
            doing: "read from the console consumer".into(),
            source,
        })?;
        if length == 0 {
            return Ok((count, ControlFlow::Continue(())));
        }
        let record = line.strip_suffix(b"\n").unwrap_or(&line);
        let flow = each(parse_record(record).ok_or_else(|| Error::ToolOutput {
            tool: CONSOLE_CONSUMER,
            line: String::from_utf8_lossy(record).chars().take(200).collect(),
        })?);
        count += 1;
        if flow.is_break() {
            return Ok((count, flow));
        }
    }
}

/// Reads `Partition:0␟Offset:5␟headers␟key␟value`.
fn parse_record(line: &[u8]) -> Option<ConsumedRecord<'_>> {
    let mut fields = line.splitn(5, |&byte| byte == SEPARATOR as u8);
    let partition = fields.next()?.strip_prefix(b"Partition:")?;
    let offset = fields.next()?.strip_prefix(b"Offset:")?;
    let headers = fields.next()?;
    let mut nullable = || fields.next().map(|field| (field != NULL.as_bytes()).then_some(field));
    Some(ConsumedRecord {
        partition: str::from_utf8(partition).ok()?.parse().ok()?,
        offset: str::from_utf8(offset).ok()?.parse().ok()?,
        headers,
        key: nullable()?,
        value: nullable()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_console_consumers_lines() {
        let line = b"Partition:3\x1fOffset:12\x1fNO_HEADERS\x1f\x1enull\x1fa\tb\x1fc";
        let record = parse_record(line).unwrap();
        assert_eq!((record.partition, record.offset), (3, 12));
        assert_eq!(record.headers, b"NO_HEADERS");
        assert_eq!(record.key, None);
        assert_eq!(record.value, Some(&b"a\tb\x1fc"[..]));
        assert_eq!(parse_record(b"[WARN] something else"), None);
    }

    #[test]
    fn whoever_has_seen_enough_is_shown_no_more() {
        let lines = "Partition:0\x1fOffset:0\x1fNO_HEADERS\x1fk\x1fv\n".repeat(5);
        let read = |most: u64| {
            let mut seen = 0;
            let (count, _) = read_records(Some(lines.as_bytes()), &mut |_| {
                seen += 1;
                if seen < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
            .unwrap();
            assert_eq!(count, seen);
            seen
        };
        assert_eq!((read(2), read(9)), (2, 5));
    }
}
