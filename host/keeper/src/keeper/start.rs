//! The start of a program. It does not end with whoever starts it.

use std::{
    io::{self, Read, Write},
    process::{Command, Stdio},
    time::Duration,
};

use sandboxed_keeper::{Frame, Kind, RunRequest};

use super::{
    place::{self, Place},
    words::{Heard, Patient, say},
};

/// How long the request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the program that is asked for. One that was started before, by somebody whose connection broke, is not started
/// again.
pub(crate) fn main() -> io::Result<()> {
    let request: RunRequest = Heard::new(Patient { patience: PATIENCE }).request()?;
    place::forget_old();
    if Place::of(&request.mark)?.make()? {
        supervise(&request)?;
    }
    say(Kind::Answer, b"")
}

/// Starts the supervisor and waits until it holds the run's place.
fn supervise(request: &RunRequest) -> io::Result<()> {
    let mut supervisor = Command::new("/proc/self/exe")
        .arg("supervise")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = supervisor.stdin.take() {
        stdin.write_all(&Frame::encode(Kind::Request, &serde_json::to_vec(request)?))?;
    }
    let mut word = [0];
    match supervisor.stdout.take() {
        Some(mut stdout) => stdout.read_exact(&mut word),
        None => Err(io::Error::other("the supervisor has no voice")),
    }
}
