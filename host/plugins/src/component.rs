//! What a component exports and imports, and what that means.

use sandboxed_model::{
    Blame, Failure, PluginId,
    grant::{FileAccess, Grants},
    plugin::{PluginImport, PluginKind},
};
use wasmtime::{Engine, component::Component};

/// The release of the contracts that this host has. Patch releases are compatible.
const CONTRACT: (&str, &str) = ("0.1.", "0.1.0");

/// An interface that the host lends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interface {
    Log,
    Config,
    Kv,
    Secrets,
    Fetch,
    Run,
    Progress,
    Containers,
    WorkspaceFiles,
    WorkspaceRun,
}

impl Interface {
    pub(crate) const ALL: [Self; 10] = [
        Self::Log,
        Self::Config,
        Self::Kv,
        Self::Secrets,
        Self::Fetch,
        Self::Run,
        Self::Progress,
        Self::Containers,
        Self::WorkspaceFiles,
        Self::WorkspaceRun,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Config => "config",
            Self::Kv => "kv",
            Self::Secrets => "secrets",
            Self::Fetch => "fetch",
            Self::Run => "run",
            Self::Progress => "progress",
            Self::Containers => "containers",
            Self::WorkspaceFiles => "workspace-files",
            Self::WorkspaceRun => "workspace-run",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::Log => "write to the server's log",
            Self::Config => "read its own settings",
            Self::Kv => "keep a small state of its own",
            Self::Secrets => "tell whether certain secrets are set",
            Self::Fetch => "send HTTP requests to certain hosts",
            Self::Run => "run certain programs on the server's machine",
            Self::Progress => "tell how far a long call has come",
            Self::Containers => "have the workspaces' containers made and removed by certain engines",
            Self::WorkspaceFiles => "use the files of the caller's workspace",
            Self::WorkspaceRun => "run programs in the caller's workspace",
        }
    }

    /// The line that grants it, with a place to fill in where it takes values.
    const fn grant(self) -> Option<&'static str> {
        match self {
            Self::Config => None,
            Self::Log => Some("grants.log = true"),
            Self::Kv => Some("grants.kv = true"),
            Self::Secrets => Some("grants.secrets = [\"NAME\"]"),
            Self::Fetch => Some("grants.fetch = [\"HOST:443\"]"),
            Self::Run => Some("grants.run = [\"PROGRAM\"]"),
            Self::Progress => Some("grants.progress = true"),
            Self::Containers => Some("grants.containers = [\"/run/docker.sock\"]"),
            Self::WorkspaceFiles => Some("grants.workspace_files = \"read\""),
            Self::WorkspaceRun => Some("grants.workspace_run = true"),
        }
    }

    pub(crate) fn is_granted(self, grants: &Grants) -> bool {
        match self {
            Self::Config => true,
            Self::Log => grants.log,
            Self::Kv => grants.kv,
            Self::Secrets => !grants.secrets.is_empty(),
            Self::Fetch => !grants.fetch.is_empty(),
            Self::Run => !grants.run.is_empty(),
            Self::Progress => grants.progress,
            Self::Containers => !grants.containers.is_empty(),
            Self::WorkspaceFiles => grants.workspace_files >= Some(FileAccess::Read),
            Self::WorkspaceRun => grants.workspace_run,
        }
    }

    /// Whether a plugin of this kind may ever have it. The worlds of the contracts say so as well.
    const fn suits(self, kind: PluginKind) -> bool {
        match (self, kind) {
            (Self::Log | Self::Config, _) => true,
            (_, PluginKind::Harness) => false,
            (Self::WorkspaceFiles | Self::WorkspaceRun, PluginKind::Backend) => false,
            (Self::Run | Self::Containers, PluginKind::Tools) => false,
            _ => true,
        }
    }
}

/// What a component is.
pub(crate) struct Shape {
    pub(crate) kind: PluginKind,
    pub(crate) interfaces: Vec<Interface>,
    imports: Vec<String>,
}

