//! What an engine is and can.

use bollard::models::{SystemInfo, SystemInfoCgroupVersionEnum, SystemVersion};

use crate::{Engine, Error};

/// What an engine is and can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineFacts {
    /// Which engine.
    pub product: Product,
    /// Its version.
    pub version: String,
    /// The version of the API that both sides speak.
    pub api: String,
    /// It runs without root: user 0 in a container is the engine's own user outside.
    pub rootless: bool,
    /// User 0 in a container is another user outside.
    pub userns: bool,
    /// The name of the seccomp profile of containers that bring none; absent when they have none.
    pub seccomp: Option<String>,
    /// How it stores images: `overlay2`, `vfs`, …
    pub storage_driver: String,
    /// The kernel's interface for limits, if the engine tells.
    pub cgroup: Option<CgroupVersion>,
    /// Which limits hold.
    pub limits: LimitSupport,
    /// Operating system: `linux`.
    pub os: String,
    /// Processor, as the kernel names it: `x86_64`, `aarch64`.
    pub arch: String,
    /// The kernel's version.
    pub kernel: String,
    /// The names of the runtimes that it offers, sorted: `runc`, `runsc`, …
    pub runtimes: Vec<String>,
}

/// An engine's make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Docker, or what calls itself so.
    Docker,
    /// Podman.
    Podman,
}

/// The kernel's interface for limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CgroupVersion {
    /// One hierarchy for each resource.
    V1,
    /// One for all.
    V2,
}

/// Which limits the engine can put on a container. It ignores the others without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSupport {
    /// Memory.
    pub memory: bool,
    /// Processor time.
    pub cpu: bool,
    /// Number of processes.
    pub processes: bool,
}

impl Engine {
    /// Asks the engine what it is and can.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn probe(&self) -> Result<EngineFacts, Error> {
        let (info, version) = tokio::try_join!(
            self.call("ask what it can", self.docker().info()),
            self.call("ask its version", self.docker().version())
        )?;
        Ok(facts(info, version, self.api_version()))
    }
}

fn facts(info: SystemInfo, version: SystemVersion, api: String) -> EngineFacts {
    let options: Vec<_> = info.security_options.unwrap_or_default();
    // Options read `name=seccomp,profile=default`.
    let option = |name: &str| {
        options.iter().find_map(|option| {
            let mut parts = option.split(',');
            (parts.next() == Some(&format!("name={name}")))
                .then(|| parts.find_map(|part| part.strip_prefix("profile=")).unwrap_or("default").to_owned())
        })
    };
    let podman = version
        .components
        .into_iter()
        .flatten()
        .any(|component| component.name.to_ascii_lowercase().contains("podman"));
    let mut runtimes: Vec<_> = info.runtimes.unwrap_or_default().into_keys().collect();
    runtimes.sort();
    EngineFacts {
        product: if podman { Product::Podman } else { Product::Docker },
        version: info.server_version.or(version.version).unwrap_or_default(),
        api,
        rootless: option("rootless").is_some(),
        userns: option("userns").is_some(),
        seccomp: option("seccomp").filter(|profile| profile != "unconfined"),
        storage_driver: info.driver.unwrap_or_default(),
        cgroup: match info.cgroup_version {
            Some(SystemInfoCgroupVersionEnum::_1) => Some(CgroupVersion::V1),
            Some(SystemInfoCgroupVersionEnum::_2) => Some(CgroupVersion::V2),
            _ => None,
        },
        limits: LimitSupport {
            memory: info.memory_limit.unwrap_or(false),
            cpu: info.cpu_cfs_quota.unwrap_or(false),
            processes: info.pids_limit.unwrap_or(false),
        },
        os: info.os_type.unwrap_or_default(),
        arch: info.architecture.unwrap_or_default(),
        kernel: info.kernel_version.unwrap_or_default(),
        runtimes,
    }
}
