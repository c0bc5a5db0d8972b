//! A terminal of its own for a program.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::{fd::OwnedFd, unix::process::CommandExt},
    process::{Command, Stdio},
};

use rustix::{
    fs::{Mode, OFlags, open},
    process::{ioctl_tiocsctty, setsid},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use sandboxed_model::command::Tty;

/// Both ends of a terminal of this size: the keeper's and the program's.
pub(super) fn make(size: Tty) -> io::Result<(File, OwnedFd)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let slave = open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    resize(&master, size)?;
    Ok((File::from(master), slave))
}

/// Gives the terminal another size.
pub(super) fn resize(master: impl std::os::fd::AsFd, size: Tty) -> io::Result<()> {
    let size = Winsize { ws_row: size.rows, ws_col: size.cols, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(tcsetwinsize(master, size)?)
}

/// The command that becomes this program, with the terminal on its standard input for its own.
pub(super) fn command(argv: &[String], slave: OwnedFd) -> io::Result<Command> {
    let mut command = Command::new("/proc/self/exe");
    command.arg("terminal").args(argv);
    command.stdin(Stdio::from(slave.try_clone()?)).stdout(Stdio::from(slave.try_clone()?)).stderr(Stdio::from(slave));
    Ok(command)
}

/// Makes the terminal on standard input this process's own and becomes the program.
pub(crate) fn main(mut argv: impl Iterator<Item = OsString>) -> io::Result<()> {
    let program = argv.next().ok_or_else(|| io::Error::other("no program is named"))?;
    setsid()?;
    ioctl_tiocsctty(rustix::stdio::stdin())?;
    let error = Command::new(&program).args(argv).exec();
    let status = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
    eprintln!("{}: {error}", program.to_string_lossy());
    std::process::exit(status)
}
