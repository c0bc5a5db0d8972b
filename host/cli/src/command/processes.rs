//! `exec`, `shell` and `processes`: commands and terminals in workspaces.

use std::io::{IsTerminal as _, Write as _};

use rustix::termios::{self, OptionalActions, Termios};
use sandboxed_model::{
    RunId,
    command::{Exit, OutputStream, Tty},
    process::{NewProcess, Process},
};
use tokio::{
    io::AsyncReadExt as _,
    signal::unix::{SignalKind, signal},
};

use super::{ago, with_client};
use crate::{
    arguments::{Exec, Place, Processes, Shell},
    client::{Attachment, Client, Seen},
    failed::{Failed, Result},
    output::{self, Table, Terminal},
};

/// Bytes of input that are taken at once.
const BATCH: usize = 64 << 10;
/// The size of a terminal that does not know its own.
const DEFAULT_SIZE: Tty = Tty { rows: 24, cols: 80 };

/// Runs a command in a workspace and ends with its exit status.
pub(crate) async fn exec(place: &Place, exec: Exec) -> Result<()> {
    let Exec { workspace, cwd, env, command } = exec;
    with_client(place, async |client| {
        let workspace = client.workspace(&workspace).await?;
        let stdin = !std::io::stdin().is_terminal();
        let new = NewProcess { command, cwd, env: env.into_iter().collect(), tty: None, stdin };
        let process = client.start_process(workspace.id, new).await?;
        let mut attachment = client.attach_process(process.id).await?;
        let followed = follow(&mut attachment, stdin).await;
        // Whether it ended or this command was ended: nobody else waits for it.
        client.remove_process(process.id).await?;
        conclude(&followed?)
    })
    .await
}

/// Opens a terminal in a workspace.
pub(crate) async fn shell(place: &Place, shell: Shell) -> Result<()> {
    let Shell { workspace, cwd, command } = shell;
    with_client(place, async |client| {
        let workspace = client.workspace(&workspace).await?;
        let new = NewProcess { command, cwd, tty: Some(size()), ..NewProcess::default() };
        let process = client.start_process(workspace.id, new).await?;
        let ended = terminal(client, process.id).await?;
        client.remove_process(process.id).await?;
        conclude(&ended)
    })
    .await
}

/// `processes`.
pub(crate) async fn processes(place: &Place, command: Processes) -> Result<()> {
    with_client(place, async |client| match command {
        Processes::List { workspace, listing } => {
            let workspace = client.workspace(&workspace).await?;
            let processes = client.processes(workspace.id).await?;
            if listing.json { output::print_json(&processes) } else { list(&processes) }
        }
        Processes::Attach { process } => conclude(&terminal(client, process).await?),
        Processes::Remove { process } => {
            client.remove_process(process).await?;
            output::print(&format!("process {process} removed"))
        }
    })
    .await
}

fn list(processes: &[Process]) -> Result<()> {
    let mut table = Table::new(&["ID", "STATE", "STARTED", "COMMAND"]);
    for process in processes {
        let state = match &process.exit {
            None => "running".to_owned(),
            Some(Exit::Code(code)) => format!("exit {code}"),
            Some(Exit::Signal(signal)) => format!("signal {signal}"),
            Some(Exit::Lost(_)) => "lost".to_owned(),
        };
        table.row([process.id.to_string(), state, ago(process.created_at), process.command.join(" ")]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no processes"))
}

/// Passes input and output on until the process ends.
async fn follow(attachment: &mut Attachment, stdin: bool) -> Result<Exit> {
    let mut input = stdin.then(tokio::io::stdin);
    let mut buffer = vec![0; BATCH];
    let failed = |error: std::io::Error| Failed::new(format!("signals cannot be received: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    loop {
        let read = async {
            match &mut input {
                Some(input) => input.read(&mut buffer).await.unwrap_or(0),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            seen = attachment.next() => match seen? {
                Seen::Output(stream, bytes) => show(stream, &bytes)?,
                Seen::Gap(length) => output::hint(&format!("{length} bytes of output were too many to keep")),
                Seen::Exit(exit) => return Ok(exit),
            },
            read = read => match read {
                0 => {
                    input = None;
                    attachment.close_input().await?;
                }
                read => attachment.write(buffer[..read].to_vec()).await?,
            },
            _ = interrupt.recv() => return Ok(Exit::Signal(2)),
            _ = terminate.recv() => return Ok(Exit::Signal(15)),
        }
    }
}

/// Makes this terminal the process's until the process ends.
async fn terminal(client: &Client, process: RunId) -> Result<Exit> {
    let mut attachment = client.attach_process(process).await?;
    let raw = Raw::begin()?;
    attachment.resize(size()).await?;
    let failed = |error: std::io::Error| Failed::new(format!("signals cannot be received: {error}"));
    let mut resized = signal(SignalKind::window_change()).map_err(failed)?;
    let mut input = Some(tokio::io::stdin());
    let mut buffer = vec![0; BATCH];
    let ended = loop {
        let read = async {
            match &mut input {
                Some(input) => input.read(&mut buffer).await.unwrap_or(0),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            seen = attachment.next() => match seen? {
                Seen::Output(stream, bytes) => show(stream, &bytes)?,
                Seen::Gap(_) => {}
                Seen::Exit(exit) => break exit,
            },
            read = read => match read {
                0 => {
                    input = None;
                    attachment.close_input().await?;
                }
                read => attachment.write(buffer[..read].to_vec()).await?,
            },
            _ = resized.recv() => attachment.resize(size()).await?,
        }
    };
    drop(raw);
    Ok(ended)
}

/// This terminal passes every key on. Dropped, it is as it was before.
struct Raw(Option<Termios>);

impl Raw {
    fn begin() -> Result<Self> {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Ok(Self(None));
        }
        let failed = |error: rustix::io::Errno| Failed::new(format!("the terminal cannot be used: {error}"));
        let before = termios::tcgetattr(&stdin).map_err(failed)?;
        let mut raw = before.clone();
        raw.make_raw();
        termios::tcsetattr(&stdin, OptionalActions::Now, &raw).map_err(failed)?;
        Ok(Self(Some(before)))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // There is nothing that could be done about it.
            let _ = termios::tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}

fn size() -> Tty {
    match termios::tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => Tty { rows: size.ws_row, cols: size.ws_col },
        _ => DEFAULT_SIZE,
    }
}

fn show(stream: OutputStream, bytes: &[u8]) -> Result<()> {
    let written = match stream {
        OutputStream::Stdout => {
            let mut out = std::io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        }
        OutputStream::Stderr => std::io::stderr().lock().write_all(bytes),
    };
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => Failed::Pipe,
        _ => Failed::new(format!("the output cannot be written: {error}")),
    })
}

/// The end of the process is the end of this command.
fn conclude(exit: &Exit) -> Result<()> {
    match exit {
        Exit::Code(0) => Ok(()),
        Exit::Code(code) => Err(Failed::Ended(u8::try_from(*code).unwrap_or(1))),
        Exit::Signal(signal) => Err(Failed::Ended(128_u8.saturating_add(u8::try_from(*signal).unwrap_or(0)))),
        Exit::Lost(why) => Err(Failed::new(format!("how the process ended is not known: {why}"))),
    }
}
