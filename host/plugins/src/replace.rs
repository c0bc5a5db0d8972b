//! Putting a plugin's new file in the place of the version in use, and going back.

use std::{collections::HashSet, sync::Arc};

use sandboxed_model::{Blame, Failure, plugin::PluginVersion};

use crate::{
    call::Slot,
    load::{self, File, Loaded},
    registry::Shared,
    trial::Standing,
    versions::{Record, Trying},
};

/// Why a plugin's file is looked at.
pub(crate) enum Occasion {
    /// The server starts, and this trial was under way when a former one ended.
    Start(Option<(String, Trying)>),
    /// Something changed in its directory.
    Change,
    /// A person wants it.
    Command,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The version that was in use still is.
    Unchanged,
    /// The file's version is in use.
    Replaced,
}

impl Shared {
    /// Loads a plugin when the server starts: the file's version, and where that is new or bad, the one before as well.
    pub(crate) async fn start(self: &Arc<Self>, slot: &Arc<Slot>) -> Result<(), Failure> {
        let _loading = self.loading.lock().await;
        let (shared, id) = (Arc::clone(self), slot.id());
        let record = blocking(move || Ok(shared.versions.record(&id))).await?;
        let file = self.file(slot).await;
        let Some(record) = record else { return self.take(slot, file, Occasion::Start(None)).await.map(drop) };
        *slot.standing() = Standing::of_record(&record);
        let Record { current, before, trial, .. } = record;
        let proven = if trial.is_some() { before.as_ref() } else { Some(&current) };
        let is_file = |kept: &&PluginVersion| file.as_ref().is_ok_and(|file| file.digest == kept.digest);
        if let Some(proven) = proven.filter(|proven| !is_file(proven)) {
            match self.kept(slot, &proven.digest).await {
                Ok(kept) => slot.put(kept, None),
                Err(failure) => tracing::warn!(plugin = %slot.id(), %failure, "the version before cannot be used"),
            }
        }
        let resumed = trial.map(|trying| (current.digest.clone(), trying));
        let taken = self.take(slot, file, Occasion::Start(resumed)).await;
        let is_current = slot.current.load().as_ref().is_some_and(|loaded| loaded.digest == current.digest);
        if trial.is_none() && is_current {
            slot.standing().set_former(before);
        }
        taken.map(drop)
    }

    /// Loads the present file of a plugin. Where it cannot be loaded, the version in use stays in use.
    pub(crate) async fn load(self: &Arc<Self>, slot: &Arc<Slot>, occasion: Occasion) -> Result<Outcome, Failure> {
        let _loading = self.loading.lock().await;
        let file = self.file(slot).await;
        let outcome = self.take(slot, file, occasion).await?;
        self.prune().await;
        Ok(outcome)
    }

    async fn file(self: &Arc<Self>, slot: &Arc<Slot>) -> Result<File, Failure> {
        let (shared, config) = (Arc::clone(self), slot.config.load_full());
        blocking(move || File::read(&config.component, &shared.directories)).await
    }

    /// Puts a file's version in use, unless it is there already or known to be bad.
    async fn take(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        file: Result<File, Failure>,
        occasion: Occasion,
    ) -> Result<Outcome, Failure> {
        let file = file.map_err(|failure| slot.refuse(None, failure))?;
        let digest = file.digest.clone();
        let in_use = slot.current.load_full();
        let known = slot.standing().known_bad(&digest).cloned();
        let resumed = match (occasion, known) {
            (Occasion::Command, _) => {
                slot.standing().forgive(&digest);
                None
            }
            (Occasion::Start(_), Some(failure)) => return Err(slot.refuse(Some(digest), failure)),
            (Occasion::Change, Some(failure)) => {
                slot.refuse(Some(digest), failure);
                return Ok(Outcome::Unchanged);
            }
            (Occasion::Change, None) if in_use.as_ref().is_some_and(|in_use| in_use.digest == digest) => {
                slot.is_well_again();
                return Ok(Outcome::Unchanged);
            }
            (Occasion::Start(resumed), None) => resumed.filter(|(tried, _)| *tried == digest).map(|(_, trying)| trying),
            (Occasion::Change, None) => None,
        };
        let prepared = self.prepared(slot, file, in_use.is_some()).await;
        slot.put(prepared.map_err(|failure| slot.refuse(Some(digest), failure))?, resumed);
        written(slot).await?;
        Ok(Outcome::Replaced)
    }