impl Shape {
    /// Tells from a component's type what it is, and refuses what this host cannot serve.
    pub(crate) fn of(engine: &Engine, component: &Component) -> Result<Self, Failure> {
        let ty = component.component_type();
        let exports: Vec<String> = ty.exports(engine).map(|(name, _)| name.to_owned()).collect();
        let imports: Vec<String> = ty.imports(engine).map(|(name, _)| name.to_owned()).collect();
        let kind = kind_of(&exports)?;
        let mut interfaces = Vec::new();
        for import in &imports {
            interfaces.extend(interface_of(import, kind)?);
        }
        Ok(Self { kind, interfaces, imports })
    }

    /// Refuses the component if it imports what was not granted.
    pub(crate) fn check(&self, id: &PluginId, grants: &Grants) -> Result<(), Failure> {
        let Some(interface) = self.interfaces.iter().find(|interface| !interface.is_granted(grants)) else {
            return Ok(());
        };
        let line = interface.grant().unwrap_or_default();
        Err(Failure::new(
            Blame::Denied,
            "plugin.import_not_granted",
            format!(
                "it imports sandboxed:host/{} (to {}), which was not granted",
                interface.name(),
                interface.meaning()
            ),
        )
        .with_hint(format!("add to the [[plugin]] table with id = \"{id}\": {line}")))
    }

    /// What it imports, for people.
    pub(crate) fn describe(&self, grants: &Grants) -> Vec<PluginImport> {
        let lent = self.interfaces.iter().map(|interface| PluginImport {
            interface: format!("sandboxed:host/{}@{}", interface.name(), CONTRACT.1),
            meaning: interface.meaning().to_owned(),
            grant: interface.grant().map(str::to_owned),
            granted: interface.is_granted(grants),
        });
        let system = self.imports.iter().filter(|import| import.starts_with("wasi:")).map(|import| PluginImport {
            interface: import.clone(),
            meaning: "part of its language's runtime; holds nothing".to_owned(),
            grant: None,
            granted: true,
        });
        lent.chain(system).collect()
    }
}

fn kind_of(exports: &[String]) -> Result<PluginKind, Failure> {
    let contracts = [
        (PluginKind::Backend, "sandboxed:backend/lifecycle@"),
        (PluginKind::Harness, "sandboxed:harness/driver@"),
        (PluginKind::Tools, "sandboxed:tools/handler@"),
    ];
    for (kind, contract) in contracts {
        if let Some(version) = exports.iter().find_map(|export| export.strip_prefix(contract)) {
            check_version(&format!("{contract}{version}"), version)?;
            return Ok(kind);
        }
    }
    let found = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
    Err(Failure::new(
        Blame::Plugin,
        "plugin.wrong_world",
        format!("it exports {found}, and no interface of a backend, a harness or tools"),
    )
    .with_hint("build it with one of the sdk's export macros"))
}

fn interface_of(import: &str, kind: PluginKind) -> Result<Option<Interface>, Failure> {
    if import.starts_with("wasi:") && !import.starts_with("wasi:http/") {
        return Ok(None);
    }
    let (name, version) = import.rsplit_once('@').unwrap_or((import, ""));
    if name.starts_with("sandboxed:types/") {
        check_version(import, version)?;
        return Ok(None);
    }
    let known = name
        .strip_prefix("sandboxed:host/")
        .and_then(|name| Interface::ALL.into_iter().find(|interface| interface.name() == name));
    let Some(interface) = known else {
        return Err(Failure::new(
            Blame::Plugin,
            "plugin.import_unknown",
            format!("it imports {import}, which this host does not offer"),
        ));
    };
    check_version(import, version)?;
    if !interface.suits(kind) {
        return Err(Failure::new(
            Blame::Denied,
            "plugin.import_not_allowed",
            format!("it imports {import}, which no plugin of kind {kind} may have"),
        ));
    }
    Ok(Some(interface))
}

fn check_version(interface: &str, version: &str) -> Result<(), Failure> {
    if version.starts_with(CONTRACT.0) {
        return Ok(());
    }
    Err(Failure::new(
        Blame::Plugin,
        "plugin.wrong_version",
        format!("it was built for {interface}, and this host has {}", CONTRACT.1),
    )
    .with_hint("rebuild it with the sdk of this release"))
}
