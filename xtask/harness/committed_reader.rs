//! Java's consumer at `read_committed`, asked again and again for what is new: `tests/java/CommittedReader.java`.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use crate::kafka::{Cluster, Error};

/// The consumer's process; it ends when this is dropped.
#[derive(Debug)]
pub struct CommittedReader {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// How far a snapshot goes in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The last stable offset: the snapshot's end.
    pub stable: i64,
    /// The high watermark, a moment later: behind the records of open transactions.
    pub high: i64,
}

impl CommittedReader {
    /// Starts it; it reads these topics from their beginning.
    ///
    /// # Errors
    ///
    /// No Java.
    pub fn start(cluster: &Cluster, topics: &[&str]) -> Result<Self, Error> {
        let servers = cluster.bootstrap_servers();
        let arguments = [&[servers.as_str()], topics].concat();
        let program = "tests/java/CommittedReader.java";
        let io = |source| Error::Io { doing: format!("run {program}"), source };
        let mut command =
            cluster.distribution().source_command(&["-Xmx256m"], program, &arguments)?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(io)?;
        let (Some(asks), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io(io::ErrorKind::BrokenPipe.into()));
        };
        Ok(Self { child, asks, answers: BufReader::new(answers) })
    }

    /// Takes a snapshot: all records up to the last stable offsets of now that no snapshot before had. `each` gets topic, partition, offset and value of each, and of each partition it gives how far
    /// that went.
    ///
    /// # Errors
    ///
    /// The consumer ended, which says why on standard error, or printed what is not understood.
    pub fn snapshot(
        &mut self,
        mut each: impl FnMut(&str, u32, i64, &str),
    ) -> Result<Vec<End>, String> {
        let text = |e: io::Error| format!("the consumer of committed records: {e}");
        self.asks.write_all(b"read\n").and_then(|()| self.asks.flush()).map_err(text)?;
        let (mut ends, mut line) = (Vec::new(), String::new());
        loop {
            line.clear();
            if self.answers.read_line(&mut line).map_err(text)? == 0 {
                return Err("the consumer of committed records has ended".to_owned());
            }
            match parse(line.trim_end_matches('\n')) {
                Some(Line::Record(topic, partition, offset, value)) => {
                    each(topic, partition, offset, value);
                }
                Some(Line::End(end)) => ends.push(end),
                Some(Line::Done) => return Ok(ends),
                None => return Err(format!("the consumer of committed records printed {line:?}")),
            }
        }
    }
}

impl Drop for CommittedReader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Record(&'a str, u32, i64, &'a str),
    End(End),
    Done,
}

fn parse(line: &str) -> Option<Line<'_>> {
    if line == "." {
        return Some(Line::Done);
    }
    let mut fields = line.splitn(5, '\t');
    let first = fields.next()?;
    if first == "=" {
        let mut offsets = fields.skip(2).map(str::parse);
        let end = End { stable: offsets.next()?.ok()?, high: offsets.next()?.ok()? };
        return Some(Line::End(end));
    }
    let (partition, offset) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Line::Record(first, partition, offset, fields.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_records_ends_and_the_dot_behind_them() {
        assert_eq!(parse("t\t3\t17\t5 6 -7"), Some(Line::Record("t", 3, 17, "5 6 -7")));
        assert_eq!(parse("=\tt\t3\t18\t20"), Some(Line::End(End { stable: 18, high: 20 })));
        assert_eq!(parse("."), Some(Line::Done));
        assert_eq!(parse("Exception in thread"), None);
    }
}
