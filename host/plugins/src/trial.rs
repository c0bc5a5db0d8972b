//! How the versions of one plugin stand: a new one is on trial for a while, and the one before takes its place again
//! where it proves bad.

use std::{
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use metrics::counter;
use sandboxed_model::{
    Blame, Failure, Timestamp,
    plugin::{PluginTrial, PluginVersion},
};

use crate::{
    call::Slot,
    load::Loaded,
    ports::VersionChange,
    versions::{Bad, Record, Trying},
};

/// Bad versions that are remembered of one plugin; the oldest are forgotten.
const MAX_BAD: usize = 8;

/// What is known of a plugin's versions besides the one in use.
#[derive(Default)]
pub(crate) struct Standing {
    /// The version in use is on trial.
    trial: Option<Trial>,
    /// What came before the version in use, which is not on trial.
    former: Option<PluginVersion>,
    bad: Vec<Bad>,
    /// Why the newest file is not in use.
    refused: Option<Refusal>,
}

/// A trial of the version in use.
struct Trial {
    /// What takes its place where it proves bad.
    before: Arc<Loaded>,
    trying: Trying,
}

/// A file that is not in use.
struct Refusal {
    /// Absent where it cannot be read.
    digest: Option<String>,
    failure: Failure,
}

impl Standing {
    /// What a former server knew. A trial is taken up when its version is put in use.
    pub(crate) fn of_record(record: &Record) -> Self {
        Self { bad: record.bad.clone(), ..Self::default() }
    }

    pub(crate) fn refusal(&self) -> Option<&Failure> {
        self.refused.as_ref().map(|refused| &refused.failure)
    }

    /// Why a file is not tried again: it was refused or rolled back.
    pub(crate) fn known_bad(&self, digest: &str) -> Option<&Failure> {
        let refused = self.refused.as_ref().filter(|refused| refused.digest.as_deref() == Some(digest));
        let bad = self.bad.iter().find(|bad| bad.digest == digest);
        bad.map(|bad| &bad.why).or(refused.map(|refused| &refused.failure))
    }

    /// A person wants this version tried again.
    pub(crate) fn forgive(&mut self, digest: &str) {
        self.bad.retain(|bad| bad.digest != digest);
    }

    pub(crate) fn former(&self) -> Option<&PluginVersion> {
        self.former.as_ref()
    }

    pub(crate) fn set_former(&mut self, former: Option<PluginVersion>) {
        self.former = former;
    }

    /// The version before the one in use.
    pub(crate) fn before(&self) -> Option<PluginVersion> {
        self.trial.as_ref().map(|trial| trial.before.kept()).or_else(|| self.former.clone())
    }

    pub(crate) fn shown_trial(&self, traps_allowed: u32) -> Option<PluginTrial> {
        let Trying { since, until, traps } = self.trial.as_ref()?.trying;
        Some(PluginTrial { since, until, traps, traps_allowed })
    }
}

impl Slot {
    pub(crate) fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the versions stand, for the next start; nothing where none was ever loaded.
    pub(crate) fn record(&self) -> Option<Record> {
        let standing = self.standing();
        let current = self.current.load().as_ref()?.kept();
        let trial = standing.trial.as_ref().map(|trial| trial.trying);
        Some(Record { current, before: standing.before(), trial, bad: standing.bad.clone() })
    }

    /// Puts a version in use. Where another was in use, it is on trial: from now on, or as it was when a former server
    /// ended.
    pub(crate) fn put(&self, loaded: Loaded, resumed: Option<Trying>) {
        let new = Arc::new(loaded);
        let now = Timestamp::now();
        let mut standing = self.standing();
        let old = self.current.swap(Some(Arc::clone(&new)));
        standing.refused = None;
        let Some(old) = old.filter(|old| old.digest != new.digest) else { return };
        // What was on trial itself is nothing to go back to.
        let before = standing.trial.take().map_or(old, |trial| trial.before);
        standing.former = None;
        if before.digest == new.digest {
            return;
        }
        let fresh = || Trying { since: now, until: now.after(self.upgrades.trial.0), traps: 0 };
        let trying = resumed.unwrap_or_else(fresh);
        if trying.until <= now {
            standing.former = Some(before.kept());
            return;
        }
        standing.trial = Some(Trial { before, trying });
        drop(standing);
        tracing::info!(plugin = %self.id(), version = new.name(), until = %trying.until, "a new version is on trial");
        if resumed.is_none() {
            counter!("sandboxed_plugin_versions_total", "plugin" => self.id().to_string(), "outcome" => "trial")
                .increment(1);
            self.journal(VersionChange::Trial, &new);
        }
        self.end_trial_in_time(new.digest.clone());
    }

    /// Notes why the newest file is not used.
    pub(crate) fn refuse(&self, digest: Option<String>, failure: Failure) -> Failure {
        let failure = failure.in_plugin(self.id());
        self.standing().refused = Some(Refusal { digest, failure: failure.clone() });
        failure
    }

    /// The version in use is the file's: nothing is refused any more.
    pub(crate) fn is_well_again(&self) {
        self.standing().refused = None;
    }

    /// A call of this version trapped, ran out of time or of memory, or broke its contract.
    pub(crate) fn strike(&self, version: &Loaded, failure: &Failure) {
        let mut standing = self.standing();
        if standing.bad.iter().any(|bad| bad.digest == version.digest) {
            // A call that began before it was rolled back.
            return;
        }
        let in_use = self.current.load().as_ref().is_some_and(|current| current.digest == version.digest);
        let Some(trial) = standing.trial.as_mut().filter(|_| in_use && failure.blame != Blame::Unavailable) else {
            drop(standing);
            self.count_trap(failure);
            return;
        };
        trial.trying.traps += 1;
        let traps = trial.trying.traps;
        if traps > self.upgrades.traps {
            let before = Arc::clone(&trial.before);
            let why = format!("{traps} calls of it broke on trial, the last so: {}", failure.message);
            self.go_back(standing, version, before, &why);
        } else {
            drop(standing);
            self.keep_record();
        }
    }

    /// The version that takes a call over which this one could not do, if there is one.
    pub(crate) fn instead_of(&self, version: &Loaded) -> Option<Arc<Loaded>> {
        let standing = self.standing();
        let current = self.current.load_full()?;
        match &standing.trial {
            Some(trial) if current.digest == version.digest => Some(Arc::clone(&trial.before)),
            _ => {
                let rolled_back = standing.bad.iter().any(|bad| bad.digest == version.digest);
                (rolled_back && current.digest != version.digest).then_some(current)
            }
        }
    }

    /// Whether this version is the one in use and on trial.
    pub(crate) fn is_on_trial(&self, version: &Loaded) -> bool {
        let standing = self.standing();
        standing.trial.is_some() && self.current.load().as_ref().is_some_and(|current| current.digest == version.digest)
    }

    /// Takes a version that is on trial out of use, for what it did.
    pub(crate) fn roll_back(&self, version: &Loaded, why: &str) {
        let standing = self.standing();
        let in_use = self.current.load().as_ref().is_some_and(|current| current.digest == version.digest);
        if let Some(before) = standing.trial.as_ref().filter(|_| in_use).map(|trial| Arc::clone(&trial.before)) {
            self.go_back(standing, version, before, why);
        }
    }

    /// Puts the version before in the place of a bad one.
    pub(crate) fn go_back(&self, mut standing: MutexGuard<'_, Standing>, bad: &Loaded, before: Arc<Loaded>, why: &str) {
        let message = format!("version {} was rolled back to {}: {why}", bad.name(), before.name());
        let hint = format!(
            "a new file is tried by itself, and `sandboxed-sh plugin reload {}` tries this one again",
            self.id()
        );
        let why = Failure::new(Blame::Plugin, "plugin.rolled_back", message).with_hint(hint).in_plugin(self.id());
        self.current.store(Some(before));
        standing.trial = None;
        standing.former = None;
        standing.forgive(&bad.digest);
        standing.bad.push(Bad { digest: bad.digest.clone(), why: why.clone() });
        if standing.bad.len() > MAX_BAD {
            standing.bad.remove(0);
        }
        standing.refused = Some(Refusal { digest: Some(bad.digest.clone()), failure: why.clone() });
        drop(standing);
        self.forget_traps();
        counter!("sandboxed_plugin_versions_total", "plugin" => self.id().to_string(), "outcome" => "rolled_back")
            .increment(1);
        tracing::error!(plugin = %self.id(), failure = %why, "a version was rolled back");
        self.keep_record();
        self.journal(VersionChange::RolledBack, bad);
    }

    /// The version in use has proved itself. False where it is not on trial, or another is in use.
    pub(crate) fn accept(&self, digest: &str) -> bool {
        let mut standing = self.standing();
        let Some(current) = self.current.load_full().filter(|current| current.digest == digest) else { return false };
        let Some(trial) = standing.trial.take() else { return false };
        standing.former = Some(trial.before.kept());
        drop(standing);
        counter!("sandboxed_plugin_versions_total", "plugin" => self.id().to_string(), "outcome" => "kept")
            .increment(1);
        tracing::info!(plugin = %self.id(), version = current.name(), "a version has ended its trial");
        self.keep_record();
        self.journal(VersionChange::Kept, &current);
        true
    }

    /// Writes down how the versions stand, apart from the runtime's threads.
    pub(crate) fn keep_record(&self) {
        let Some(slot) = self.me.upgrade() else { return };
        tokio::task::spawn_blocking(move || slot.write_record());
    }

    /// The same at once. Blocks.
    pub(crate) fn write_record(&self) {
        // Whoever writes last writes what is newest.
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(record) = self.record() else { return };
        if let Err(error) = self.versions.keep_record(&self.id(), &record) {
            tracing::warn!(plugin = %self.id(), %error, "how a plugin's versions stand could not be written down");
        }
    }

    fn end_trial_in_time(&self, digest: String) {
        let slot = self.me.clone();
        tokio::spawn(async move {
            // The clock that the end was told by may be set anew meanwhile.
            while let Some(left) = slot.upgrade().and_then(|slot| slot.trial_left(&digest)) {
                if left.is_zero() {
                    if let Some(slot) = slot.upgrade() {
                        slot.accept(&digest);
                    }
                    return;
                }
                tokio::time::sleep(left).await;
            }
        });
    }

    /// How long this version is still on trial.
    fn trial_left(&self, digest: &str) -> Option<Duration> {
        let standing = self.standing();
        self.current.load().as_ref().filter(|current| current.digest == digest)?;
        let until = standing.trial.as_ref()?.trying.until;
        let left = until.as_millis().saturating_sub(Timestamp::now().as_millis());
        Some(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
    }
}
