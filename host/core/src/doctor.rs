//! Trying what the server needs on this machine.

use std::{collections::BTreeSet, time::Duration};

use sandboxed_exec::{Containment, ContainmentKind, Guard, Network, PathRules, ShortSpec};
use sandboxed_model::{
    Blame, Failure, PluginId, Timestamp, UserId, WorkspaceId,
    account::AccountHealth,
    backend::WorkspacePhase,
    doctor::{Check, CheckStatus, DoctorReport},
    plugin::{PluginHealth, PluginInfo, PluginKind},
    recipe::Recipe,
    workspace::{NetworkMode, NetworkPolicy, NetworkVia, Workspace, WorkspaceLayers, WorkspaceLimits},
};

use crate::{Orchestrator, Result, adopt::Mismatch, services::Services, tailscale};

/// Free space below which the data directory is too full to go on with.
const LITTLE_SPACE: u64 = 1 << 30;

impl Orchestrator {
    /// Tries what the server needs on this machine and says how it came out.
    ///
    /// # Errors
    /// None today: what does not work is part of the report.
    pub async fn doctor(&self) -> Result<DoctorReport> {
        let mut checks = vec![self.check_store().await, self.check_space().await, check_containment().await];
        checks.push(self.check_vault().await);
        checks.push(self.check_accounts().await);
        checks.push(self.check_workspaces().await);
        checks.extend(self.check_isolation().await);
        for plugin in self.plugins() {
            checks.push(check_plugin(&plugin));
            if plugin.kind == PluginKind::Backend && plugin.health != PluginHealth::Disabled {
                checks.extend(self.check_backend(&plugin).await);
            }
        }
        checks.extend(self.check_leftovers().await);
        Ok(DoctorReport { version: env!("CARGO_PKG_VERSION").to_owned(), checks })
    }

    async fn check_store(&self) -> Check {
        match self.ready().await {
            Ok(()) => ok("store", "the database answers"),
            Err(error) => failed("store", "the database does not answer", error.failure()),
        }
    }

    /// Whether the vault's key is kept apart from what it seals, and its secrets can be read.
    async fn check_vault(&self) -> Check {
        let vault = &self.services.vault;
        let damaged = vault.damaged();
        if !damaged.is_empty() {
            let message = format!("these secrets cannot be read: {}", damaged.join(", "));
            let failure = Failure::new(Blame::Config, "vault.damaged", message.clone())
                .with_hint("set them anew: sandboxed-sh secret set NAME");
            return failed("vault", &message, failure);
        }
        let (detail, beside) = vault.key_place(self.services.paths.root());
        match beside {
            false => ok("vault", &detail),
            true => {
                let hint = "keep the key elsewhere: [vault] key in sandboxed.toml, and move the file there; then a copy of the data \
                            directory opens nothing";
                less("vault", "vault.key_beside", &detail, hint)
            }
        }
    }

    /// Whether agents can ask models: whether there is an account, and each can be used.
    async fn check_accounts(&self) -> Check {
        let accounts = match self.accounts().await {
            Ok(accounts) => accounts,
            Err(error) => return failed("models", "the accounts cannot be read", error.failure()),
        };
        let enabled: Vec<_> = accounts.iter().filter(|account| account.enabled).collect();
        if enabled.is_empty() {
            return ok("models", "no account at a provider: agents that need a model find none");
        }
        let refused = enabled.iter().filter_map(|account| match &account.health {
            AccountHealth::Refused { .. } => Some(account.name.to_string()),
            _ => None,
        });
        let refused: Vec<String> = refused.collect();
        match refused.is_empty() {
            true => ok("models", &format!("{} accounts at providers", enabled.len())),
            false => {
                let detail = format!("the provider refused what these accounts show: {}", refused.join(", "));
                less("models", "account.refused", &detail, "give another key: sandboxed-sh provider key NAME")
            }
        }
    }