    /// A version that is kept.
    async fn kept(self: &Arc<Self>, slot: &Arc<Slot>, digest: &str) -> Result<Loaded, Failure> {
        let (shared, config, digest) = (Arc::clone(self), slot.config.load_full(), digest.to_owned());
        let loaded = blocking(move || {
            let file = shared.versions.component(&digest).ok_or_else(|| {
                Failure::new(Blame::Host, "plugin.version_missing", "the version before is not kept any more")
            })?;
            load::load(&shared.engine, &shared.cache, &config, &file)
        });
        loaded.await.map_err(|failure| failure.in_plugin(slot.id()))
    }

    /// Makes a file into a version that can be put in use, and keeps it. One that is to replace another is made an
    /// instance of first: what breaks then takes nobody's place.
    async fn prepared(self: &Arc<Self>, slot: &Arc<Slot>, file: File, replaces: bool) -> Result<Loaded, Failure> {
        let (shared, config) = (Arc::clone(self), slot.config.load_full());
        let loaded = blocking(move || {
            let loaded = load::load(&shared.engine, &shared.cache, &config, &file)?;
            if let Err(error) = shared.versions.keep_component(&file) {
                tracing::warn!(plugin = %config.id, %error, "a version is not kept, and cannot be gone back to");
            }
            Ok(loaded)
        });
        let loaded = loaded.await?;
        if replaces {
            slot.instantiate(&loaded).await?;
        }
        Ok(loaded)
    }

    /// Removes versions that no plugin uses or can go back to.
    pub(crate) async fn prune(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let pruned = blocking(move || {
            // Of one that could not be loaded at all, what a former server knew counts.
            let record = |slot: &Arc<Slot>| slot.record().or_else(|| shared.versions.record(&slot.id()));
            let records = shared.slots().iter().filter_map(record);
            let kept = records.flat_map(|record| [Some(record.current), record.before]).flatten();
            let kept: HashSet<String> = kept.map(|version| version.digest).collect();
            if let Err(error) = shared.versions.prune(&kept) {
                tracing::warn!(%error, "versions that nobody uses could not be removed");
            }
            Ok(())
        });
        // It is done again after the next change.
        let _ = pruned.await;
    }

    /// Puts the version before in use, by the will of a person. The one that was in use is not tried again by itself.
    pub(crate) async fn roll_back(self: &Arc<Self>, slot: &Arc<Slot>) -> Result<(), Failure> {
        let _loading = self.loading.lock().await;
        let none = || {
            Failure::new(Blame::Config, "plugin.nothing_before", "there is no version before the one in use")
                .in_plugin(slot.id())
        };
        let Some(current) = slot.current.load_full() else { return Err(none()) };
        if slot.is_on_trial(&current) {
            slot.roll_back(&current, "a person wanted it");
            return Ok(());
        }
        let former = slot.standing().former().cloned().ok_or_else(none)?;
        let before = self.kept(slot, &former.digest).await?;
        slot.go_back(slot.standing(), &current, Arc::new(before), "a person wanted it");
        Ok(())
    }
}

/// Sees to it that how a plugin's versions stand is written down.
pub(crate) async fn written(slot: &Arc<Slot>) -> Result<(), Failure> {
    let slot = Arc::clone(slot);
    blocking(move || {
        slot.write_record();
        Ok(())
    })
    .await
}

/// Does what takes a core for a while, or a disk, apart from the runtime's threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Failure::new(Blame::Host, "plugin.load_failed", error.to_string())))
}
