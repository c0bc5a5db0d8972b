//! Calling a harness plugin.

use std::sync::{Arc, Weak};

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
    /// The version on trial in whose place it was opened.
    instead_of: Option<Version>,
    store: Store<PluginState>,
    guest: Guest,
    session: ResourceAny,
    poisoned: bool,
}

/// A version of a plugin, to be told from others.
#[derive(Clone)]
pub struct Version(Weak<Loaded>);

impl Version {
    fn is(&self, loaded: &Arc<Loaded>) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(loaded))
    }
}

/// Calls a function of the newest version, and where that breaks on trial, the same of the version before: they are
/// functions of their arguments, and so nobody is the worse.
macro_rules! call {
    ($self:ident, $name:literal, |$guest:ident, $store:ident| $call:expr) => {{
        let mut loaded = $self.slot.loaded()?;
        loop {
            let mut $store = $self.slot.store(&loaded, None, true);
            let traces = $store.data().traces();
            let work = async {
                $store.data_mut().begin_call(Some(0));
                let $guest = instantiate(&loaded, &mut $store).await?;
                let $store: &mut Store<PluginState> = &mut $store;
                $call.await
            };
            match $self.slot.guard($name, &loaded, &traces, work).await {
                Ok(answer) => break answer,
                Err(failure) => loaded = $self.slot.instead_of(&loaded).ok_or(failure)?,
            }
        }
    }};
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
        let about = call!(self, "describe", |guest, store| guest.sandboxed_harness_driver().call_describe(store));
        Ok(about.into())
    }

    /// How the process is started for a turn.
    ///
    /// # Errors
    /// When the turn cannot be started so.
    pub async fn plan_launch(&self, start: &Start) -> Result<LaunchPlan, Failure> {
        let start = driver::Start::from(start);
        let answer = call!(self, "plan-launch", |guest, store| {
            guest.sandboxed_harness_driver().call_plan_launch(store, &start)
        });
        self.slot.refused(answer).map(Into::into)
    }

    /// How what the harness needs is installed on such a machine; nothing where it needs nothing.
    ///
    /// # Errors
    /// When it does not run there, or the plugin's configuration is wrong.
    pub async fn plan_install(&self, target: &Target) -> Result<Option<InstallPlan>, Failure> {
        let target = target.into();
        let answer = call!(self, "plan-install", |guest, store| {
            guest.sandboxed_harness_installer().call_plan_install(store, &target)
        });
        Ok(self.slot.refused(answer)?.map(Into::into))
    }

    /// Opens the conversation in the turn of this start: a new one, or the one that `saved` came from. Where the version on
    /// trial does not take it up and the one before does, it is opened by that.
    ///
    /// # Errors
    /// When the plugin cannot take it up.
    pub async fn open_session(&self, start: &Start, saved: Option<&[u8]>) -> Result<Session, Failure> {
        let newest = self.slot.loaded()?;
        let (failure, refused) = match self.open(&newest, start, saved).await {
            Ok(Ok(session)) => return Ok(session),
            Ok(Err(refusal)) => (refusal, true),
            Err(trap) => (trap, false),
        };
        let Some(before) = self.slot.instead_of(&newest) else { return Err(failure) };
        match self.open(&before, start, saved).await {
            Ok(Ok(session)) => {
                if refused {
                    let why = format!("it does not take up what the version before does: {}", failure.message);
                    self.slot.roll_back(&newest, &why);
                }
                Ok(Session { instead_of: Some(Version(Arc::downgrade(&newest))), ..session })
            }
            // It is not the version's fault.
            Ok(Err(_)) | Err(_) => Err(failure),
        }
    }

    /// The same after `broken` trapped: where that is still on trial, the version before goes on in its place.
    ///
    /// # Errors
    /// When the plugin cannot take it up.
    pub async fn open_session_after(
        &self,
        broken: &Version,
        start: &Start,
        saved: Option<&[u8]>,
    ) -> Result<Session, Failure> {
        let newest = self.slot.loaded()?;
        match self.slot.instead_of(&newest).filter(|_| broken.is(&newest)) {
            Some(before) => {
                let session = self.open(&before, start, saved).await??;
                Ok(Session { instead_of: Some(broken.clone()), ..session })
            }
            None => self.open_session(start, saved).await,
        }
    }

    /// Fails where the version traps, and answers with a failure where it refuses.
    async fn open(
        &self,
        loaded: &Arc<Loaded>,
        start: &Start,
        saved: Option<&[u8]>,
    ) -> Result<Result<Session, Failure>, Failure> {
        let mut store = self.slot.store(loaded, None, true);
        let traces = store.data().traces();
        let start = driver::Start::from(start);
        let work = async {
            store.data_mut().begin_call(Some(0));
            let guest = instantiate(loaded, &mut store).await?;
            let opened = guest.sandboxed_harness_driver().session().call_open(&mut store, &start, saved).await?;
            Ok((guest, opened))
        };
        let (guest, opened) = self.slot.guard("session.open", loaded, &traces, work).await?;
        let (slot, loaded) = (Arc::clone(&self.slot), Arc::clone(loaded));
        let opened = self.slot.refused(opened);
        Ok(opened.map(|session| Session { slot, loaded, instead_of: None, store, guest, session, poisoned: false }))
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
        let Self { slot, loaded, store, guest, session, .. } = self;
        let work = async {
            store.data_mut().begin_call(u64::try_from(now.as_millis()).ok());
            let driver = guest.sandboxed_harness_driver();
            let answer = driver.session().call_step(&mut *store, *session, convert::millis(now), &input).await?;
            let saved = driver.session().call_save(&mut *store, *session).await?;
            Ok((answer, saved))
        };
        let guarded = slot.guard("session.step", loaded, &traces, work).await;
        self.poisoned |= guarded.is_err();
        let (answer, saved) = guarded?;
        if saved.len() > MAX_SAVED {
            // It has taken a step that cannot be stored.
            self.poisoned = true;
            let message = format!("a session wants {} bytes remembered, and may {MAX_SAVED}", saved.len());
            return Err(self.slot.breach(&self.loaded, message));
        }
        Ok((self.slot.refused(answer)?.into(), saved))
    }

    /// Whether a trap ended its instance.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// The version it was opened with.
    pub fn version(&self) -> Version {
        Version(Arc::downgrade(&self.loaded))
    }

    /// The version on trial in whose place it was opened, which did not take the conversation up.
    pub fn instead_of(&self) -> Option<&Version> {
        self.instead_of.as_ref()
    }

    /// Whether its version is on trial.
    pub fn is_on_trial(&self) -> bool {
        self.slot.is_on_trial(&self.loaded)
    }

    /// Whether another version of the plugin should go on with it by now.
    pub fn is_stale(&self) -> bool {
        let current = self.slot.current.load();
        !current.as_ref().is_some_and(|current| {
            Arc::ptr_eq(current, &self.loaded) || self.instead_of.as_ref().is_some_and(|version| version.is(current))
        })
    }
}
