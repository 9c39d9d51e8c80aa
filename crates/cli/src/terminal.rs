//! Standard output and error, either of which may be a pipe that nobody reads any more.

use std::fmt::Display;
use std::io::{self, Write};

/// Says something on standard error. If nobody listens, nobody is told.
pub(crate) fn complain(message: impl Display) {
    let _ = writeln!(io::stderr().lock(), "rohrpost: {message}");
}

/// Writes to standard output. A reader that has closed the pipe has had enough: that is no error.
///
/// # Errors
/// Anything else, such as a full disk.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
