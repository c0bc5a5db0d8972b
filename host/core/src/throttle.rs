//! Slowing down whoever guesses passwords.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Attempts that may fail in a row before each further one has to wait.
const FREE_FAILURES: u32 = 5;
/// The wait after the first failure too many; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// Failures are forgotten after so long without another.
const MEMORY: Duration = Duration::from_secs(30 * 60);
/// Names and addresses that are remembered at most; over that the oldest go, so that a flood of names costs nothing.
const MAX_ENTRIES: usize = 10_000;

/// Failed attempts by name and by address.
#[derive(Default)]
pub(crate) struct LoginThrottle {
    failures: Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    by_name: HashMap<String, Streak>,
    by_address: HashMap<IpAddr, Streak>,
}

#[derive(Clone, Copy)]
struct Streak {
    failures: u32,
    last: Instant,
}

impl LoginThrottle {
    /// How long an attempt has to wait; zero when it may be made.
    pub(crate) fn wait(&self, name: &str, from: IpAddr) -> Duration {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let by_name = failures.by_name.get(name).map_or(Duration::ZERO, Streak::wait);
        let by_address = failures.by_address.get(&from).map_or(Duration::ZERO, Streak::wait);
        by_name.max(by_address)
    }

    /// Notes that an attempt begins, as a failure until it is known to have succeeded: so that attempts made at the
    /// same time count as well.
    pub(crate) fn attempt(&self, name: &str, from: IpAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut failures.by_name, name.to_owned());
        note(&mut failures.by_address, from);
    }

    /// Notes that an attempt succeeded.
    pub(crate) fn succeeded(&self, name: &str, from: IpAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.by_name.remove(name);
        failures.by_address.remove(&from);
    }
}

fn note<K: Hash + Eq + Clone>(streaks: &mut HashMap<K, Streak>, key: K) {
    if streaks.len() >= MAX_ENTRIES && !streaks.contains_key(&key) {
        streaks.retain(|_, streak| streak.last.elapsed() < MEMORY);
        if streaks.len() >= MAX_ENTRIES
            && let Some(oldest) = streaks.iter().min_by_key(|(_, streak)| streak.last).map(|(key, _)| key.clone())
        {
            streaks.remove(&oldest);
        }
    }
    let streak = streaks.entry(key).or_insert(Streak { failures: 0, last: Instant::now() });
    if streak.last.elapsed() >= MEMORY {
        streak.failures = 0;
    }
    streak.failures = streak.failures.saturating_add(1);
    streak.last = Instant::now();
}

impl Streak {
    fn wait(&self) -> Duration {
        if self.failures < FREE_FAILURES || self.last.elapsed() >= MEMORY {
            return Duration::ZERO;
        }
        let doublings = (self.failures - FREE_FAILURES).min(16);
        let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
        wait.saturating_sub(self.last.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[tokio::test(start_paused = true)]
    async fn after_five_failures_the_waits_double() {
        let throttle = LoginThrottle::default();
        for _ in 0..4 {
            throttle.attempt("admin", HOME);
        }
        assert_eq!(throttle.wait("admin", HOME), Duration::ZERO);
        throttle.attempt("admin", HOME);
        assert_eq!(throttle.wait("admin", HOME), Duration::from_secs(2));
        throttle.attempt("admin", HOME);
        assert_eq!(throttle.wait("admin", HOME), Duration::from_secs(4));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(throttle.wait("admin", HOME), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn neither_many_addresses_nor_many_names_help_who_guesses() {
        let throttle = LoginThrottle::default();
        for _ in 0..6 {
            throttle.attempt("admin", HOME);
        }
        assert!(throttle.wait("admin", AWAY) > Duration::ZERO, "another address may guess on");
        assert!(throttle.wait("other", HOME) > Duration::ZERO, "another name may be guessed");
        assert_eq!(throttle.wait("other", AWAY), Duration::ZERO, "a bystander has to wait");
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_wipes_the_slate() {
        let throttle = LoginThrottle::default();
        for _ in 0..6 {
            throttle.attempt("admin", HOME);
        }
        throttle.succeeded("admin", HOME);
        assert_eq!(throttle.wait("admin", HOME), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_names_is_bounded() {
        let throttle = LoginThrottle::default();
        for number in 0..MAX_ENTRIES + 50 {
            throttle.attempt(&number.to_string(), HOME);
        }
        assert!(throttle.failures.lock().unwrap().by_name.len() <= MAX_ENTRIES);
    }
}
