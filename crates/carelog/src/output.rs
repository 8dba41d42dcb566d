//! Standard output, which whoever reads it may close at any time.

use std::fmt;
use std::io::{self, Write as _};

/// Writes a line to standard output. Where nobody reads any more, as after `head`, it is dropped: that is no failure,
/// and the exit code stays that of the work.
///
/// # Errors
/// It cannot be written for another reason, such as a full disk.
pub fn line(text: impl fmt::Display) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        Err(_) | Ok(()) => Ok(()),
    }
}

/// [`line()`] with a format, as `println!` has one, which would panic where nobody reads.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::line(format_args!($($text)*)) };
}

pub(crate) use say;
