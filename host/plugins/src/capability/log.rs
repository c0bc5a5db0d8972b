//! `log`: diagnostics for the operator.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    bindings::host::log::{Host, Level},
    state::PluginState,
};

/// Bytes of one record.
const MAX_RECORD: usize = 4096;
/// Records of one plugin in one second.
const MAX_PER_SECOND: u32 = 100;

/// Counts the records of one plugin, over all its instances.
#[derive(Default)]
pub(crate) struct LogGate(Mutex<Option<Second>>);

struct Second {
    begun: Instant,
    records: u32,
    dropped: u64,
}

impl LogGate {
    /// Whether a record may be written, and how many were dropped since the last that was.
    fn admit(&self) -> (bool, u64) {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let second = second.get_or_insert(Second { begun: now, records: 0, dropped: 0 });
        if now.duration_since(second.begun) >= Duration::from_secs(1) {
            second.begun = now;
            second.records = 0;
        }
        if second.records >= MAX_PER_SECOND {
            second.dropped += 1;
            return (false, 0);
        }
        second.records += 1;
        (true, std::mem::take(&mut second.dropped))
    }
}

impl Host for PluginState {
    async fn emit(&mut self, level: Level, message: String, fields: Vec<(String, String)>) -> wasmtime::Result<()> {
        self.count_host_call()?;
        let (admitted, dropped) = self.log.admit();
        let plugin = self.plugin.as_str();
        if dropped > 0 {
            tracing::warn!(plugin, dropped, "the plugin logs too much; records were dropped");
        }
        if !admitted {
            return Ok(());
        }
        let mut text = clean(&message, MAX_RECORD);
        for (name, value) in fields {
            if text.len() >= MAX_RECORD {
                break;
            }
            text.push_str(&format!(" {}={}", clean(&name, 64), clean(&value, MAX_RECORD - text.len())));
        }
        match level {
            Level::Trace => tracing::trace!(plugin, "{text}"),
            Level::Debug => tracing::debug!(plugin, "{text}"),
            Level::Info => tracing::info!(plugin, "{text}"),
            Level::Warn => tracing::warn!(plugin, "{text}"),
            Level::Error => tracing::error!(plugin, "{text}"),
        }
        Ok(())
    }
}

/// The text on one line, without anything that a terminal would act on.
fn clean(text: &str, max: usize) -> String {
    let mut clean = String::new();
    for c in text.chars() {
        if clean.len() + c.len_utf8() > max {
            clean.push('…');
            break;
        }
        clean.push(if c.is_control() { ' ' } else { c });
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_records_is_cut_and_counted() {
        let gate = LogGate::default();
        assert_eq!((0..1000).filter(|_| gate.admit().0).count(), 100);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(gate.admit(), (true, 900));
        assert_eq!(gate.admit(), (true, 0));
    }

    #[test]
    fn a_record_is_one_short_line() {
        assert_eq!(clean("a\n\u{1b}[31mb", 100), "a  [31mb");
        assert!(clean(&"ä".repeat(10_000), MAX_RECORD).len() <= MAX_RECORD + 3);
    }
}
