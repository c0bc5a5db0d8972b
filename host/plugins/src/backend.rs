//! Calling a backend plugin.

use std::sync::Arc;

use sandboxed_model::{
    Failure, PluginId,
    backend::{BackendAbout, BackendSpec, Launch, Leader, Observed, Requirement, RootPlan, RootSource},
    command::Command,
    container::ImagePlan,
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

/// Instantiates the plugin and calls one function of its interface, perhaps about a workspace.
macro_rules! call {
    ($self:ident, $name:literal, |$guest:ident, $store:ident| $call:expr) => {
        call!($self, $name, None, |$guest, $store| $call)
    };
    ($self:ident, $name:literal, $subject:expr, |$guest:ident, $store:ident| $call:expr) => {{
        let loaded = $self.slot.loaded()?;
        let Pre::Backend(pre) = &loaded.pre else { return Err($self.slot.breach(&loaded, "it is no backend")) };
        let mut $store = $self.slot.store(&loaded, None, false);
        $store.data_mut().subject = $subject;
        let traces = $store.data().traces();
        let work = async {
            $store.data_mut().begin_call(None);
            let instance: Guest = pre.instantiate_async(&mut $store).await?;
            let $guest = instance.sandboxed_backend_lifecycle();
            let $store: &mut Store<PluginState> = &mut $store;
            $call.await
        };
        $self.slot.guard($name, &loaded, &traces, work).await?
    }};
}

impl Backend {
    pub(crate) fn new(slot: Arc<Slot>) -> Self {
        Self { slot }
    }

    /// Its name.
    pub fn id(&self) -> PluginId {
        self.slot.config.load().id.clone()
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

    /// What a workspace's root file system begins with.
    ///
    /// # Errors
    /// When the options ask for what there is not.
    pub async fn plan_root(&self, options: &str) -> Result<Option<RootPlan>, Failure> {
        let answer = call!(self, "plan-root", |guest, store| guest.call_plan_root(store, options));
        Ok(self.slot.refused(answer)?.map(Into::into))
    }

    /// How that is made in the directory `target`.
    ///
    /// # Errors
    /// When the machine lacks what it takes.
    pub async fn make_root(&self, options: &str, target: &str) -> Result<RootSource, Failure> {
        let answer = call!(self, "make-root", |guest, store| guest.call_make_root(store, options, target));
        self.slot.refused(answer).map(Into::into)
    }

    /// What a workspace's container is made from. Whether the plugin may use it is for the caller to see.
    ///
    /// # Errors
    /// When the options ask for what there is not.
    pub async fn plan_image(&self, options: &str) -> Result<Option<ImagePlan>, Failure> {
        let answer = call!(self, "plan-image", |guest, store| guest.call_plan_image(store, options));
        let plan = self.slot.refused(answer)?;
        Ok(plan.map(|plan| ImagePlan { engine: plan.engine, image: plan.image.into() }))
    }

    /// Makes a workspace ready.
    ///
    /// # Errors
    /// When it cannot be made ready.
    pub async fn ensure(&self, spec: &BackendSpec) -> Result<Observed, Failure> {
        let (subject, spec) = (Some(spec.clone()), lifecycle::Spec::from(spec));
        let answer = call!(self, "ensure", subject, |guest, store| guest.call_ensure(store, &spec));
        self.slot.refused(answer).map(Into::into)
    }

    /// Looks at a workspace.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn observe(&self, spec: &BackendSpec) -> Result<Observed, Failure> {
        let (subject, spec) = (Some(spec.clone()), lifecycle::Spec::from(spec));
        let answer = call!(self, "observe", subject, |guest, store| guest.call_observe(store, &spec));
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

    /// Whose namespaces a workspace's processes join.
    ///
    /// # Errors
    /// When it cannot be said.
    pub async fn lead(&self, spec: &BackendSpec, observed: &Observed) -> Result<Leader, Failure> {
        let (subject, spec) = (Some(spec.clone()), lifecycle::Spec::from(spec));
        let observed = lifecycle::Observed::from(observed);
        let answer = call!(self, "lead", subject, |guest, store| guest.call_lead(store, &spec, &observed));
        self.slot.refused(answer).map(Into::into)
    }

    /// Keeps what the backend itself holds of a workspace, and returns what `fork` and `forget` have to know.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub async fn snapshot(&self, spec: &BackendSpec, observed: &Observed, snapshot: &str) -> Result<String, Failure> {
        let (subject, spec) = (Some(spec.clone()), lifecycle::Spec::from(spec));
        let observed = lifecycle::Observed::from(observed);
        let answer =
            call!(self, "snapshot", subject, |guest, store| guest.call_snapshot(store, &spec, &observed, snapshot));
        self.slot.refused(answer)
    }

    /// Prepares a new workspace from what was kept.
    ///
    /// # Errors
    /// When it cannot be prepared.
    pub async fn fork(&self, spec: &BackendSpec, kept: &str) -> Result<(), Failure> {
        let (subject, spec) = (Some(spec.clone()), lifecycle::Spec::from(spec));
        let answer = call!(self, "fork", subject, |guest, store| guest.call_fork(store, &spec, kept));
        self.slot.refused(answer)
    }

    /// Removes what was kept.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub async fn forget(&self, kept: &str) -> Result<(), Failure> {
        let answer = call!(self, "forget", |guest, store| guest.call_forget(store, kept));
        self.slot.refused(answer)
    }

    /// Rewrites a command for the inside into one that the host can start.
    ///
    /// # Errors
    /// When no process may enter so.
    pub async fn enter(&self, spec: &BackendSpec, observed: &Observed, command: &Command) -> Result<Launch, Failure> {
        let (subject, spec) = (Some(spec.clone()), lifecycle::Spec::from(spec));
        let observed = lifecycle::Observed::from(observed);
        let command = command.clone().into();
        let answer = call!(self, "enter", subject, |guest, store| guest.call_enter(store, &spec, &observed, &command));
        self.slot.refused(answer).map(Into::into)
    }

    /// Ends what the backend itself runs for a workspace.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn stop(&self, spec: &BackendSpec, grace_ms: u32) -> Result<(), Failure> {
        let (subject, spec) = (Some(spec.clone()), lifecycle::Spec::from(spec));
        let answer = call!(self, "stop", subject, |guest, store| guest.call_stop(store, &spec, grace_ms));
        self.slot.refused(answer)
    }

    /// Removes what the backend keeps for a workspace.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub async fn destroy(&self, spec: &BackendSpec) -> Result<(), Failure> {
        let (subject, spec) = (Some(spec.clone()), lifecycle::Spec::from(spec));
        let answer = call!(self, "destroy", subject, |guest, store| guest.call_destroy(store, &spec));
        self.slot.refused(answer)
    }
}
