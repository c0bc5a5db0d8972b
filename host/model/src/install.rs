//! How an agent's program is installed: the Rust face of `sandboxed:harness/installer`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Failure, MissionId, PluginId, Timestamp, harness::HarnessAbout, state::MissionState};

/// What programs are to run on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Target {
    /// As Rust names it: `linux`.
    pub os: String,
    /// As Rust names it: `x86_64`, `aarch64`.
    pub arch: String,
    /// `gnu` or `musl`; empty where there is only one.
    pub libc: String,
}

/// Where something is downloaded from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The archive of a package of the npm registry.
    Npm {
        /// `@openai/codex`.
        name: String,
        /// Exactly this one.
        version: String,
    },
    /// An https address.
    Url(String),
}

/// What comes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A tar archive, compressed with gzip.
    TarGz {
        /// Leading directories that are left out.
        strip: u32,
    },
    /// A single file, which gets this name.
    File(String),
}

/// Something to download.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Download {
    /// Where from.
    pub source: Source,
    /// `sha512-` or `sha256-` and the digest in base64.
    pub integrity: String,
    /// What comes.
    pub form: Form,
    /// The directory into which it goes, relative; empty is the installation's own.
    pub into: String,
}

/// One step of an installation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstallStep {
    /// Downloads and unpacks.
    Download(Download),
    /// Expands a file that is compressed with brotli.
    Expand {
        /// The compressed file, which is removed.
        path: String,
        /// What it becomes.
        target: String,
    },
    /// Makes a file executable.
    Executable(String),
}

/// How it is found out that an installation works: the program has to end with status 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct InstallCheck {
    /// Relative to the installation.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// What it has to print.
    pub expects: String,
}

/// How a version of an agent's program is installed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct InstallPlan {
    /// The version, for people and in the directory's name.
    pub version: String,
    /// What is done, in this order.
    pub steps: Vec<InstallStep>,
    /// How it is found out that it works.
    pub check: InstallCheck,
}

/// A version that is on the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstalledVersion {
    /// As its plan names it.
    pub version: String,
    /// The first 8 hexadecimal digits of the SHA-256 of its plan: one version may be installed by different plans.
    pub digest: String,
    /// Bytes of its files.
    pub bytes: u64,
    /// When it was found to work.
    pub installed_at: Timestamp,
}

/// How far an installation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstallProgress {
    /// 1 for the first step.
    pub step: u32,
    /// How many steps there are; the last is the check.
    pub steps: u32,
    /// What is being done.
    pub activity: InstallActivity,
    /// What it is done with: the name of a file.
    pub subject: String,
    /// Bytes of the step that are done.
    pub done: u64,
    /// Bytes of the whole step, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

/// What an installation does just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstallActivity {
    /// It has not begun.
    Waiting,
    /// Fetches an archive or a file.
    Downloading,
    /// Writes what was fetched to its place.
    Unpacking,
    /// Runs the program to see that it works.
    Checking,
}

/// What an installation would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstallOutline {
    /// The version.
    pub version: String,
    /// The directory on the server into which it goes.
    pub directory: String,
    /// It is there already: nothing would be done.
    pub installed: bool,
    /// What would be fetched, in order.
    pub downloads: Vec<OutlinedDownload>,
    /// The command that shows that it works, with its arguments.
    pub check: Vec<String>,
}

/// Something that an installation would fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutlinedDownload {
    /// The address, or the path of a file of the mirror.
    pub from: String,
    /// Names under which a mirror may hold it.
    pub names: Vec<String>,
    /// `sha512-` or `sha256-` and the digest in base64.
    pub integrity: String,
    /// The directory into which it goes, relative to that of the installation; empty is that itself.
    pub into: String,
    /// Where it is now.
    pub state: DownloadState,
    /// Bytes that are there already.
    pub present: u64,
}

/// Where something to download is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DownloadState {
    /// It was downloaded before.
    Downloaded,
    /// It lies in the mirror.
    Mirrored,
    /// A part of it is there; the rest would be fetched.
    Partial,
    /// It would be fetched.
    Absent,
    /// It is not there, and nothing is fetched in offline operation.
    Missing,
}

/// How the programs of a harness stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstallPhase {
    /// Nothing has to be installed.
    NotNeeded,
    /// The version to use is not there; a mission that needs it installs it.
    Absent,
    /// It is being installed.
    Installing,
    /// It is there.
    Installed,
    /// The last try failed; the next mission, or `sandboxed-sh harness install`, tries again.
    Failed,
    /// It cannot be told: the plugin is out of service, or has no plan for this machine.
    Unknown,
}

/// A harness: what it is, and how its programs stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HarnessInfo {
    /// Its plugin.
    pub id: PluginId,
    /// Whether missions take it that name none.
    #[serde(default)]
    pub default: bool,
    /// What it is and can do; absent where the plugin is out of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<HarnessAbout>,
    /// How its programs stand.
    pub phase: InstallPhase,
    /// How far the installation is that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<InstallProgress>,
    /// What is in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Failure>,
    /// The version that the plugin is configured to use; absent where nothing has to be installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configured: Option<String>,
    /// The version that it stays with, whatever is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<String>,
    /// What is installed, the latest first.
    pub installed: Vec<InstalledVersion>,
    /// The last mission of it whose last turn ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_good: Option<GoodRun>,
    /// How it was last tried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<HarnessTest>,
}

/// A mission that tries a harness out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HarnessTest {
    /// The mission.
    pub mission: MissionId,
    /// How far it is: `done` where the harness works.
    pub state: MissionState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Failure>,
    /// When anything of it last changed.
    pub at: Timestamp,
}

/// A mission that went well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GoodRun {
    /// The mission.
    pub mission: MissionId,
    /// When anything of it last changed.
    pub at: Timestamp,
}
