//! Repositories in workspaces.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use sandboxed_model::{
    MissionId, RunId, WorkspaceId,
    git::{Cloned, Commit, Diff, DiffOf, NewClone, NewPush, Pushed},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Http, refusal};
use crate::failed::{Failed, Result};

/// How often it is asked whether work that takes long has ended.
const LOOK: Duration = Duration::from_secs(1);

impl Http {
    pub(in crate::client) async fn clone_repository(&self, workspace: WorkspaceId, new: NewClone) -> Result<Cloned> {
        let NewClone { url, path, branch, depth } = new;
        let body = json!({ "url": url, "path": path, "branch": branch, "depth": depth });
        self.patiently(&format!("/workspaces/{workspace}/clone"), body).await
    }

    pub(in crate::client) async fn mission_diff(&self, mission: MissionId, of: DiffOf) -> Result<Diff> {
        let turn = match of {
            DiffOf::Turn(turn) => turn.to_string(),
            DiffOf::Total => "total".to_owned(),
        };
        self.query(&format!("/missions/{mission}/diff"), &[("turn", turn)]).await
    }

    pub(in crate::client) async fn commit_mission(&self, mission: MissionId, message: &str) -> Result<Commit> {
        self.send(Method::POST, &format!("/missions/{mission}/commit"), json!({ "message": message })).await
    }

    pub(in crate::client) async fn push_mission(&self, mission: MissionId, new: NewPush) -> Result<Pushed> {
        let NewPush { url, branch, force } = new;
        let body = json!({ "url": url, "branch": branch, "force": force });
        self.patiently(&format!("/missions/{mission}/push"), body).await
    }

    /// Asks for something that may take longer than the server lets one wait for an answer. It goes on there, and the same
    /// request under the same key gets its answer once it has ended.
    async fn patiently<T: DeserializeOwned>(&self, path: &str, body: Value) -> Result<T> {
        let key = RunId::new().to_string();
        loop {
            let request = self.request(Method::POST, path).header("idempotency-key", &key).json(&body);
            let response = request.send().await.map_err(|error| self.unreachable(&error))?;
            let status = response.status();
            let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
            if status.is_success() {
                return serde_json::from_slice(&body)
                    .map_err(|error| Failed::new(format!("the answer cannot be read: {error}")));
            }
            let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
            let under_way = match status {
                StatusCode::GATEWAY_TIMEOUT => problem["code"] == "http.timeout",
                StatusCode::CONFLICT => problem["code"] == "http.idempotency_in_progress",
                _ => false,
            };
            if !under_way {
                return Err(refusal(status, &body));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
