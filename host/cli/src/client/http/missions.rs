//! Missions and their events.

use std::time::Duration;

use futures_util::{StreamExt as _, stream::BoxStream};
use reqwest::{Method, Response};
use sandboxed_core::EventHit;
use sandboxed_model::{
    MessageId, MissionId, Seq,
    event::Event,
    mission::{Mission, MissionFilter, NewMission},
    page::{Page, PageRequest},
    queue::{NewMessage, QueuedMessage},
    replay::Replay,
};
use serde_json::json;

use super::{Http, List, page_query};
use crate::{
    client::{
        Followed,
        sse::{SseReader, TooLong},
    },
    failed::{Failed, Result, Status},
};

/// A stream that is silent for so long is dead: the server sends a sign of life every 15 s.
const SILENCE: Duration = Duration::from_secs(60);
/// Times in a row that a broken stream is taken up again without anything having come.
const ATTEMPTS: u32 = 30;
/// The longest pause between them.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Http {
    pub(in crate::client) async fn create_mission(&self, new: NewMission) -> Result<Mission> {
        let mut body = json!({
            "prompt": new.prompt, "settings": new.settings, "one_shot": new.one_shot, "worktree": new.worktree,
            "approvals": new.approvals, "mode": new.mode, "attachments": new.attachments,
        });
        let workspace = new.workspace.map(|id| id.to_string());
        let harness = new.harness.map(|id| id.to_string());
        for (key, value) in [
            ("id", new.id.map(|id| id.to_string())),
            ("title", new.title),
            ("harness", harness),
            ("workspace", workspace),
            ("model", new.model),
            ("effort", new.effort),
        ] {
            if let Some(value) = value {
                body[key] = value.into();
            }
        }
        self.send(Method::POST, "/missions", body).await
    }

    pub(in crate::client) async fn mission(&self, id: MissionId) -> Result<Mission> {
        self.get(&format!("/missions/{id}")).await
    }

    pub(in crate::client) async fn missions(
        &self,
        filter: &MissionFilter,
        page: &PageRequest,
    ) -> Result<Page<Mission>> {
        let mut query = page_query(page);
        if !filter.states.is_empty() {
            let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
            query.push(("state", states.join(",")));
        }
        if let Some(workspace) = filter.workspace {
            query.push(("workspace", workspace.to_string()));
        }
        if let Some(words) = &filter.search {
            query.push(("q", words.clone()));
        }
        self.query("/missions", &query).await
    }

    pub(in crate::client) async fn interrupt_mission(&self, id: MissionId) -> Result<Mission> {
        self.act(&format!("/missions/{id}/interrupt")).await
    }

    pub(in crate::client) async fn cancel_mission(&self, id: MissionId) -> Result<Mission> {
        self.act(&format!("/missions/{id}/cancel")).await
    }

    pub(in crate::client) async fn resume_mission(&self, id: MissionId) -> Result<Mission> {
        self.act(&format!("/missions/{id}/resume")).await
    }

    pub(in crate::client) async fn finish_mission(&self, id: MissionId) -> Result<Mission> {
        self.act(&format!("/missions/{id}/finish")).await
    }

    pub(in crate::client) async fn delete_mission(&self, id: MissionId) -> Result<()> {
        self.delete(&format!("/missions/{id}")).await
    }

    pub(in crate::client) async fn replay_mission(&self, id: MissionId) -> Result<Replay> {
        self.act(&format!("/missions/{id}/replay")).await
    }

    pub(in crate::client) async fn send_message(&self, id: MissionId, message: NewMessage) -> Result<QueuedMessage> {
        let NewMessage { text, attachments, steer } = message;
        let body = json!({ "text": text, "attachments": attachments, "steer": steer });
        self.send(Method::POST, &format!("/missions/{id}/messages"), body).await
    }

    pub(in crate::client) async fn send_message_once(
        &self,
        id: MissionId,
        text: String,
        key: &str,
    ) -> Result<QueuedMessage> {
        let request = self.request(Method::POST, &format!("/missions/{id}/messages")).header("Idempotency-Key", key);
        self.read(request.json(&json!({ "text": text, "steer": false }))).await
    }

    pub(in crate::client) async fn remove_queued(&self, id: MissionId, message: MessageId) -> Result<()> {
        self.delete(&format!("/missions/{id}/queue/{message}")).await
    }

    pub(in crate::client) async fn queue(&self, id: MissionId) -> Result<Vec<QueuedMessage>> {
        Ok(self.get::<List<_>>(&format!("/missions/{id}/queue")).await?.items)
    }

    pub(in crate::client) async fn events(
        &self,
        id: MissionId,
        after: Seq,
        limit: u32,
        kinds: &[String],
    ) -> Result<Vec<Event>> {
        let mut query = vec![("after", after.to_string()), ("limit", limit.to_string())];
        if !kinds.is_empty() {
            query.push(("kind", kinds.join(",")));
        }
        Ok(self.query::<List<_>>(&format!("/missions/{id}/events"), &query).await?.items)
    }

    pub(in crate::client) async fn follow(
        &self,
        id: MissionId,
        after: Seq,
    ) -> Result<BoxStream<'static, Result<Followed>>> {
        let mut response = self.open_stream(id, after).await?;
        let this = self.clone();
        let mut after = after;
        let stream = async_stream::try_stream! {
            let mut failures = 0;
            loop {
                let mut bytes = response.bytes_stream();
                let mut reader = SseReader::default();
                while let Ok(Some(Ok(chunk))) = tokio::time::timeout(SILENCE, bytes.next()).await {
                    for data in reader.push(&chunk).map_err(|TooLong| Failed::new("the server sent an event without an end"))? {
                        let event: Event = serde_json::from_str(&data)
                            .map_err(|error| Failed::new(format!("an event cannot be read: {error}")))?;
                        // A stream that is taken up anew may begin with what is known.
                        if event.seq > after {
                            after = event.seq;
                            failures = 0;
                            yield Followed { json: data.into(), event };
                        }
                    }
                }
                // The server went away, or the stream broke: it goes on after the last event that came, on the server
                // that was started in its place where there is one.
                response = loop {
                    failures += 1;
                    tokio::time::sleep(Duration::from_millis(100 << failures).min(LONGEST_PAUSE)).await;
                    this.relocate();
                    match this.open_stream(id, after).await {
                        Ok(response) if failures < ATTEMPTS => break response,
                        Err(Failed::Said { status: Status::Unavailable | Status::Denied, .. }) if failures < ATTEMPTS => {}
                        Ok(_) => {
                            let url = this.address().url;
                            Err(Failed::unavailable(format!("the event stream of {url} breaks off")))?
                        }
                        Err(error) => Err(error)?,
                    }
                };
            }
        };
        Ok(stream.boxed())
    }

    async fn open_stream(&self, id: MissionId, after: Seq) -> Result<Response> {
        self.ask(self.request(Method::GET, &format!("/missions/{id}/stream?after={after}"))).await
    }

    pub(in crate::client) async fn search_events(
        &self,
        words: &str,
        mission: Option<MissionId>,
        page: &PageRequest,
    ) -> Result<Page<EventHit>> {
        let mut query = page_query(page);
        query.push(("q", words.to_owned()));
        query.extend(mission.map(|mission| ("mission", mission.to_string())));
        self.query("/search", &query).await
    }
}
