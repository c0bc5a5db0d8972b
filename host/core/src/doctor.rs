//! Trying what the server needs on this machine.

use sandboxed_exec::{Containment, ContainmentKind};
use sandboxed_model::{
    Blame, Failure,
    doctor::{Check, CheckStatus, DoctorReport},
    plugin::{PluginHealth, PluginInfo, PluginKind},
};

use crate::{Orchestrator, Result};

/// Free space below which the data directory is too full to go on with.
const LITTLE_SPACE: u64 = 1 << 30;

impl Orchestrator {
    /// Tries what the server needs on this machine and says how it came out.
    ///
    /// # Errors
    /// None today: what does not work is part of the report.
    pub async fn doctor(&self) -> Result<DoctorReport> {
        let mut checks = vec![self.check_store().await, self.check_space().await, check_containment().await];
        for plugin in self.plugins() {
            checks.push(check_plugin(&plugin));
            if plugin.kind == PluginKind::Backend && plugin.health != PluginHealth::Disabled {
                checks.extend(self.check_backend(&plugin).await);
            }
        }
        Ok(DoctorReport { version: env!("CARGO_PKG_VERSION").to_owned(), checks })
    }

    async fn check_store(&self) -> Check {
        match self.ready().await {
            Ok(()) => ok("store", "the database answers"),
            Err(error) => failed("store", "the database does not answer", error.failure()),
        }
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
        match probed {
            Ok(requirements) => requirements
                .into_iter()
                .map(|requirement| {
                    let name = format!("{name}: {}", requirement.name);
                    match requirement.missing {
                        None => ok(&name, "it is there"),
                        Some(failure) => failed(&name, &failure.message.clone(), failure),
                    }
                })
                .collect(),
            Err(failure) => vec![failed(&name, "it could not be probed", failure)],
        }
    }
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

fn ok(name: &str, detail: &str) -> Check {
    Check { name: name.to_owned(), status: CheckStatus::Ok, detail: detail.to_owned(), failure: None }
}

fn failed(name: &str, detail: &str, failure: Failure) -> Check {
    Check { name: name.to_owned(), status: CheckStatus::Error, detail: detail.to_owned(), failure: Some(failure) }
}
