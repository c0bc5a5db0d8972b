//! Processes that carry a run's mark. No process group holds them, but their environment, which they inherit, does.

use std::{fs, thread, time::Duration};

use rustix::process::{Pid, Signal, kill_process};

/// Looks after which it is given up: the server looks again, and stops the container if need be.
const LOOKS: u32 = 200;

/// Kills them, and returns when two looks in a row found none: a child that is born behind the look and whose parent dies
/// before it is seen by the next.
pub(super) fn kill(mark: &[u8]) {
    let mut clean = 0;
    for _ in 0..LOOKS {
        if send(mark, Signal::KILL) == 0 {
            clean += 1;
        } else {
            clean = 0;
            thread::sleep(Duration::from_millis(1));
        }
        if clean == 2 {
            return;
        }
    }
}

/// Sends a signal to each of them, and tells how many there were.
pub(super) fn send(mark: &[u8], signal: Signal) -> usize {
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let marked = |number: &i32| {
        let environment = fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable == mark)
    };
    let found: Vec<Pid> = numbers.filter(marked).filter_map(Pid::from_raw).collect();
    for &process in &found {
        // One that has gone meanwhile is as good as killed.
        let _ = kill_process(process, signal);
    }
    found.len()
}

/// The variable that they carry.
pub(super) fn variable(name: &str, mark: &str) -> Vec<u8> {
    format!("{name}={mark}").into_bytes()
}
