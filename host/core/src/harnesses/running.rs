//! Installations that are under way: one for each harness, however many wait for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sandboxed_install::{Check, Installations, Installed, Plan};
use sandboxed_model::{
    Failure, PluginId,
    install::{InstallActivity, InstallProgress},
};
use tokio::sync::{oneshot, watch};

/// How an installation ended.
type Outcome = Result<Installed, Failure>;

/// The installations of this server.
#[derive(Default)]
pub(crate) struct Running(Mutex<HashMap<PluginId, Slot>>);

#[derive(Default)]
struct Slot {
    under_way: Option<UnderWay>,
    /// Why the last one failed.
    failed: Option<Failure>,
}

struct UnderWay {
    waiting: Waiting,
    /// Cancels it; absent where somebody has.
    cancel: Option<oneshot::Sender<()>>,
}

/// One who waits for an installation.
#[derive(Clone)]
pub(crate) struct Waiting {
    progress: watch::Receiver<InstallProgress>,
    outcome: watch::Receiver<Option<Outcome>>,
}

impl Waiting {
    /// Waits for its end, and hears how far it is meanwhile.
    pub(crate) async fn outcome(mut self, told: impl Fn(&InstallProgress)) -> Outcome {
        loop {
            tokio::select! {
                biased;
                ended = self.outcome.wait_for(Option::is_some) => {
                    let ended = ended.ok().and_then(|outcome| outcome.clone());
                    return ended.unwrap_or_else(|| Err(sandboxed_install::cancelled()));
                }
                Ok(()) = self.progress.changed() => told(&self.progress.borrow_and_update()),
            }
        }
    }
}

impl Running {
    /// Begins an installation, or joins the one of this harness that is under way. It goes on when nobody waits for it.
    pub(crate) fn begin(
        self: &Arc<Self>,
        installations: &Arc<Installations>,
        plugin: &PluginId,
        plan: Plan,
        check: impl Check + Send + 'static,
    ) -> Waiting {
        let mut slots = self.slots();
        let slot = slots.entry(plugin.clone()).or_default();
        // One whose sender is gone without an outcome broke.
        if let Some(under_way) = slot.under_way.as_ref().filter(|one| one.waiting.outcome.has_changed().is_ok()) {
            return under_way.waiting.clone();
        }
        let (tell, progress) = watch::channel(InstallProgress {
            step: 0,
            steps: 0,
            activity: InstallActivity::Waiting,
            subject: String::new(),
            done: 0,
            total: None,
        });
        let (end, outcome) = watch::channel(None);
        let (cancel, cancelled) = oneshot::channel::<()>();
        let waiting = Waiting { progress, outcome };
        *slot = Slot { under_way: Some(UnderWay { waiting: waiting.clone(), cancel: Some(cancel) }), failed: None };
        let (running, installations, plugin) = (Arc::clone(self), Arc::clone(installations), plugin.clone());
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = installations.install(&plugin, &plan, &check, tell) => ended,
                // Whoever is told so finds it in this state.
                _ = cancelled => Err(sandboxed_install::cancelled()),
            };
            let failed = ended.as_ref().err().cloned();
            if let Some(failure) = &failed {
                tracing::warn!(%plugin, %failure, "an agent's program was not installed");
            }
            running.slots().insert(plugin, Slot { under_way: None, failed });
            end.send_replace(Some(ended));
        });
        waiting
    }

    /// Cancels the one that is under way. Returns the one who waits for its end, if there is one.
    pub(crate) fn cancel(&self, plugin: &PluginId) -> Option<Waiting> {
        let mut slots = self.slots();
        let under_way = slots.get_mut(plugin)?.under_way.as_mut()?;
        // Its place stays taken until it has ended.
        drop(under_way.cancel.take());
        Some(under_way.waiting.clone())
    }

    /// How far the one is that is under way.
    pub(crate) fn progress(&self, plugin: &PluginId) -> Option<InstallProgress> {
        let slots = self.slots();
        Some(slots.get(plugin)?.under_way.as_ref()?.waiting.progress.borrow().clone())
    }

    /// Why the last one failed.
    pub(crate) fn failed(&self, plugin: &PluginId) -> Option<Failure> {
        self.slots().get(plugin)?.failed.clone()
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<PluginId, Slot>> {
        // Each change is one assignment, so a panic leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
