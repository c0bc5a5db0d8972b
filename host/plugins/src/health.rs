//! Whether a plugin may be called, after what it did lately.

use std::{collections::VecDeque, time::Duration};

use sandboxed_model::{Blame, Failure, plugin::PluginHealth};
use tokio::time::Instant;

/// Traps within [`WINDOW`] after which a plugin is quarantined.
const STRIKES: usize = 3;
const WINDOW: Duration = Duration::from_secs(60);
const FIRST_QUARANTINE: Duration = Duration::from_secs(1);
const LONGEST_QUARANTINE: Duration = Duration::from_secs(300);

/// What is remembered of a plugin's traps.
#[derive(Debug, Default)]
pub(crate) struct Health {
    strikes: VecDeque<Instant>,
    quarantined_until: Option<Instant>,
    quarantines: u32,
    reason: Option<Failure>,
}

impl Health {
    /// Refuses a call during quarantine.
    pub(crate) fn admit(&mut self) -> Result<(), Failure> {
        let Some(until) = self.quarantined_until else { return Ok(()) };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            self.quarantined_until = None;
            return Ok(());
        }
        let why = self.reason.as_ref().map_or("it trapped", |reason| reason.message.as_str());
        let mut failure = Failure::new(
            Blame::Plugin,
            "plugin.quarantined",
            format!("it is out of service for {} s after repeated traps: {why}", left.as_secs() + 1),
        )
        .with_hint("mend the plugin and load it anew with `sandboxed-sh plugin reload`");
        failure.retry_after_ms = u32::try_from(left.as_millis()).ok();
        Err(failure)
    }

    /// A call trapped, ran out of time or of memory.
    pub(crate) fn strike(&mut self, failure: &Failure) {
        let now = Instant::now();
        self.reason = Some(failure.clone());
        self.strikes.push_back(now);
        while self.strikes.front().is_some_and(|strike| now.duration_since(*strike) > WINDOW) {
            self.strikes.pop_front();
        }
        if self.strikes.len() >= STRIKES {
            let quarantine = FIRST_QUARANTINE.saturating_mul(1 << self.quarantines.min(16)).min(LONGEST_QUARANTINE);
            self.quarantined_until = Some(now + quarantine);
            self.quarantines += 1;
            // One more trap after the quarantine is enough for the next.
            self.strikes.pop_front();
        }
    }

    /// How it is now, and why.
    pub(crate) fn present(&self) -> (PluginHealth, Option<Failure>) {
        let now = Instant::now();
        if self.quarantined_until.is_some_and(|until| until > now) {
            return (PluginHealth::Quarantined, self.reason.clone());
        }
        match self.strikes.back() {
            Some(last) if now.duration_since(*last) <= WINDOW => (PluginHealth::Degraded, self.reason.clone()),
            _ => (PluginHealth::Ready, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trap() -> Failure {
        Failure::new(Blame::Plugin, "plugin.trap", "boom")
    }

    #[tokio::test(start_paused = true)]
    async fn the_third_trap_within_a_minute_takes_a_plugin_out_of_service_for_a_while() {
        let mut health = Health::default();
        health.strike(&trap());
        health.strike(&trap());
        assert_eq!(health.present().0, PluginHealth::Degraded);
        assert!(health.admit().is_ok());
        health.strike(&trap());
        let refusal = health.admit().unwrap_err();
        assert_eq!((refusal.code.as_str(), refusal.retry_after_ms), ("plugin.quarantined", Some(1000)));
        assert!(refusal.message.contains("boom"), "{refusal}");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(health.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_plugin_that_goes_on_trapping_is_out_longer_each_time() {
        let mut health = Health::default();
        for _ in 0..3 {
            health.strike(&trap());
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        health.strike(&trap());
        assert_eq!(health.admit().unwrap_err().retry_after_ms, Some(2000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_minute_makes_a_plugin_well_again() {
        let mut health = Health::default();
        health.strike(&trap());
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(health.present(), (PluginHealth::Ready, None));
        health.strike(&trap());
        health.strike(&trap());
        assert!(health.admit().is_ok(), "traps of long ago still count");
    }
}
