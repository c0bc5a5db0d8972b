//! `progress`: how far a long call has come.

use std::time::Duration;

use tokio::time::Instant;

use crate::{bindings::host::progress::Host, state::PluginState};

/// The least time between two reports that are passed on.
const INTERVAL: Duration = Duration::from_millis(100);

impl Host for PluginState {
    async fn report(&mut self, done: f64, total: Option<f64>, message: String) -> wasmtime::Result<()> {
        self.count_host_call()?;
        if self.last_progress.is_some_and(|last| last.elapsed() < INTERVAL) {
            return Ok(());
        }
        self.last_progress = Some(Instant::now());
        let message: String = message.chars().filter(|c| !c.is_control()).take(200).collect();
        tracing::info!(plugin = self.plugin.as_str(), done, total, message, "progress");
        Ok(())
    }

    async fn cancelled(&mut self) -> wasmtime::Result<bool> {
        self.count_host_call()?;
        // A caller that went away takes its call with it: whoever can still ask was not cancelled, but may be late.
        Ok(self.time_for(0).is_zero())
    }
}
