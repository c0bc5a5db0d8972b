//! What people and scripts read.

mod money;
mod progress;
mod table;
mod terminal;
mod transcript;

use std::io::{self, Write};

use serde::Serialize;

pub(crate) use money::dollars;
pub(crate) use progress::{Progress, size};
pub(crate) use table::Table;
pub(crate) use terminal::{Style, Terminal, paint_stderr, safe};
pub(crate) use transcript::Transcript;

use crate::failed::Result;

/// Prints an error.
pub(crate) fn complain(message: &str, remedy: Option<&str>) {
    // One line each, whatever a plugin or server put into its message.
    let line = |text: &str| text.trim().replace(['\n', '\r'], " ");
    // There is nobody left to tell when standard error cannot be written.
    let _ = writeln!(io::stderr(), "{} {}", paint_stderr(Style::Error, "error:"), safe(&line(message)));
    if let Some(remedy) = remedy {
        hint(&line(remedy));
    }
}

/// Prints a remedy.
pub(crate) fn hint(text: &str) {
    let _ = writeln!(io::stderr(), "{} {}", paint_stderr(Style::Dim, "hint:"), safe(text));
}

/// Prints something that the operator should know.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "{} {}", paint_stderr(Style::Warning, "warning:"), safe(text));
}

/// Prints to standard error what is neither wrong nor a result.
pub(crate) fn remark(text: &str) {
    // Nothing depends on it.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints lines to standard output.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()?;
    Ok(())
}

/// Prints a value as JSON.
pub(crate) fn print_json<T: Serialize + ?Sized>(value: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| crate::failed::Failed::new(format!("it cannot be written as JSON: {error}")))?;
    print(&text)
}
