//! Harnesses, on whichever server.

use reqwest::Method;
use sandboxed_model::{
    PluginId,
    install::{HarnessInfo, InstallOutline},
    mission::Mission,
};
use serde_json::json;

use super::Client;
use crate::failed::{Failed, Result};

impl Client {
    pub(crate) async fn harnesses(&self) -> Result<Vec<HarnessInfo>> {
        match self {
            Self::Embedded(server) => Ok(server.orchestrator().harnesses().await?),
            Self::Http(server) => server.list("/harnesses").await,
        }
    }

    pub(crate) async fn harness(&self, id: &PluginId) -> Result<HarnessInfo> {
        match self {
            Self::Embedded(server) => Ok(server.orchestrator().harness_info(id).await?),
            Self::Http(server) => server.get(&format!("/harnesses/{id}")).await,
        }
    }

    pub(crate) async fn outline_installation(&self, id: &PluginId) -> Result<InstallOutline> {
        match self {
            Self::Embedded(server) => Ok(server.orchestrator().outline_installation(id).await?),
            Self::Http(server) => {
                server.send(Method::POST, &format!("/harnesses/{id}/install"), json!({ "dry_run": true })).await
            }
        }
    }

    /// Begins an installation, which goes on by itself.
    pub(crate) async fn install_harness(&self, id: &PluginId) -> Result<HarnessInfo> {
        match self {
            Self::Embedded(server) => Ok(server.orchestrator().install_harness(id).await?),
            Self::Http(server) => {
                server.send(Method::POST, &format!("/harnesses/{id}/install"), json!({ "dry_run": false })).await
            }
        }
    }

    pub(crate) async fn cancel_installation(&self, id: &PluginId) -> Result<HarnessInfo> {
        match self {
            Self::Embedded(server) => Ok(server.orchestrator().cancel_installation(id).await?),
            Self::Http(server) => server.send(Method::DELETE, &format!("/harnesses/{id}/install"), json!({})).await,
        }
    }

    /// Begins a mission that tries a harness out.
    pub(crate) async fn test_harness(&self, id: &PluginId, model: Option<String>) -> Result<Mission> {
        match self {
            Self::Embedded(server) => server.test_harness(id, model).await,
            Self::Http(server) => {
                server.send(Method::POST, &format!("/harnesses/{id}/test"), json!({ "model": model })).await
            }
        }
    }

    /// Stays with a version; without one with what is configured.
    pub(crate) async fn use_harness_version(&self, id: &PluginId, version: Option<&str>) -> Result<HarnessInfo> {
        match self {
            Self::Embedded(server) => Ok(server.orchestrator().use_harness_version(id, version).await?),
            Self::Http(server) => {
                server.send(Method::POST, &format!("/harnesses/{id}/use"), json!({ "version": version })).await
            }
        }
    }

    pub(crate) async fn remove_harness_version(&self, id: &PluginId, version: &str) -> Result<()> {
        match self {
            Self::Embedded(server) => Ok(server.orchestrator().remove_harness_version(id, version).await?),
            Self::Http(server) => {
                // It is a part of the address.
                let is_plain = |one: char| one.is_ascii_alphanumeric() || "._+-".contains(one);
                if !version.starts_with(|first: char| first.is_ascii_alphanumeric()) || !version.chars().all(is_plain) {
                    return Err(Failed::usage(format!("{version:?} is no version")));
                }
                server.delete(&format!("/harnesses/{id}/versions/{version}")).await
            }
        }
    }
}
