//! Calling a harness plugin.

use std::sync::Arc;

use sandboxed_model::{
    Failure, Timestamp,
    harness::{HarnessAbout, Input, LaunchPlan, Start, StepResult},
    install::{InstallPlan, Target},
};
use wasmtime::{Store, component::ResourceAny};

use crate::{
    bindings::harness::{Harness as Guest, exports::sandboxed::harness::driver},
    call::Slot,
    convert,
    load::{Loaded, Pre},
    state::PluginState,
};

/// Bytes that a session may want remembered.
const MAX_SAVED: usize = 64 << 10;

/// A harness plugin.
#[derive(Clone)]
pub struct Harness {
    slot: Arc<Slot>,
}

/// One mission's conversation, in an instance of its own. It stays with the version it was opened with.
pub struct Session {
    slot: Arc<Slot>,
    loaded: Arc<Loaded>,
    store: Store<PluginState>,
    guest: Guest,
    session: ResourceAny,
    poisoned: bool,
}

impl Harness {
    pub(crate) fn new(slot: Arc<Slot>) -> Self {
        Self { slot }
    }

    /// What this harness is.
    ///
    /// # Errors
    /// This and all calls fail with the plugin's own failure, or with one that says how the plugin broke.
    pub async fn describe(&self) -> Result<HarnessAbout, Failure> {
        let (mut store, pre) = self.instance()?;
        let traces = store.data().traces();
        let work = async {
            store.data_mut().begin_call(Some(0));
            let guest = instantiate(&pre, &mut store).await?;
            guest.sandboxed_harness_driver().call_describe(&mut store).await
        };
        Ok(self.slot.guard("describe", &traces, work).await?.into())
    }

    /// How the process is started for a turn.
    ///
    /// # Errors
    /// When the turn cannot be started so.
    pub async fn plan_launch(&self, start: &Start) -> Result<LaunchPlan, Failure> {
        let (mut store, pre) = self.instance()?;
        let traces = store.data().traces();
        let start = driver::Start::from(start);
        let work = async {
            store.data_mut().begin_call(Some(0));
            let guest = instantiate(&pre, &mut store).await?;
            guest.sandboxed_harness_driver().call_plan_launch(&mut store, &start).await
        };
        let answer = self.slot.guard("plan-launch", &traces, work).await?;
        self.slot.refused(answer).map(Into::into)
    }

    /// How what the harness needs is installed on such a machine; nothing where it needs nothing.
    ///
    /// # Errors
    /// When it does not run there, or the plugin's configuration is wrong.
    pub async fn plan_install(&self, target: &Target) -> Result<Option<InstallPlan>, Failure> {
        let (mut store, pre) = self.instance()?;
        let traces = store.data().traces();
        let target = target.into();
        let work = async {
            store.data_mut().begin_call(Some(0));
            let guest = instantiate(&pre, &mut store).await?;
            guest.sandboxed_harness_installer().call_plan_install(&mut store, &target).await
        };
        let answer = self.slot.guard("plan-install", &traces, work).await?;
        Ok(self.slot.refused(answer)?.map(Into::into))
    }

    /// Opens the conversation in the turn of this start: a new one, or the one that `saved` came from.
    ///
    /// # Errors
    /// When the plugin cannot take it up.
    pub async fn open_session(&self, start: &Start, saved: Option<&[u8]>) -> Result<Session, Failure> {
        let (mut store, loaded) = self.instance()?;
        let traces = store.data().traces();
        let start = driver::Start::from(start);
        let work = async {
            store.data_mut().begin_call(Some(0));
            let guest = instantiate(&loaded, &mut store).await?;
            let opened = guest.sandboxed_harness_driver().session().call_open(&mut store, &start, saved).await?;
            Ok((guest, opened))
        };
        let (guest, opened) = self.slot.guard("session.open", &traces, work).await?;
        let session = self.slot.refused(opened)?;
        Ok(Session { slot: Arc::clone(&self.slot), loaded, store, guest, session, poisoned: false })
    }

    fn instance(&self) -> Result<(Store<PluginState>, Arc<Loaded>), Failure> {
        let loaded = self.slot.loaded()?;
        Ok((self.slot.store(&loaded, None, true), loaded))
    }
}

async fn instantiate(loaded: &Loaded, store: &mut Store<PluginState>) -> wasmtime::Result<Guest> {
    match &loaded.pre {
        Pre::Harness(pre) => pre.instantiate_async(store).await,
        Pre::Backend(_) | Pre::Tools(_) => Err(wasmtime::Error::msg("it is no harness")),
    }
}

impl Session {
    /// Tells the session something and returns what follows, with what it wants remembered.
    ///
    /// # Errors
    /// When the plugin fails. After a trap the session is poisoned: open another from what was saved last.
    pub async fn step(&mut self, now: Timestamp, input: Input) -> Result<(StepResult, Vec<u8>), Failure> {
        let input = driver::Input::from(input);
        let traces = self.store.data().traces();
        let Self { slot, store, guest, session, .. } = self;
        let work = async {
            store.data_mut().begin_call(u64::try_from(now.as_millis()).ok());
            let driver = guest.sandboxed_harness_driver();
            let answer = driver.session().call_step(&mut *store, *session, convert::millis(now), &input).await?;
            let saved = driver.session().call_save(&mut *store, *session).await?;
            Ok((answer, saved))
        };
        let guarded = slot.guard("session.step", &traces, work).await;
        self.poisoned |= guarded.is_err();
        let (answer, saved) = guarded?;
        if saved.len() > MAX_SAVED {
            // It has taken a step that cannot be stored.
            self.poisoned = true;
            let message = format!("a session wants {} bytes remembered, and may {MAX_SAVED}", saved.len());
            return Err(self.slot.breach(message));
        }
        Ok((self.slot.refused(answer)?.into(), saved))
    }

    /// Whether a trap ended its instance.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// Whether another version of the plugin is in use by now.
    pub fn is_stale(&self) -> bool {
        !self.slot.current.load().as_ref().is_some_and(|current| Arc::ptr_eq(current, &self.loaded))
    }
}
