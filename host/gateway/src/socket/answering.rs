//! The answer to a request of a WebSocket, while it passes.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sandboxed_model::{Timestamp, request::RequestEnd, wire::WireFormat};

use crate::{
    Desk,
    account::{Account, Read},
    answer::Facts,
    desk::Trouble,
    trouble,
};

/// An answer and its account. One that is dropped before its end was abandoned.
pub(super) struct Answering<D: Desk> {
    pub(super) account: Account<D>,
    pub(super) facts: Facts,
}

impl<D: Desk> Answering<D> {
    pub(super) fn new(account: Account<D>) -> Self {
        Self { account, facts: Facts::new(WireFormat::Responses) }
    }

    /// The provider did not take the request.
    pub(super) fn refuse(&mut self, status: Option<StatusCode>) {
        self.account.status = status.map(|status| status.as_u16());
        self.account.settle(RequestEnd::Refused, Read::default());
    }

    pub(super) fn settle(&mut self, end: RequestEnd) {
        let read = Read {
            tokens: self.facts.tokens(),
            visible: self.facts.visible(),
            model: self.facts.model().map(str::to_owned),
        };
        self.account.settle(end, read);
    }
}

impl<D: Desk> Drop for Answering<D> {
    fn drop(&mut self) {
        if self.account.is_open() {
            self.settle(Account::<D>::lost());
        }
    }
}

/// What a first event tells of the account, if it is an error that another account might not have.
pub(super) fn trouble_in(text: &[u8]) -> Option<(StatusCode, Trouble)> {
    #[derive(serde::Deserialize)]
    struct Event {
        #[serde(rename = "type")]
        kind: String,
        status: u16,
        #[serde(default)]
        headers: serde_json::Map<String, serde_json::Value>,
    }
    let event: Event = serde_json::from_slice(text).ok()?;
    if event.kind != "error" {
        return None;
    }
    let status = StatusCode::from_u16(event.status).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in event.headers {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    Some((status, trouble::of(status, &headers, text, Timestamp::now())?))
}
