//! What is done to a process that stands for a program.

use sandboxed_model::command::Tty;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// Signals that are for the program, by their numbers on Linux. What cannot be caught ends this process alone, and the
/// server clears up after it.
const SIGNALS: [i32; 9] = [
    nix::libc::SIGHUP,
    nix::libc::SIGINT,
    nix::libc::SIGQUIT,
    nix::libc::SIGUSR1,
    nix::libc::SIGUSR2,
    nix::libc::SIGALRM,
    nix::libc::SIGTERM,
    nix::libc::SIGCONT,
    nix::libc::SIGTSTP,
];

/// What is done to this process and meant for the program.
pub(super) enum Order {
    Signal(i32),
    Resize(Tty),
}

/// Gathers what is done to this process.
pub(super) fn orders(terminal: bool) -> mpsc::Receiver<Order> {
    let (sender, orders) = mpsc::channel(16);
    for number in SIGNALS {
        let Ok(mut signals) = signal(SignalKind::from_raw(number)) else { continue };
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() && sender.send(Order::Signal(number)).await.is_ok() {}
        });
    }
    if terminal && let Ok(mut changes) = signal(SignalKind::window_change()) {
        tokio::spawn(async move {
            while changes.recv().await.is_some() {
                if let Some(size) = size()
                    && sender.send(Order::Resize(size)).await.is_err()
                {
                    return;
                }
            }
        });
    }
    orders
}

/// The size of the terminal on standard input now.
pub(super) fn size() -> Option<Tty> {
    let size = rustix::termios::tcgetwinsize(std::io::stdin()).ok()?;
    Some(Tty { rows: size.ws_row, cols: size.ws_col })
}
