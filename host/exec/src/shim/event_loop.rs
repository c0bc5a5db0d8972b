//! The life of the shim after the start: one thread that sleeps until something is due.

use std::{
    io,
    os::{fd::AsFd, unix::net::UnixListener},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::Signal,
        signalfd::SignalFd,
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use sandboxed_model::command::{Exit, OutputStream, Tty};

use super::{
    clients::{ClientId, Clients},
    input::Input,
    launch::Launched,
    output::{BATCH, Output},
    payload::{Payload, Terminal},
};
use crate::{
    containment::kill_descendants,
    control::protocol::{Phase, Reply, Request, Status},
    directory::RunDir,
    guard::Listener,
    limits::LimitedTree,
    record::{ExitRecord, Meta},
    spool::SpoolWriter,
    sys,
};

/// First and longest time between two goes at killing what is left.
const KILL_PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));
/// After so many goes at the cgroup, whatever else descends from the shim is killed one by one.
const GOES_AT_TREE: u32 = 4;
/// How long the last bytes of a terminal are waited for; they arrive within microseconds.
const TERMINAL_PATIENCE: Duration = Duration::from_secs(1);
/// How long is waited for the kernel to let go of an empty cgroup.
const REMOVE_PATIENCE: Duration = Duration::from_secs(1);

struct EventLoop {
    meta: Meta,
    pid: Pid,
    terminal: Option<Terminal>,
    network: Option<Listener>,
    /// Not signalled, because the work would go with it.
    wrapper: Option<Pid>,
    input: Input,
    outputs: [Output; 2],
    clients: Clients,
    killing: Option<Killing>,
    exit: Option<Exit>,
    /// Nothing descends from the shim any more.
    childless: bool,
    buffer: Vec<u8>,
}

/// Everything is being killed.
struct Killing {
    goes: u32,
    next: Instant,
    pause: Duration,
}

/// What an event is about.
#[derive(Clone, Copy)]
enum Source {
    Children,
    Listener,
    Network,
    Output(usize),
    Input,
    Client(ClientId),
}

/// Sees the run to its end: until no process of it is left and all that it printed is in the spool.
pub(super) fn run(
    directory: &RunDir,
    launched: Launched,
    listener: UnixListener,
    signals: &SignalFd,
    spool_limit: u64,
) -> io::Result<ExitRecord> {
    let Launched { payload, meta, wrapper } = launched;
    let Payload { pid, stdin, stdout, stderr, terminal, listener: network } = payload;
    let spool = |stream| SpoolWriter::new(directory.path().to_owned(), stream, spool_limit);
    let mut this = EventLoop {
        meta,
        pid,
        input: Input::new(stdin, terminal.is_some()),
        terminal,
        network,
        wrapper: wrapper.then_some(pid),
        outputs: [
            Output::new(Some(stdout), spool(OutputStream::Stdout)),
            Output::new(stderr, spool(OutputStream::Stderr)),
        ],
        clients: Clients::default(),
        killing: None,
        exit: None,
        childless: false,
        buffer: vec![0; BATCH],
    };
    loop {
        this.reap()?;
        if this.exit.is_some() && this.killing.is_none() {
            this.start_killing();
        }
        this.kill_if_due();
        if this.is_over() {
            break;
        }
        for (source, events) in this.wait(signals, &listener)? {
            this.handle(source, events, signals, &listener);
        }
    }
    // Nobody is let in any more, so that nobody is left without an answer.
    drop(listener);
    this.clients.killed();
    Ok(this.finish())
}

