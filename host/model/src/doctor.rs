//! What the server finds out about the machine it runs on.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Failure;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// It works with less.
    Warning,
    /// It does not work.
    Error,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What was tried: `cgroups`, `backend host: git`.
    pub name: String,
    /// How it came out.
    pub status: CheckStatus,
    /// What was found, in one sentence.
    pub detail: String,
    /// Why it is not as it should be, with the remedy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// Everything that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DoctorReport {
    /// The server's version.
    pub version: String,
    /// The checks in a fixed order.
    pub checks: Vec<Check>,
}

impl DoctorReport {
    /// The worst status of all checks.
    pub fn status(&self) -> CheckStatus {
        self.checks.iter().map(|check| check.status).max().unwrap_or(CheckStatus::Ok)
    }
}
