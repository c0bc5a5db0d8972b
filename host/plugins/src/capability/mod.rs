//! What the host lends: one file an interface. Each function counts the call, checks the grant's values and asks a
//! port.

mod config;
mod containers;
mod fetch;
mod kv;
pub(crate) mod log;
mod progress;
mod run;
mod secrets;
mod workspace_files;
mod workspace_run;

use wasmtime::component::{HasSelf, Linker};

use crate::{bindings::host, component::Interface, state::PluginState};

/// Puts an interface within the reach of a component.
pub(crate) fn link(linker: &mut Linker<PluginState>, interface: Interface) -> wasmtime::Result<()> {
    type Own = HasSelf<PluginState>;
    match interface {
        Interface::Log => host::log::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Config => host::config::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Kv => host::kv::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Secrets => host::secrets::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Fetch => host::fetch::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Run => host::run::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Progress => host::progress::add_to_linker::<_, Own>(linker, |state| state),
        Interface::Containers => host::containers::add_to_linker::<_, Own>(linker, |state| state),
        Interface::WorkspaceFiles => host::workspace_files::add_to_linker::<_, Own>(linker, |state| state),
        Interface::WorkspaceRun => host::workspace_run::add_to_linker::<_, Own>(linker, |state| state),
    }
}

/// Puts the data types of the contracts within reach: they hold no functions.
pub(crate) fn link_types(linker: &mut Linker<PluginState>) -> wasmtime::Result<()> {
    host::failures::add_to_linker::<_, HasSelf<PluginState>>(linker, |state| state)?;
    host::commands::add_to_linker::<_, HasSelf<PluginState>>(linker, |state| state)
}

impl host::failures::Host for PluginState {}
impl host::commands::Host for PluginState {}
