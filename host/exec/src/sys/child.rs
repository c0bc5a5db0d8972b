//! What a child process does between fork and exec.

use std::{
    fs::File,
    io::{self, Read},
    os::{fd::OwnedFd, unix::process::CommandExt},
    process::Command,
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    libc,
    sys::{
        prctl,
        resource::{Resource, setrlimit},
        signal::{SigSet, SigmaskHow, Signal, sigprocmask},
        stat::{Mode, umask},
    },
    unistd::{Pid, getppid, pipe2, setsid, write},
};

use super::confine::Confinement;

/// How much likelier than others the kernel is to pick a payload when memory runs out (`oom_score_adj`, at most 1000):
/// the work is killed before what supervises it.
const OOM_SCORE: &[u8] = b"500";

/// Where a start failed before the program itself was reached. Told by one byte, because nothing else can be told
/// between fork and exec but an error number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Cgroup,
    Network,
    Stage,
    Inside,
    Directory,
    User,
    Rules,
    Filter,
}

impl Step {
    const ALL: [Self; 8] = [
        Self::Cgroup,
        Self::Network,
        Self::Stage,
        Self::Inside,
        Self::Directory,
        Self::User,
        Self::Rules,
        Self::Filter,
    ];

    fn byte(self) -> u8 {
        self as u8
    }

    /// The step that this byte tells.
    pub(crate) fn told_by(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.byte() == byte)
    }
}

/// Where the step that failed can be read once the child is gone.
pub(crate) struct Refusal(File);

/// The two ends through which a child tells the step that failed.
pub(crate) fn refusal() -> nix::Result<(Refusal, OwnedFd)> {
    let (ours, theirs) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    Ok((Refusal(File::from(ours)), theirs))
}

impl Refusal {
    /// The step that failed. Absent: it was none of these, but the start of the program itself.
    pub(crate) fn step(mut self) -> Option<Step> {
        let mut byte = [0];
        (self.0.read(&mut byte).ok()? == 1).then(|| Step::told_by(byte[0])).flatten()
    }
}

/// What a child does between fork and exec.
pub(crate) struct ChildSetup {
    /// `cgroup.procs` of the cgroups to join.
    pub(crate) join: Vec<File>,
    /// Where the step that failed is told, so that it is not taken for a failed exec.
    pub(crate) refused: OwnedFd,
    /// Standard input becomes the controlling terminal.
    pub(crate) terminal: bool,
    /// Dies when this process, which must be the one that spawns it, dies.
    pub(crate) dies_with: Option<Pid>,
    /// What it may not see or do.
    pub(crate) confinement: Confinement,
}

/// Makes `command` start in a session of its own, in its cgroups, confined, with default signals, umask 022, no core
/// dumps and only descriptors 0 to 2 (and the filter's, where the program is handed one).
pub(crate) fn prepare(command: &mut Command, setup: ChildSetup) {
    // SAFETY: between fork and exec the closure makes system calls only. It neither allocates nor takes a lock: the
    // descriptors were opened and the texts made before, errors are plain numbers, and nothing it owns is dropped in
    // the child, which either becomes another program or ends with `_exit`.
    unsafe { command.pre_exec(move || setup.apply()) };
}

impl ChildSetup {
    fn apply(&self) -> io::Result<()> {
        for join in &self.join {
            self.step(Step::Cgroup, write(join, b"0").map(drop))?;
        }
        setsid()?;
        if self.terminal {
            // SAFETY: descriptor 0 is the terminal that was put there for this child; the request takes no memory.
            Errno::result(unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) })?;
        }
        reset_signals();
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        umask(Mode::from_bits_truncate(0o022));
        // While it still may: afterwards it is another user's.
        raise_oom_score();
        let confinement = &self.confinement;
        self.step(Step::Network, confinement.leave_network())?;
        self.step(Step::Stage, confinement.mount_stage())?;
        self.step(Step::Inside, confinement.join_system())?;
        // As the user that it becomes, who may not be let into the directory.
        self.step(Step::User, confinement.become_user())?;
        self.step(Step::Directory, confinement.change_directory())?;
        // A change of user takes this back, so it comes after.
        if let Some(parent) = self.dies_with {
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            // A parent in another process namespace has no number here.
            if getppid() != parent && confinement.inside.is_none() {
                return Err(Errno::ESRCH.into());
            }
        }
        self.step(Step::Rules, confinement.enforce_rules())?;
        // SAFETY: marks descriptors, among them the one through which the standard library tells of a failed exec, to
        // be closed by the exec; closes none of them now.
        unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
        self.step(Step::Filter, confinement.set_filter())?;
        Ok(())
    }

    fn step(&self, step: Step, result: nix::Result<()>) -> io::Result<()> {
        result.map_err(|error| {
            let _ = write(&self.refused, &[step.byte()]);
            error.into()
        })
    }
}

/// Gives every signal its default action, also those two that the C library keeps for itself and its `signal` refuses.
fn reset_signals() {
    /// Longer than the kernel's `struct sigaction` anywhere; all zeroes mean the default action.
    const DEFAULT: [u64; 8] = [0; 8];
    /// Bytes of a set of 64 signals.
    const SET_SIZE: usize = 8;
    for signal in 1..=64 {
        let old = std::ptr::null_mut::<u64>();
        // SAFETY: the kernel reads a structure that is no longer than `DEFAULT` and writes nothing. The default action
        // runs no code of ours. Numbers that may not be changed give an error, which changes nothing.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, DEFAULT.as_ptr(), old, SET_SIZE) };
    }
}

/// Best effort: a process may always raise its own score, but `/proc` may be read-only.
fn raise_oom_score() {
    // SAFETY: the path is a constant that ends in a zero byte.
    let fd = unsafe { libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    if fd >= 0 {
        // SAFETY: `fd` was just opened, the bytes are a constant of that length, and nobody else closes `fd`.
        unsafe {
            libc::write(fd, OOM_SCORE.as_ptr().cast(), OOM_SCORE.len());
            libc::close(fd);
        }
    }
}
