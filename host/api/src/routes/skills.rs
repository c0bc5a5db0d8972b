//! The library of skills.

use std::sync::Arc;

use axum::{Json, extract::State};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::StatusCode;
use sandboxed_model::context::{Skill, SkillFile, SkillInfo, SkillName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::List;
use crate::{
    extract::{Body, Caller, InPath, Object},
    problem::Problem,
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(list_skills)).routes(routes!(get_skill, put_skill, delete_skill))
}

/// A file of a skill.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SkillFileBody {
    /// Relative to the skill's directory, with `/`.
    #[schema(max_length = 255)]
    path: String,
    /// Its content, where that is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Its content in base64, where it is no text. One of the two is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// Whether it may be executed.
    #[serde(default)]
    executable: bool,
}

/// A skill with its files.
#[derive(Serialize, ToSchema)]
struct SkillBody {
    #[serde(flatten)]
    info: SkillInfo,
    /// Its files in the order of their paths, `SKILL.md` among them.
    content: Vec<SkillFileBody>,
}

/// What a skill is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SkillRequest {
    /// Its files, 4 MiB together at most. `SKILL.md` is among them, and begins with the skill's name and what it is for.
    #[schema(value_type = Vec<SkillFileBody>, min_items = 1, max_items = 256)]
    content: Vec<Object<SkillFileBody>>,
}

impl From<SkillFile> for SkillFileBody {
    fn from(SkillFile { path, bytes, executable }: SkillFile) -> Self {
        let (text, base64) = match String::from_utf8(bytes) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(BASE64_STANDARD.encode(error.as_bytes()))),
        };
        Self { path, text, base64, executable }
    }
}

impl TryFrom<SkillFileBody> for SkillFile {
    type Error = Problem;

    fn try_from(SkillFileBody { path, text, base64, executable }: SkillFileBody) -> Result<Self, Problem> {
        let bytes = match (text, base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(base64)) => BASE64_STANDARD
                .decode(base64)
                .map_err(|_| Problem::invalid("skill.invalid", format!("the content of {path:?} is no base64")))?,
            _ => return Err(Problem::invalid("skill.invalid", format!("{path:?} has one content: text, or base64"))),
        };
        Ok(Self { path, bytes, executable })
    }
}

/// List skills
///
/// In the order of their names.
#[utoipa::path(
    get, path = "/skills", tag = "skills",
    responses((status = 200, description = "All of them.", body = List<SkillInfo>))
)]
async fn list_skills(State(server): Shared, _: Caller) -> Result<Json<List<SkillInfo>>, Problem> {
    Ok(Json(List { items: server.orchestrator.skills().await? }))
}

/// Get a skill with its files
#[utoipa::path(
    get, path = "/skills/{name}", tag = "skills", params(("name" = inline(SkillName), Path, description = "Its name")),
    responses((status = 200, description = "The skill.", body = SkillBody))
)]
async fn get_skill(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<SkillName>,
) -> Result<Json<SkillBody>, Problem> {
    let Skill { info, files } = server.orchestrator.skill(&name).await?;
    Ok(Json(SkillBody { info, content: files.into_iter().map(Into::into).collect() }))
}

/// Put a skill into the library
///
/// In the place of one of the same name. Missions of workspaces that have it get it with their next turn.
#[utoipa::path(
    put, path = "/skills/{name}", tag = "skills", params(("name" = inline(SkillName), Path, description = "Its name")), request_body = SkillRequest,
    responses((status = 200, description = "The skill is kept.", body = SkillInfo))
)]
async fn put_skill(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<SkillName>,
    Body(request): Body<SkillRequest>,
) -> Result<Json<SkillInfo>, Problem> {
    let files = request.content.into_iter().map(|file| file.0.try_into()).collect::<Result<_, Problem>>()?;
    Ok(Json(server.orchestrator.put_skill(name, files).await?))
}

/// Remove a skill
///
/// Workspaces that have it go on without.
#[utoipa::path(
    delete, path = "/skills/{name}", tag = "skills", params(("name" = inline(SkillName), Path, description = "Its name")),
    responses((status = 204, description = "The skill is gone."))
)]
async fn delete_skill(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<SkillName>,
) -> Result<StatusCode, Problem> {
    server.orchestrator.delete_skill(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