impl EventLoop {
    fn wait(&self, signals: &SignalFd, listener: &UnixListener) -> io::Result<Vec<(Source, PollFlags)>> {
        let mut sources = vec![Source::Children, Source::Listener];
        let mut polled =
            vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN), PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        for (index, output) in self.outputs.iter().enumerate() {
            if let Some(fd) = output.source() {
                sources.push(Source::Output(index));
                polled.push(PollFd::new(fd, PollFlags::POLLIN));
            }
        }
        if let Some(fd) = self.input.sink() {
            sources.push(Source::Input);
            polled.push(PollFd::new(fd, PollFlags::POLLOUT));
        }
        if let Some(network) = &self.network {
            sources.push(Source::Network);
            polled.push(PollFd::new(network.inside.as_fd(), PollFlags::POLLIN));
        }
        for (id, fd, interest) in self.clients.interests() {
            sources.push(Source::Client(id));
            polled.push(PollFd::new(fd, interest));
        }
        let timeout = match &self.killing {
            // Rounded up: `poll` counts milliseconds, and waking too early would be for nothing.
            Some(killing) => {
                let left = killing.next.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
                PollTimeout::try_from(left).unwrap_or(PollTimeout::NONE)
            }
            None => PollTimeout::NONE,
        };
        match poll(&mut polled, timeout) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
        let events = polled.iter().map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
        Ok(sources.into_iter().zip(events).filter(|(_, events)| !events.is_empty()).collect())
    }

    fn handle(&mut self, source: Source, events: PollFlags, signals: &SignalFd, listener: &UnixListener) {
        match source {
            // That a child ended is looked at in every round; here only the notice is taken.
            Source::Children => while let Ok(Some(_)) = signals.read_signal() {},
            Source::Listener => self.clients.accept(listener),
            Source::Network => self.network.iter().for_each(Listener::pump),
            Source::Output(index) => self.outputs[index].pump(&mut self.buffer),
            Source::Input => self.input.flush(),
            Source::Client(id) => {
                if let Some((request, body)) = self.clients.serve(id, events) {
                    match self.answer(request, &body) {
                        Some(reply) => self.clients.reply(id, &reply),
                        None => self.clients.await_kill(id),
                    }
                }
            }
        }
    }

    /// Does what a client asks; no reply means that it comes when everything is killed.
    fn answer(&mut self, request: Request, body: &[u8]) -> Option<Reply> {
        Some(match request {
            Request::Write { action } => self.input.write(action, body),
            Request::CloseInput { action } => self.input.close(action),
            Request::Signal { number } => match Signal::try_from(number) {
                Ok(signal) => done(self.meta.tree.signal(signal, self.wrapper)),
                Err(_) => Reply::Refused { reason: format!("{number} is no signal") },
            },
            Request::Resize { rows, cols } => match &self.terminal {
                Some(terminal) => {
                    done(sys::set_window_size(&terminal.master, Tty { rows, cols }).map_err(io::Error::from))
                }
                None => Reply::NoTerminal,
            },
            Request::Status => Reply::Status(self.status()),
            Request::Kill => {
                self.start_killing();
                return None;
            }
        })
    }

    fn status(&self) -> Status {
        Status {
            phase: if self.killing.is_some() { Phase::Ending } else { Phase::Running },
            pid: self.pid.as_raw(),
            containment: self.meta.containment,
            stdout: self.outputs[0].spool.status(),
            stderr: self.outputs[1].spool.status(),
            stdin_waiting: self.input.waiting(),
            last_action: self.input.last_action(),
        }
    }

    /// Takes note of children that have ended: the payload, and whatever of its tree lost its parent.
    fn reap(&mut self) -> io::Result<()> {
        loop {
            let exit = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => return Ok(()),
                Err(Errno::ECHILD) => {
                    self.childless = true;
                    return Ok(());
                }
                Ok(WaitStatus::Exited(pid, code)) => (pid, Exit::Code(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, Exit::Signal(signal as i32)),
                Ok(_) | Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            if exit.0 == self.pid {
                self.exit = Some(exit.1);
            }
        }
    }

    fn start_killing(&mut self) {
        self.killing.get_or_insert(Killing { goes: 0, next: Instant::now(), pause: KILL_PAUSE.0 });
    }

    fn kill_if_due(&mut self) {
        let now = Instant::now();
        let Some(killing) = self.killing.as_mut().filter(|killing| killing.next <= now) else { return };
        let mut result = if self.childless && killing.goes == 0 { Ok(()) } else { self.meta.tree.kill() };
        killing.goes += 1;
        if killing.goes > GOES_AT_TREE {
            result = result.and(kill_descendants());
        }
        if let Err(error) = result
            && killing.goes == GOES_AT_TREE
        {
            eprintln!("shim: killing what is left: {error}");
        }
        killing.next = Instant::now() + killing.pause;
        killing.pause = (killing.pause * 2).min(KILL_PAUSE.1);
    }

    /// Everything that descended from the payload would be a child of the shim by now, so having no child proves that
    /// nothing is left; the cgroup says the same of what may have got away.
    fn is_over(&self) -> bool {
        self.killing.is_some() && self.childless && self.meta.tree.is_empty().unwrap_or(true)
    }

    fn finish(mut self) -> ExitRecord {
        let [stdout, stderr] = &mut self.outputs;
        match self.terminal.take() {
            Some(terminal) => {
                drop(terminal);
                stdout.drain_terminal(&mut self.buffer, TERMINAL_PATIENCE);
            }
            None => {
                stdout.drain(&mut self.buffer);
                stderr.drain(&mut self.buffer);
            }
        }
        let limited = self.meta.limited.take();
        let usage = limited.as_ref().map(LimitedTree::usage);
        let until = Instant::now() + REMOVE_PATIENCE;
        while let Err(error) =
            self.meta.tree.remove().and_then(|()| limited.as_ref().map_or(Ok(()), LimitedTree::remove))
        {
            if Instant::now() > until {
                eprintln!("shim: removing the cgroup: {error}");
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        ExitRecord {
            exit: self.exit.unwrap_or_else(|| Exit::Lost("its end was not told by the system".to_owned())),
            stdout: Some(self.outputs[0].spool.length()),
            stderr: Some(self.outputs[1].spool.length()),
            usage,
        }
    }
}

fn done(result: io::Result<()>) -> Reply {
    match result {
        Ok(()) => Reply::Done,
        Err(error) => Reply::Refused { reason: error.to_string() },
    }
}
