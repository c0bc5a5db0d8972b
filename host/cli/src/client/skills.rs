//! The library of skills.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use sandboxed_model::context::{Skill, SkillFile, SkillInfo, SkillName};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Client, Embedded, Http};
use crate::failed::{Failed, Result};

/// A file of a skill as it is told over HTTP.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SkillContent {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(default)]
    executable: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WholeSkill {
    #[serde(flatten)]
    info: SkillInfo,
    content: Vec<SkillContent>,
}

impl From<SkillFile> for SkillContent {
    fn from(SkillFile { path, bytes, executable }: SkillFile) -> Self {
        let (text, base64) = match String::from_utf8(bytes) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(BASE64_STANDARD.encode(error.as_bytes()))),
        };
        Self { path, text, base64, executable }
    }
}

impl TryFrom<SkillContent> for SkillFile {
    type Error = Failed;

    fn try_from(SkillContent { path, text, base64, executable }: SkillContent) -> Result<Self> {
        let bytes = match (text, base64) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(base64)) => BASE64_STANDARD
                .decode(base64)
                .map_err(|error| Failed::new(format!("the server tells {path:?} as no base64: {error}")))?,
            (None, None) => Vec::new(),
        };
        Ok(Self { path, bytes, executable })
    }
}

impl From<Skill> for WholeSkill {
    fn from(Skill { info, files }: Skill) -> Self {
        Self { info, content: files.into_iter().map(Into::into).collect() }
    }
}

impl Client {
    /// All skills by their names.
    pub(crate) async fn skills(&self) -> Result<Vec<SkillInfo>> {
        either!(self.skills())
    }

    pub(crate) async fn skill(&self, name: &SkillName) -> Result<Skill> {
        either!(self.skill(name))
    }

    pub(crate) async fn put_skill(&self, name: SkillName, files: Vec<SkillFile>) -> Result<SkillInfo> {
        either!(self.put_skill(name, files))
    }

    pub(crate) async fn delete_skill(&self, name: &SkillName) -> Result<()> {
        either!(self.delete_skill(name))
    }
}

impl Embedded {
    async fn skills(&self) -> Result<Vec<SkillInfo>> {
        Ok(self.orchestrator.skills().await?)
    }

    async fn skill(&self, name: &SkillName) -> Result<Skill> {
        Ok(self.orchestrator.skill(name).await?)
    }

    async fn put_skill(&self, name: SkillName, files: Vec<SkillFile>) -> Result<SkillInfo> {
        Ok(self.orchestrator.put_skill(name, files).await?)
    }

    async fn delete_skill(&self, name: &SkillName) -> Result<()> {
        Ok(self.orchestrator.delete_skill(name).await?)
    }
}

impl Http {
    async fn skills(&self) -> Result<Vec<SkillInfo>> {
        self.list("/skills").await
    }

    async fn skill(&self, name: &SkillName) -> Result<Skill> {
        let WholeSkill { info, content } = self.get(&format!("/skills/{name}")).await?;
        Ok(Skill { info, files: content.into_iter().map(TryInto::try_into).collect::<Result<_>>()? })
    }

    async fn put_skill(&self, name: SkillName, files: Vec<SkillFile>) -> Result<SkillInfo> {
        let content: Vec<SkillContent> = files.into_iter().map(Into::into).collect();
        self.send(Method::PUT, &format!("/skills/{name}"), json!({ "content": content })).await
    }

    async fn delete_skill(&self, name: &SkillName) -> Result<()> {
        self.delete(&format!("/skills/{name}")).await
    }
}
