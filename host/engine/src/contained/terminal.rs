//! The terminal of a process that stands for a program with one: all that is typed and shown belongs to the program's.

use std::io;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use sandboxed_model::command::Tty;

/// A terminal on standard input that hands everything on as it is. Dropped, it is as before.
pub(super) struct Terminal(Option<Termios>);

impl Terminal {
    /// Makes the terminal neither show, gather nor interpret what is typed.
    pub(super) fn raw() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut raw = before.clone();
            raw.make_raw();
            // What cannot be set stays as it is: then lines are shown twice.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &raw);
        }
        Self(before)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

/// Its size now.
pub(super) fn size() -> Option<Tty> {
    let size = tcgetwinsize(io::stdin()).ok()?;
    Some(Tty { rows: size.ws_row, cols: size.ws_col })
}
