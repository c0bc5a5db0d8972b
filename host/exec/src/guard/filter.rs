//! The filter of system calls.
//!
//! It names what is refused and lets the rest through, because agents run every program there is. What is refused
//! is what no build, test or editor needs and what kernel exploits and escapes begin with. The answer is "no such call"
//! and not "not permitted": programs fall back from a call that is missing (the C library from `clone3` to `clone`,
//! whose flags can be looked at) and give up on one that is forbidden.

use std::{collections::BTreeMap, sync::OnceLock};

use nix::libc;
use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, sock_filter,
};

use crate::LaunchFailure;

/// Refused whatever the arguments.
const REFUSED: [libc::c_long; 40] = [
    // Namespaces and mounts: the first step of most escapes.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_clone3,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_chroot,
    // The kernel itself.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // Clocks and names of the machine.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    // Keys that are the user's and not the sandbox's.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Wide and often broken.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_open_by_handle_at,
];

/// `clone` flags that make namespaces (`linux/sched.h`).
const NAMESPACES: libc::c_int = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// Socket families that no network namespace holds, or that nothing but exploits asks for: the machine's hypervisor
/// (VSOCK), raw packets, the kernel's cryptography (ALG), and protocols of other ages.
const FAMILIES: [libc::c_int; 9] = [
    libc::AF_VSOCK,
    libc::AF_PACKET,
    libc::AF_ALG,
    libc::AF_KEY,
    libc::AF_RDS,
    libc::AF_TIPC,
    libc::AF_CAN,
    libc::AF_BLUETOOTH,
    libc::AF_XDP,
];

/// Requests that type into a terminal on behalf of whoever sits there.
const TERMINAL_INPUT: [libc::c_ulong; 2] = [libc::TIOCSTI as libc::c_ulong, TIOCLINUX];
/// Of `asm-generic/ioctls.h`.
const TIOCLINUX: libc::c_ulong = 0x541C;

/// The bit that turns a number into one of the x32 interface, which a filter for x86-64 sees as just another number.
#[cfg(target_arch = "x86_64")]
const X32: libc::c_long = 0x4000_0000;

/// The filter as a program for the kernel.
pub(super) fn program() -> Result<&'static [sock_filter], LaunchFailure> {
    static PROGRAM: OnceLock<Result<Vec<sock_filter>, String>> = OnceLock::new();
    match PROGRAM.get_or_init(|| compile().map_err(|error| error.to_string())) {
        Ok(program) => Ok(program),
        Err(error) => Err(LaunchFailure::system("making the filter of system calls", error)),
    }
}

fn compile() -> Result<Vec<sock_filter>, seccompiler::BackendError> {
    let is = |argument, value| condition(argument, SeccompCmpOp::Eq, value);
    let any_of = |conditions: Vec<SeccompCondition>| {
        conditions.into_iter().map(|condition| SeccompRule::new(vec![condition])).collect::<Result<Vec<_>, _>>()
    };
    let mut rules: BTreeMap<libc::c_long, Vec<SeccompRule>> = REFUSED.iter().map(|&call| (call, Vec::new())).collect();
    let mut namespaces = Vec::new();
    for bit in (0..u32::BITS).map(|bit| 1_u64 << bit).filter(|bit| u64::from(NAMESPACES.cast_unsigned()) & bit != 0) {
        namespaces.push(condition(0, SeccompCmpOp::MaskedEq(bit), bit)?);
    }
    rules.insert(libc::SYS_clone, any_of(namespaces)?);
    let families: Result<Vec<_>, _> = FAMILIES.iter().map(|family| is(0, u64::from(family.cast_unsigned()))).collect();
    rules.insert(libc::SYS_socket, any_of(families?)?);
    let requests: Result<Vec<_>, _> = TERMINAL_INPUT.iter().map(|&request| is(1, request)).collect();
    rules.insert(libc::SYS_ioctl, any_of(requests?)?);
    #[cfg(target_arch = "x86_64")]
    for (call, refused) in rules.clone() {
        rules.insert(call | X32, refused);
    }
    let missing = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    SeccompFilter::new(rules, SeccompAction::Allow, missing, std::env::consts::ARCH.try_into()?)?.try_into()
}

fn condition(argument: u8, compare: SeccompCmpOp, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    // The kernel looks at 32 bits of these arguments; what stands above them must not hide a value from the filter.
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compare, value)
}

/// The filter as bytes: the kernel's `struct sock_filter`, one after the other.
pub(super) fn bytes() -> Result<Vec<u8>, LaunchFailure> {
    let lines = program()?.iter().map(|line| {
        let mut bytes = [0; 8];
        bytes[..2].copy_from_slice(&line.code.to_ne_bytes());
        (bytes[2], bytes[3]) = (line.jt, line.jf);
        bytes[4..].copy_from_slice(&line.k.to_ne_bytes());
        bytes
    });
    Ok(lines.flatten().collect())
}
