//! What is kept of a turn between two steps, besides its events.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use sandboxed_model::{Failure, MessageId, event::ReportedUsage};
use serde::{Deserialize, Serialize};

use super::{hear::Steering, output_limit::Printed, redact::HeldText, translate::Translator};

/// What a server must know to take a turn up again.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct SavedTurn {
    /// What the driver saved, in base64.
    driver: Option<String>,
    pub(super) printed: BTreeMap<String, Printed>,
    pub(super) held: Vec<HeldText>,
    /// What the agent said so far that it used.
    pub(super) reported: Option<ReportedUsage>,
    /// What the agent last said that went wrong.
    #[serde(default)]
    pub(super) problem: Option<Failure>,
    /// Messages that the agent was told in the middle of the turn and has not confirmed.
    #[serde(default)]
    pub(super) steering: Vec<MessageId>,
}

impl SavedTurn {
    pub(super) fn new(driver: Option<&[u8]>, translator: &Translator, steering: &Steering) -> Self {
        Self {
            driver: driver.map(|bytes| BASE64_STANDARD.encode(bytes)),
            printed: translator.printed(),
            held: translator.held(),
            reported: translator.reported(),
            problem: translator.problem().cloned(),
            steering: steering.keys().copied().collect(),
        }
    }

    /// Reads what was stored. What another release stored in another form is as good as nothing.
    pub(super) fn read(bytes: Option<Vec<u8>>) -> Self {
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    pub(super) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and texts with text keys")
    }

    /// What the driver saved.
    pub(super) fn driver(&self) -> Option<Vec<u8>> {
        self.driver.as_ref().and_then(|text| BASE64_STANDARD.decode(text).ok())
    }
}
