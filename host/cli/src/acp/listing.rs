//! Missions as sessions of a list.

use std::path::{Path, PathBuf};

use sandboxed_model::{
    mission::{Mission, MissionFilter},
    page::PageRequest,
};
use serde_json::{Value, json};

use super::{face::Face, protocol::ListSessions, wire::RpcError};

/// Sessions of one answer.
const PAGE: u32 = 50;
/// The directory of a mission that belongs to no directory of the editor's: that in which its agent works.
const TREE: &str = "/workspace";

/// A part of the missions, the newest first: of a directory's workspace, or all.
pub(super) async fn sessions(face: &Face, wanted: ListSessions) -> Result<Value, RpcError> {
    let server = face.server().await?;
    let here = wanted.cwd.clone().or_else(|| std::env::current_dir().ok());
    let of_here = match &here {
        Some(directory) => {
            let name = face.workspace(directory);
            server.patiently(async |server| server.workspace_by_name(&name).await).await?.map(|found| found.id)
        }
        None => None,
    };
    if wanted.cwd.is_some() && of_here.is_none() {
        return Ok(json!({ "sessions": [] }));
    }
    let filter = MissionFilter { workspace: wanted.cwd.and(of_here), ..MissionFilter::default() };
    let page = PageRequest { cursor: wanted.cursor, limit: PAGE };
    let page = server.patiently(async |server| server.missions_page(&filter, &page).await).await?;
    let directory_of = |mission: &Mission| match &here {
        Some(directory) if Some(mission.workspace) == of_here => directory.clone(),
        _ => PathBuf::from(TREE),
    };
    let sessions: Vec<Value> = page.items.iter().map(|mission| session(mission, &directory_of(mission))).collect();
    let mut answer = json!({ "sessions": sessions });
    if let Some(cursor) = page.next_cursor {
        answer["nextCursor"] = cursor.into();
    }
    Ok(answer)
}

fn session(mission: &Mission, directory: &Path) -> Value {
    json!({
        "sessionId": mission.id,
        "cwd": directory,
        "title": mission.title,
        "updatedAt": mission.updated_at,
    })
}
