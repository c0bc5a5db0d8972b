//! A session: a mission as one client sees it.

mod asking;
mod following;
mod opening;
mod prompting;

use std::{collections::VecDeque, path::PathBuf, sync::Arc};

use futures_util::stream::BoxStream;
use sandboxed_model::{
    MissionId, Seq, harness::HarnessAbout, install::HarnessInfo, mission::MissionEdit, state::MissionState,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use self::{asking::Asks, prompting::Waiting};
use super::{
    face::Face,
    protocol::{ClientAbilities, StopReason, Update},
    settings::{self, Settings},
    teller::Teller,
    wire::{RequestId, RpcError},
};
use crate::{client::Followed, failed::Result};

/// What the client wants of a session.
pub(super) enum Order {
    /// It is new.
    Begin {
        request: RequestId,
        cwd: PathBuf,
        servers: bool,
    },
    /// It is one that there was: with its history, or without.
    Open {
        request: RequestId,
        replay: bool,
        servers: bool,
    },
    Prompt {
        request: RequestId,
        message: String,
    },
    Cancel,
    CancelRequest(RequestId),
    SetMode {
        request: RequestId,
        mode: String,
    },
    SetOption {
        request: RequestId,
        option: String,
        value: Value,
    },
    Close {
        request: RequestId,
    },
}

/// Whether there is a session after what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    GoesOn,
    Ends,
}

pub(super) struct Session {
    face: Arc<Face>,
    id: MissionId,
    orders: mpsc::Receiver<Order>,
    client: ClientAbilities,
    /// The editor's directory, until the mission is made: with its first prompt.
    unmade: Option<PathBuf>,
    harness: Option<HarnessInfo>,
    settings: Settings,
    /// As the last event said.
    state: Option<MissionState>,
    /// The last event that the client was told of.
    last: Seq,
    /// The mission's events, while something goes on in it.
    events: Option<BoxStream<'static, Result<Followed>>>,
    teller: Teller,
    /// The last turn that began.
    turn: u32,
    title: Option<String>,
    prompts: VecDeque<Waiting>,
    asks: Asks,
}

impl Session {
    pub(super) fn new(face: Arc<Face>, id: MissionId, orders: mpsc::Receiver<Order>) -> Self {
        let client = face.client().unwrap_or_default();
        let settings = Settings::of_arguments(face.wanted.model.as_ref(), &face.wanted.ways);
        Self {
            face,
            id,
            orders,
            client,
            unmade: None,
            harness: None,
            settings,
            state: None,
            last: Seq::ZERO,
            events: None,
            teller: Teller::new(client),
            turn: 0,
            title: None,
            prompts: VecDeque::new(),
            asks: Asks::default(),
        }
    }

    /// Does what it is told and tells what happens, until it is closed or the client goes.
    pub(super) async fn run(mut self) {
        loop {
            let life = tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.take(order).await,
                    None => Life::Ends,
                },
                event = following::next(&mut self.events) => {
                    self.hear(event).await;
                    Life::GoesOn
                }
                (ask, answer) = self.asks.next() => {
                    self.answered(ask, answer).await;
                    Life::GoesOn
                }
                () = self.teller.due() => {
                    let printed = self.teller.printed();
                    self.tell(printed).await;
                    Life::GoesOn
                }
            };
            if life == Life::Ends {
                return;
            }
        }
    }

    async fn take(&mut self, order: Order) -> Life {
        match order {
            Order::Begin { request, cwd, servers } => self.begin(request, cwd, servers).await,
            Order::Open { request, replay, servers } => self.open(request, replay, servers).await,
            Order::Prompt { request, message } => {
                self.prompt(request, message).await;
                Life::GoesOn
            }
            Order::Cancel => {
                self.cancel().await;
                Life::GoesOn
            }
            Order::CancelRequest(request) => {
                if self.prompts.iter().any(|prompt| prompt.is_of(&request)) {
                    self.cancel().await;
                }
                Life::GoesOn
            }
            Order::SetMode { request, mode } => {
                let chosen = self.change(|settings, about| settings.choose_mode(about, &mode)).await;
                self.face.wire.answer(request, chosen.map(|()| json!({}))).await;
                Life::GoesOn
            }
            Order::SetOption { request, option, value } => {
                let chosen = self.change(|settings, about| settings.choose(about, &option, &value)).await;
                let chosen = chosen.map(|()| json!({ "configOptions": self.options() }));
                self.face.wire.answer(request, chosen).await;
                Life::GoesOn
            }
            Order::Close { request } => {
                self.cancel().await;
                for prompt in std::mem::take(&mut self.prompts) {
                    self.stopped(prompt, StopReason::Cancelled).await;
                }
                self.face.wire.respond(request, json!({})).await;
                Life::Ends
            }
        }
    }

    /// Changes how the mission works, from its next turn on.
    async fn change(
        &mut self,
        choose: impl FnOnce(&mut Settings, &HarnessAbout) -> Result<MissionEdit, RpcError>,
    ) -> Result<(), RpcError> {
        let Some(about) = self.harness.as_ref().and_then(|info| info.about.as_ref()) else {
            return Err(RpcError::invalid_params("the session's harness is out of service"));
        };
        let mut settings = self.settings.clone();
        let edit = choose(&mut settings, about)?;
        if self.unmade.is_none() {
            let (id, server) = (self.id, self.face.server().await?);
            server.patiently(async |server| server.edit_mission(id, edit.clone()).await).await?;
        }
        self.settings = settings;
        Ok(())
    }

    /// Tells of settings that somebody else has changed.
    async fn tell_settings(&mut self, now: Settings) {
        let shown = self.options();
        let before = std::mem::replace(&mut self.settings, now);
        if before.mode != self.settings.mode {
            self.tell([Update::CurrentModeUpdate { current_mode_id: settings::word(self.settings.mode) }]).await;
        }
        let config_options = self.options();
        if config_options != shown {
            self.tell([Update::ConfigOptionUpdate { config_options }]).await;
        }
    }

    fn options(&self) -> Vec<Value> {
        let about = self.harness.as_ref().and_then(|info| info.about.as_ref());
        about.map(|about| self.settings.options(about)).unwrap_or_default()
    }

    /// What the client is told of a session that it has opened.
    fn opened(&self) -> Value {
        let about = self.harness.as_ref().and_then(|info| info.about.as_ref());
        let modes = about.and_then(|about| self.settings.mode_state(about));
        json!({ "modes": modes, "configOptions": self.options() })
    }

    async fn tell(&self, updates: impl IntoIterator<Item = Update>) {
        for update in updates {
            self.face.wire.notify("session/update", json!({ "sessionId": self.id, "update": update })).await;
        }
    }
}