    /// Whether the workspaces that the store knows are those on the disk.
    async fn check_workspaces(&self) -> Check {
        let Mismatch { unknown, gone } = match self.services.compare_with_disk(false).await {
            Ok(mismatch) => mismatch,
            Err(error) => return failed("workspaces", "they could not be compared with the disk", error.failure()),
        };
        if unknown.is_empty() && gone.is_empty() {
            return ok("workspaces", "each has its directory, and no directory is without one");
        }
        let names: Vec<String> = unknown.iter().map(ToString::to_string).collect();
        let detail = match (gone.is_empty(), names.is_empty()) {
            (false, true) => format!("the directory is gone of {}", gone.join(", ")),
            (true, _) => format!("these directories belong to no workspace: {}", names.join(", ")),
            (false, false) => {
                format!("the directory is gone of {}; of no workspace are {}", gone.join(", "), names.join(", "))
            }
        };
        let directory = self.services.paths.workspaces();
        let hint = format!(
            "directories that are not wanted any more: rm -r {}/ID; workspaces without one: `sandboxed-sh workspaces delete`",
            directory.display()
        );
        less("workspaces", "workspaces.mismatch", &detail, &hint)
    }

    async fn check_space(&self) -> Check {
        let root = self.services.paths.root().to_owned();
        let found = tokio::task::spawn_blocking(move || nix::sys::statvfs::statvfs(&root)).await;
        match found {
            Ok(Ok(space)) => {
                // The types differ between platforms; on 64-bit Linux both are u64 already.
                #[allow(clippy::useless_conversion)]
                let free = u64::from(space.blocks_available()) * u64::from(space.fragment_size());
                let detail = format!("{} MiB free in the data directory", free >> 20);
                if free >= LITTLE_SPACE {
                    return ok("disk", &detail);
                }
                let failure = Failure::new(Blame::Unavailable, "disk.little_space", detail.clone())
                    .with_hint("free some space, or move server.data_dir to a larger file system");
                Check { status: CheckStatus::Warning, ..failed("disk", &detail, failure) }
            }
            Ok(Err(error)) => {
                let failure = Failure::new(Blame::Host, "disk.unknown", error.to_string());
                failed("disk", "the free space could not be told", failure)
            }
            Err(error) => {
                let failure = Failure::new(Blame::Host, "disk.unknown", error.to_string());
                failed("disk", "the free space could not be told", failure)
            }
        }
    }

    async fn check_backend(&self, plugin: &PluginInfo) -> Vec<Check> {
        let name = format!("backend {}", plugin.id);
        let probed = match self.services.plugins.backend(&plugin.id) {
            Ok(backend) => backend.probe().await,
            Err(failure) => Err(failure),
        };
        let requirements = match probed {
            Ok(requirements) => requirements,
            Err(failure) => return vec![failed(&name, "it could not be probed", failure)],
        };
        // What no workspace takes by default may be missing.
        let needed = plugin.id == self.services.config.missions.default_backend;
        let missing = |check: Check, optional: bool| match needed && !optional {
            true => check,
            false => Check { status: CheckStatus::Warning, ..check },
        };
        let complete = requirements.iter().all(|requirement| requirement.missing.is_none() || requirement.optional);
        let mut checks: Vec<Check> = requirements
            .into_iter()
            .map(|requirement| {
                let name = format!("{name}: {}", requirement.name);
                match requirement.missing {
                    None => ok(&name, "it is there"),
                    Some(failure) => missing(failed(&name, &failure.message.clone(), failure), requirement.optional),
                }
            })
            .collect();
        if complete {
            let name = format!("{name}: a workspace");
            checks.push(match self.services.try_backend(&plugin.id).await {
                Ok(Tried::Made) => ok(&name, "it was made, entered and removed"),
                Ok(Tried::Planned(title)) => ok(
                    &name,
                    &format!("the first that is made begins with the making of its root file system: {title}"),
                ),
                Err(error) => {
                    let failure = error.failure();
                    failed(&name, &failure.message.clone(), failure)
                }
            });
        }
        checks
    }

