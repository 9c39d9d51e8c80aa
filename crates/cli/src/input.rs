//! Where lines come from: files and standard input, read ahead by a thread of its own.
//!
//! Reading blocks, and a line that somebody types has to be sent at once; so a thread reads whatever there is and hands it over as it is.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::mpsc as std_mpsc;
use std::thread;

use tokio::sync::mpsc;

/// Large enough that handing a chunk over costs nothing per line.
const CHUNK_BYTES: usize = 256 * 1024;

/// Chunks that were read and not yet cut into lines: what bounds the memory.
const CHUNKS_AHEAD: usize = 4;

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Stdin,
    File(PathBuf),
}

impl Source {
    /// `-` is standard input.
    pub(crate) fn new(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path) }
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "standard input".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Finds out before anything is sent whether it can be read, and how many bytes it has, where that is known.
    pub(crate) fn check(&self) -> io::Result<Option<u64>> {
        let Self::File(path) = self else {
            return Ok(None);
        };
        let metadata = path.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        if !metadata.is_file() {
            // To open a pipe and close it again would break it.
            return Ok(None);
        }
        File::open(path)?;
        Ok(Some(metadata.len()).filter(|bytes| *bytes > 0))
    }

    fn open(&self) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Self::Stdin => Box::new(io::stdin()),
            Self::File(path) => Box::new(File::open(path)?),
        })
    }
}

/// What the reader has to say, in the order of the inputs.
#[derive(Debug)]
pub(crate) enum Event {
    /// Some bytes of the present input.
    Chunk(Chunk),
    /// The present input is at its end; the next one begins.
    End,
    /// The present input cannot be read on. Nothing follows.
    Failed(io::Error),
}

/// Some bytes, in a buffer that is used again.
pub(crate) struct Chunk {
    buffer: Box<[u8]>,
    filled: usize,
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chunk({} bytes)", self.filled)
    }
}

/// The receiving end of the thread that reads. Dropping it ends the thread, once what that waits for has come.
#[derive(Debug)]
pub(crate) struct Reader {
    events: mpsc::Receiver<Event>,
    spare: std_mpsc::Sender<Box<[u8]>>,
}

impl Reader {
    /// Starts to read the inputs, one after another.
    pub(crate) fn start(sources: Vec<Source>) -> io::Result<Self> {
        let (sender, events) = mpsc::channel(CHUNKS_AHEAD);
        let (spare, spares) = std_mpsc::channel();
        // Nobody joins it: it may wait for a terminal for ever.
        thread::Builder::new()
            .name("rohrpost-input".to_owned())
            .spawn(move || read_all(&sources, &sender, &spares))?;
        Ok(Self { events, spare })
    }

    /// The next event; `None` after the last input's end. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// The next event, if it has come already.
    pub(crate) fn try_next(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Whether nothing can come any more.
    pub(crate) fn is_at_end(&self) -> bool {
        self.events.is_closed() && self.events.is_empty()
    }

    /// Gives a chunk's buffer back.
    pub(crate) fn recycle(&self, chunk: Chunk) {
        // The thread may have ended: then nobody needs it.
        let _ = self.spare.send(chunk.buffer);
    }
}

fn read_all(
    sources: &[Source],
    events: &mpsc::Sender<Event>,
    spares: &std_mpsc::Receiver<Box<[u8]>>,
) {
    for source in sources {
        let last = match read(source, events, spares) {
            Ok(true) => Event::End,
            Ok(false) => return,
            Err(error) => Event::Failed(error),
        };
        let failed = matches!(last, Event::Failed(_));
        if events.blocking_send(last).is_err() || failed {
            return;
        }
    }
}

/// Reads one input to its end. `false` where nobody listens any more.
fn read(
    source: &Source,
    events: &mpsc::Sender<Event>,
    spares: &std_mpsc::Receiver<Box<[u8]>>,
) -> io::Result<bool> {
    let mut input = source.open()?;
    loop {
        let mut buffer =
            spares.try_recv().unwrap_or_else(|_| vec![0; CHUNK_BYTES].into_boxed_slice());
        let filled = loop {
            match input.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        if filled == 0 {
            return Ok(true);
        }
        if events.blocking_send(Event::Chunk(Chunk { buffer, filled })).is_err() {
            return Ok(false);
        }
    }
}

/// The lines of all inputs have one running number; here it is turned back into an input and its own line number.
#[derive(Debug)]
pub(crate) struct Places {
    names: Vec<String>,
    /// The running number of each input's first line, for the inputs that were begun.
    starts: Vec<u64>,
}

/// A line as people count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) input: usize,
    /// From 1.
    pub(crate) line: u64,
}

impl Places {
    pub(crate) fn new(sources: &[Source]) -> Self {
        Self { names: sources.iter().map(Source::name).collect(), starts: vec![0] }
    }

    /// The next input begins with this running number.
    pub(crate) fn begin_next(&mut self, line: u64) {
        self.starts.push(line);
    }

    pub(crate) fn of(&self, line: u64) -> Place {
        let input = self.starts.partition_point(|start| *start <= line).saturating_sub(1);
        Place { input, line: line - self.starts[input] + 1 }
    }

    /// Where each input's part of these lines begins, and how many lines it has.
    pub(crate) fn split(&self, first: u64, last: u64) -> Vec<(Place, u64)> {
        let mut parts = Vec::new();
        let mut at = first;
        while at <= last {
            let start = self.of(at);
            let next = self.starts.get(start.input + 1).map_or(last + 1, |next| *next);
            let end = next.min(last + 1);
            parts.push((start, end - at));
            at = end;
        }
        parts
    }

    pub(crate) fn name(&self, input: usize) -> &str {
        self.names.get(input).map_or("", String::as_str)
    }

    /// The input that is being read.
    pub(crate) fn present(&self) -> &str {
        self.name(self.starts.len() - 1)
    }

    /// Whether a line number alone leaves open which input it is in.
    pub(crate) fn are_several(&self) -> bool {
        self.names.len() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_in_their_own_inputs() {
        let sources = ["a", "-", "c"].map(|path| Source::new(path.into()));
        let mut places = Places::new(&sources);
        let place = |input, line| Place { input, line };
        assert_eq!(places.of(0), place(0, 1));
        places.begin_next(3);
        places.begin_next(3);
        assert_eq!(places.of(2), place(0, 3));
        assert_eq!(places.of(3), place(2, 1));
        assert_eq!(places.of(9), place(2, 7));
        assert_eq!(places.name(1), "standard input");
        assert_eq!(places.present(), "c");
    }
}
