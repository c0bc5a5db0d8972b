//! A program from its start to its end: what it prints goes to the journal, and what is handed in to the program.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::OwnedFd,
        unix::{
            net::{UnixListener, UnixStream},
            process::{CommandExt, ExitStatusExt},
        },
    },
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use rustix::process::setsid;
use sandboxed_keeper::{Frame, Kind, RunEnd, RunExit, RunRequest, TREE};
use sandboxed_model::command::Tty;

use super::{journal::Writer, memory, place::Place, sweep, terminal, words::Heard};

/// Bytes of output that become one frame.
const PIECE: usize = 64 << 10;
/// How long the output may take to end once everything that could print is gone.
const LINGER: Duration = Duration::from_secs(2);
/// The end of the input of a program on a terminal.
const END_OF_FILE: &[u8] = &[4];

/// Sees a program to its end, in a session of its own.
pub(crate) fn main() -> io::Result<()> {
    let request: RunRequest = Heard::new(io::stdin()).request()?;
    setsid()?;
    let place = Place::of(&request.mark)?;
    let _held = place.hold()?;
    let journal = Arc::new(Mutex::new(Writer::new(place.path())?));
    let listener = UnixListener::bind(place.input())?;
    let mut stdout = io::stdout();
    stdout.write_all(b"+")?;
    stdout.flush()?;
    let before = memory::oom_kills();
    let exit = match start(&request) {
        Ok(started) => follow(started, &request, &journal, listener)?,
        Err(error) => {
            let status = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
            RunExit::NotStarted(status)
        }
    };
    let end = RunEnd { exit, oom_kills: memory::oom_kills().saturating_sub(before) };
    place.leave_end(&end)
}

struct Started {
    child: Child,
    input: Sink,
    outputs: Vec<(Kind, Box<dyn Read + Send>)>,
}

/// Where a program's input goes.
enum Sink {
    Pipe(Option<ChildStdin>),
    Terminal(File),
}

fn start(request: &RunRequest) -> io::Result<Started> {
    let RunRequest { argv, tty, .. } = request;
    let (program, arguments) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    match tty {
        Some(size) => {
            let (master, slave): (File, OwnedFd) = terminal::make(*size)?;
            let child = prepare(terminal::command(argv, slave)?, request).spawn()?;
            let output = Box::new(master.try_clone()?);
            Ok(Started { child, input: Sink::Terminal(master), outputs: vec![(Kind::Stdout, output)] })
        }
        None => {
            let mut command = Command::new(program);
            command.args(arguments).process_group(0);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = prepare(command, request).spawn()?;
            let input = Sink::Pipe(child.stdin.take());
            let mut outputs: Vec<(Kind, Box<dyn Read + Send>)> = Vec::new();
            outputs.extend(child.stdout.take().map(|out| (Kind::Stdout, Box::new(out) as Box<dyn Read + Send>)));
            outputs.extend(child.stderr.take().map(|out| (Kind::Stderr, Box::new(out) as Box<dyn Read + Send>)));
            Ok(Started { child, input, outputs })
        }
    }
}

fn prepare(mut command: Command, request: &RunRequest) -> Command {
    let RunRequest { mark, variable, env, cwd, .. } = request;
    command.envs(env.iter().map(|(name, value)| (name, value))).env(variable, mark);
    command.current_dir(cwd.as_deref().unwrap_or(TREE));
    command
}

/// Waits for the program's end, kills what it left, and has all that was printed in the journal.
fn follow(
    started: Started,
    request: &RunRequest,
    journal: &Arc<Mutex<Writer>>,
    listener: UnixListener,
) -> io::Result<RunExit> {
    let Started { mut child, input, outputs } = started;
    let (done, ended) = mpsc::channel();
    let pumps = outputs.len();
    for (kind, output) in outputs {
        let (journal, done) = (Arc::clone(journal), done.clone());
        thread::spawn(move || {
            pump(kind, output, &journal);
            let _ = done.send(());
        });
    }
    let input = Arc::new(Mutex::new(Input { sink: input, received: 0 }));
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let input = Arc::clone(&input);
            thread::spawn(move || hand_in(connection, &input));
        }
    });
    let status = child.wait()?;
    sweep::kill(&sweep::variable(&request.variable, &request.mark));
    for _ in 0..pumps {
        // What has hidden its mark and holds the output open is not waited for.
        if ended.recv_timeout(LINGER).is_err() {
            break;
        }
    }
    Ok(exit(status))
}

fn pump(kind: Kind, mut output: Box<dyn Read + Send>, journal: &Mutex<Writer>) {
    let mut piece = vec![0; PIECE];
    loop {
        match output.read(&mut piece) {
            // A terminal whose programs are gone fails to be read.
            Ok(0) => return,
            Ok(length) => journal.lock().unwrap_or_else(PoisonError::into_inner).add(kind, &piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

struct Input {
    sink: Sink,
    /// Bytes of the program's input that have been handed in.
    received: u64,
}

impl Input {
    /// Hands in what begins at this place of the input, as far as it is new.
    fn add(&mut self, place: u64, bytes: &[u8]) {
        let known = usize::try_from(self.received.saturating_sub(place)).unwrap_or(usize::MAX);
        let Some(new) = bytes.get(known..).filter(|_| place <= self.received) else { return };
        let written = match &mut self.sink {
            Sink::Pipe(Some(pipe)) => pipe.write_all(new),
            Sink::Pipe(None) => Ok(()),
            Sink::Terminal(terminal) => terminal.write_all(new),
        };
        if written.is_err() {
            // It reads no more.
            self.end();
        }
        self.received += new.len() as u64;
    }

    fn end(&mut self) {
        match &mut self.sink {
            Sink::Pipe(pipe) => *pipe = None,
            Sink::Terminal(terminal) => drop(terminal.write_all(END_OF_FILE)),
        }
    }

    fn resize(&self, size: Tty) {
        if let Sink::Terminal(terminal) = &self.sink {
            let _ = terminal::resize(terminal, size);
        }
    }
}

/// Takes what one server sends. What it has sent before, over another connection, it may send again.
fn hand_in(connection: UnixStream, input: &Mutex<Input>) {
    let tell = |received: u64| (&connection).write_all(&Frame::encode(Kind::Accepted, &received.to_be_bytes()));
    let held = || input.lock().unwrap_or_else(PoisonError::into_inner);
    let received = held().received;
    if tell(received).is_err() {
        return;
    }
    let mut heard = Heard::new(&connection);
    while let Ok(Some(frame)) = heard.next() {
        let received = {
            let mut input = held();
            match (frame.kind, frame.number()) {
                (Kind::Input, Some(place)) => input.add(place, &frame.bytes[8..]),
                (Kind::InputEnd, _) => input.end(),
                (Kind::Resize, _) => {
                    if let [r0, r1, c0, c1] = frame.bytes[..] {
                        input.resize(Tty { rows: u16::from_be_bytes([r0, r1]), cols: u16::from_be_bytes([c0, c1]) });
                    }
                }
                _ => {}
            }
            input.received
        };
        if tell(received).is_err() {
            return;
        }
    }
}

fn exit(status: ExitStatus) -> RunExit {
    match (status.code(), status.signal()) {
        (Some(code), _) => RunExit::Code(code),
        (None, Some(signal)) => RunExit::Signal(signal),
        (None, None) => RunExit::Code(1),
    }
}