    /// What workspaces of every backend have of the server.
    async fn check_isolation(&self) -> Vec<Check> {
        let isolation = &self.services.isolation;
        let users = match isolation.users() {
            Some(users) => {
                ok("users", &format!("each workspace gets a user of its own, {} to {}", users.first, users.last))
            }
            None => less(
                "users",
                "isolation.users",
                "workspaces run as the server's own user",
                "start the server as root, with CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID",
            ),
        };
        let limits = match isolation.unlimited() {
            unlimited if unlimited.is_empty() => ok("limits", "memory, processors and processes can be limited"),
            unlimited => {
                let reasons: BTreeSet<&str> = unlimited.values().map(String::as_str).collect();
                let reasons: Vec<&str> = reasons.into_iter().collect();
                less(
                    "limits",
                    "isolation.limits",
                    &format!("not everything can be limited: {}", reasons.join("; ")),
                    "start the server as root, or delegate control groups to it (systemd: Delegate=yes)",
                )
            }
        };
        let network = match own_network().await {
            Ok(()) => ok("network", "workspaces can have a network of their own"),
            Err(error) => failed("network", "workspaces cannot have a network of their own", error.failure()),
        };
        let enforced = tokio::task::spawn_blocking(PathRules::are_enforced_here).await.unwrap_or(false);
        let landlock = match enforced {
            true => ok("landlock", "the kernel enforces rules for files"),
            false => less(
                "landlock",
                "isolation.landlock",
                "the kernel enforces no rules for files, which the backend host relies on",
                "use a kernel of 5.13 or newer that is started with landlock in its list of security modules (lsm=)",
            ),
        };
        let mut checks = vec![users, limits, network, landlock, self.check_roots().await];
        checks.extend(self.check_tailscale().await);
        checks
    }

    /// The way into a tailnet; only where the operator has named one.
    async fn check_tailscale(&self) -> Vec<Check> {
        let config = &self.services.config.tailscale;
        if config.socks5.is_none() {
            return Vec::new();
        }
        let ways = [
            (NetworkVia::Tailnet, "tailnet", "workspaces reach the machines of the tailnet"),
            (NetworkVia::ExitNode, "exit node", "workspaces reach public addresses by the exit node"),
        ];
        let mut checks = Vec::new();
        for (via, name, there) in ways {
            let name = format!("tailscale: {name}");
            checks.push(match tailscale::check(config, via).await {
                Ok(()) => ok(&name, there),
                Err(failure) => less(&name, &failure.code, &failure.message, &failure.hint.unwrap_or_default()),
            });
        }
        checks
    }

    /// Root file systems of workspaces' own.
    async fn check_roots(&self) -> Check {
        let name = "root file systems";
        if let Err(failure) = self.services.isolation.ranges() {
            return less(name, &failure.code, &failure.message, &failure.hint.unwrap_or_default());
        }
        let hint = "it takes Linux 5.19, and a data directory on a file system that overlays can be made of (ext4, xfs, btrfs)";
        match self.services.shares_layers().await {
            Ok(()) => ok(name, "workspaces share layers, each with users of its own"),
            Err(reason) => less(name, "isolation.roots", &reason, hint),
        }
    }
}

/// What was tried of a backend.
enum Tried {
    /// A workspace was made, entered and removed.
    Made,
    /// What its root file system would begin with: to make that takes minutes.
    Planned(String),
}

