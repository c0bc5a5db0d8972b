//! What is typed and not shown.

use std::{
    io::{BufRead, IsTerminal, Write},
    os::fd::AsFd,
};

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::failed::{Failed, Result};

/// Reads a line from standard input, without showing it where it is typed. `what` is what it is, for messages.
pub(super) fn ask(prompt: &str, what: &str) -> Result<Zeroizing<String>> {
    let stdin = std::io::stdin();
    let unreadable = |error: &dyn std::fmt::Display| Failed::new(format!("{what} cannot be read: {error}"));
    let shown = match stdin.is_terminal() {
        true => {
            // The prompt is a courtesy.
            let _ = std::io::stderr().write_all(prompt.as_bytes());
            let shown = tcgetattr(stdin.as_fd()).map_err(|error| unreadable(&error))?;
            let mut hidden = shown.clone();
            hidden.local_flags.remove(LocalFlags::ECHO);
            hidden.local_flags.insert(LocalFlags::ECHONL);
            tcsetattr(stdin.as_fd(), SetArg::TCSAFLUSH, &hidden).map_err(|error| unreadable(&error))?;
            Some(shown)
        }
        false => None,
    };
    let mut line = Zeroizing::new(String::new());
    let read = stdin.lock().read_line(&mut line);
    if let Some(shown) = shown {
        tcsetattr(stdin.as_fd(), SetArg::TCSAFLUSH, &shown).map_err(|error| unreadable(&error))?;
    }
    read.map_err(|error| unreadable(&error))?;
    let text = line.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        let what = what.strip_prefix("the ").unwrap_or(what);
        return Err(Failed::usage(format!("no {what} was given")).hint("type it, or send it on standard input"));
    }
    Ok(Zeroizing::new(text.to_owned()))
}
