//! Sessions that are new, and those that there were.

use std::path::PathBuf;

use sandboxed_model::Seq;

use super::{Life, Session};
use crate::acp::{
    settings::Settings,
    teller::Teller,
    wire::{RequestId, RpcError},
};

impl Session {
    /// A new session. Its mission is made with its first prompt, so that one without a prompt leaves nothing.
    pub(super) async fn begin(&mut self, request: RequestId, cwd: PathBuf, servers: bool) -> Life {
        match self.face.harness().await {
            Ok(harness) => self.harness = Some(harness),
            Err(error) => {
                self.face.wire.refuse(Some(request), error).await;
                return Life::Ends;
            }
        }
        self.unmade = Some(cwd);
        let mut opened = self.opened();
        opened["sessionId"] = self.id.to_string().into();
        self.face.wire.respond(request, opened).await;
        self.tell_of_servers(servers).await;
        Life::GoesOn
    }

    /// A session that there was.
    pub(super) async fn open(&mut self, request: RequestId, replay: bool, servers: bool) -> Life {
        match self.reopen(replay).await {
            Ok(()) => {
                self.face.wire.respond(request, self.opened()).await;
                self.tell_of_servers(servers).await;
                self.take_up().await;
                Life::GoesOn
            }
            Err(error) => {
                self.face.wire.refuse(Some(request), error).await;
                // One that is at work stays; one that is not there never was.
                if self.harness.is_some() { Life::GoesOn } else { Life::Ends }
            }
        }
    }

    async fn reopen(&mut self, replay: bool) -> Result<(), RpcError> {
        let id = self.id;
        if self.unmade.is_some() {
            // Nothing happened in it so far.
            return Ok(());
        }
        let server = self.face.server().await?;
        let mission = server.patiently(async |server| server.mission(id).await).await?;
        self.harness = Some(self.face.harness_of(&mission.harness).await?);
        self.settings = Settings::of_mission(&mission);
        self.state = Some(mission.state);
        if !replay {
            self.last = self.last.max(mission.last_seq);
            return Ok(());
        }
        self.events = None;
        self.teller = Teller::new(self.client);
        self.last = Seq::ZERO;
        loop {
            let after = self.last;
            let page = self.face.server().await?.patiently(async |server| server.events(id, after, &[]).await).await?;
            if page.is_empty() {
                return Ok(());
            }
            for event in &page {
                self.last = event.seq;
                self.replay(event).await;
            }
        }
    }

    /// What goes on is followed, and what the agent waits for is asked.
    async fn take_up(&mut self) {
        let is_at_rest = self.is_at_rest();
        if self.unmade.is_some() || is_at_rest {
            return;
        }
        self.follow().await;
        let Ok(server) = self.face.server().await else { return };
        let id = self.id;
        let open = server.patiently(async |server| server.asks(Some(id)).await).await.unwrap_or_default();
        for (_, ask) in open {
            self.ask(ask).await;
        }
    }

    /// Servers of tools that the client names run on its side, and no workspace reaches them.
    async fn tell_of_servers(&mut self, servers: bool) {
        if servers {
            let text = "the editor's MCP servers are not for agents in workspaces, and are left out".to_owned();
            let remark = self.teller.remark("warning", text);
            self.tell([remark]).await;
        }
    }
}