impl Services {
    /// Makes a workspace that is in no list, has a process enter it, and removes it.
    async fn try_backend(&self, backend: &PluginId) -> Result<Tried> {
        let plan = self.plugins.backend(backend)?.plan_root("{}").await?;
        if let Some(plan) = plan {
            return Ok(Tried::Planned(plan.title));
        }
        let id = WorkspaceId::new();
        let contained = self.plugins.backend(backend)?.describe().await?.engine_limits;
        // Not every engine has a network to share, and a network without a leader needs a container.
        let mode = if contained { NetworkMode::None } else { NetworkMode::Shared };
        let workspace = Workspace {
            id,
            // In no list, so it clashes with none.
            name: "doctor".parse().expect("a literal that is a name of a workspace"),
            backend: backend.clone(),
            options: serde_json::json!({}),
            network: NetworkPolicy { mode, allow: Vec::new(), via: None },
            limits: WorkspaceLimits::default(),
            ports: Vec::new(),
            // The last that a real workspace would get.
            user: self.isolation.users().map(|users| users.last),
            root: None,
            layers: WorkspaceLayers::default(),
            phase: WorkspacePhase::Absent,
            problem: None,
            build: None,
            recipe: Recipe::default(),
            template: None,
            drift: None,
            owner: UserId::new(),
            created_at: Timestamp::now(),
        };
        let made = self.make_workspace(&workspace).await;
        let removed = self.remove_workspace(&workspace, None).await;
        made.and(removed).map(|()| Tried::Made)
    }
}

/// Runs a program in a network of its own.
async fn own_network() -> std::result::Result<(), sandboxed_exec::Error> {
    let spec = ShortSpec {
        program: "true".into(),
        args: Vec::new(),
        env: Vec::new(),
        cwd: "/".into(),
        stdin: Vec::new(),
        deadline: Duration::from_secs(10),
        max_output: 0,
        guard: Guard { network: Network::Own { entrance: None }, ..Guard::default() },
    };
    sandboxed_exec::short(spec).await.map(drop)
}

async fn check_containment() -> Check {
    let found = tokio::task::spawn_blocking(Containment::detect).await;
    match found {
        Ok(containment) if containment.kind() != ContainmentKind::ProcessGroup => ok("cgroups", containment.detail()),
        Ok(containment) => {
            let failure = Failure::new(Blame::Unavailable, "cgroups.unusable", containment.detail())
                .with_hint("start the server as root, or delegate a cgroup to it (systemd: Delegate=yes)");
            Check {
                status: CheckStatus::Warning,
                ..failed("cgroups", "runs are held together by process group and subreaper only", failure)
            }
        }
        Err(error) => {
            let failure = Failure::new(Blame::Host, "cgroups.unknown", error.to_string());
            failed("cgroups", "cgroups could not be tried", failure)
        }
    }
}

fn check_plugin(plugin: &PluginInfo) -> Check {
    let name = format!("plugin {}", plugin.id);
    let status = match plugin.health {
        PluginHealth::Ready => CheckStatus::Ok,
        PluginHealth::Degraded => CheckStatus::Warning,
        PluginHealth::Quarantined | PluginHealth::Disabled => CheckStatus::Error,
    };
    let detail = match (&plugin.reason, &plugin.version) {
        (Some(reason), _) => reason.message.clone(),
        (None, Some(version)) => format!("{} {version} is loaded", plugin.kind),
        (None, None) => format!("{} is loaded", plugin.kind),
    };
    Check { name, status, detail, failure: plugin.reason.clone() }
}

/// It works with less.
fn less(name: &str, code: &str, detail: &str, hint: &str) -> Check {
    let failure = Failure::new(Blame::Unavailable, code, detail).with_hint(hint);
    Check { status: CheckStatus::Warning, ..failed(name, detail, failure) }
}

fn ok(name: &str, detail: &str) -> Check {
    Check { name: name.to_owned(), status: CheckStatus::Ok, detail: detail.to_owned(), failure: None }
}

fn failed(name: &str, detail: &str, failure: Failure) -> Check {
    Check { name: name.to_owned(), status: CheckStatus::Error, detail: detail.to_owned(), failure: Some(failure) }
}
