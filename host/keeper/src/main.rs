//! The keeper. See the library of the same name for what it is and says.
//!
//! ```text
//! keeper start                     reads a request and starts the program
//! keeper attach MARK PLACE         tells what the program prints from this place on, and hands its input in
//! keeper files                     reads a request and does it with the workspace's files
//! keeper clear MARK                removes what was left for a run in the inbox; as root, whose it is
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod keeper;

use std::process::ExitCode;

use keeper::{attach, files, place, start, supervise, terminal};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(what) = arguments.next() else {
        eprintln!("keeper: it is started by a server");
        return ExitCode::from(2);
    };
    let done = match what.to_str() {
        Some("start") => start::main(),
        Some("supervise") => supervise::main(),
        Some("terminal") => terminal::main(arguments),
        Some("attach") => attach::main(arguments),
        Some("files") => files::main(),
        Some("clear") => place::clear_inbox(arguments),
        _ => Err(std::io::Error::other("it does not know what is asked for")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keeper: {error}");
            ExitCode::from(1)
        }
    }
}
