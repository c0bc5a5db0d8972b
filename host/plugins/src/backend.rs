//! Calling a backend plugin.

use std::sync::Arc;

use sandboxed_model::{
    Failure,
    backend::{BackendAbout, BackendSpec, Launch, Observed, Requirement},
    command::Command,
};
use wasmtime::Store;

use crate::{
    bindings::{backend::Backend as Guest, backend::exports::sandboxed::backend::lifecycle},
    call::Slot,
    load::Pre,
    state::PluginState,
};

/// A backend plugin. Each call runs in an instance of its own.
#[derive(Clone)]
pub struct Backend {
    slot: Arc<Slot>,
}

/// Instantiates the plugin and calls one function of its interface.
macro_rules! call {
    ($self:ident, $name:literal, |$guest:ident, $store:ident| $call:expr) => {{
        let loaded = $self.slot.loaded()?;
        let Pre::Backend(pre) = &loaded.pre else { return Err($self.slot.breach("it is no backend")) };
        let mut $store = $self.slot.store(&loaded, None, false);
        let traces = $store.data().traces();
        let work = async {
            $store.data_mut().begin_call(None);
            let instance: Guest = pre.instantiate_async(&mut $store).await?;
            let $guest = instance.sandboxed_backend_lifecycle();
            let $store: &mut Store<PluginState> = &mut $store;
            $call.await
        };
        $self.slot.guard($name, &traces, work).await?
    }};
}

impl Backend {
    pub(crate) fn new(slot: Arc<Slot>) -> Self {
        Self { slot }
    }

    /// What this backend is.
    ///
    /// # Errors
    /// This and all calls fail with the plugin's own failure, or with one that says how the plugin broke.
    pub async fn describe(&self) -> Result<BackendAbout, Failure> {
        Ok(call!(self, "describe", |guest, store| guest.call_describe(store)).into())
    }

    /// What it needs on this machine.
    ///
    /// # Errors
    /// When the probe itself could not be carried out.
    pub async fn probe(&self) -> Result<Vec<Requirement>, Failure> {
        let answer = call!(self, "probe", |guest, store| guest.call_probe(store));
        Ok(self.slot.refused(answer)?.into_iter().map(Into::into).collect())
    }

    /// Makes a workspace ready.
    ///
    /// # Errors
    /// When it cannot be made ready.
    pub async fn ensure(&self, spec: &BackendSpec) -> Result<Observed, Failure> {
        let spec = lifecycle::Spec::from(spec);
        let answer = call!(self, "ensure", |guest, store| guest.call_ensure(store, &spec));
        self.slot.refused(answer).map(Into::into)
    }

    /// Looks at a workspace.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn observe(&self, spec: &BackendSpec) -> Result<Observed, Failure> {
        let spec = lifecycle::Spec::from(spec);
        let answer = call!(self, "observe", |guest, store| guest.call_observe(store, &spec));
        self.slot.refused(answer).map(Into::into)
    }

    /// Workspaces of which the backend keeps anything outside the data directory.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn list_owned(&self) -> Result<Vec<String>, Failure> {
        let answer = call!(self, "list-owned", |guest, store| guest.call_list_owned(store));
        self.slot.refused(answer)
    }

    /// Rewrites a command for the inside into one that the host can start.
    ///
    /// # Errors
    /// When no process may enter so.
    pub async fn enter(&self, spec: &BackendSpec, observed: &Observed, command: &Command) -> Result<Launch, Failure> {
        let spec = lifecycle::Spec::from(spec);
        let observed = lifecycle::Observed::from(observed);
        let command = command.clone().into();
        let answer = call!(self, "enter", |guest, store| guest.call_enter(store, &spec, &observed, &command));
        self.slot.refused(answer).map(Into::into)
    }

    /// Ends what the backend itself runs for a workspace.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn stop(&self, spec: &BackendSpec, grace_ms: u32) -> Result<(), Failure> {
        let spec = lifecycle::Spec::from(spec);
        let answer = call!(self, "stop", |guest, store| guest.call_stop(store, &spec, grace_ms));
        self.slot.refused(answer)
    }

    /// Removes what the backend keeps for a workspace.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub async fn destroy(&self, spec: &BackendSpec) -> Result<(), Failure> {
        let spec = lifecycle::Spec::from(spec);
        let answer = call!(self, "destroy", |guest, store| guest.call_destroy(store, &spec));
        self.slot.refused(answer)
    }
}
