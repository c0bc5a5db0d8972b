//! The wire formats.

pub(crate) mod chat;
pub(crate) mod failure;
pub(crate) mod gemini;
pub(crate) mod messages;
pub(crate) mod models;
pub(crate) mod response_object;
pub(crate) mod responses;

use crate::{
    reply::Reply,
    route::Format,
    script::{Event, Writer},
    usage::{Moment, Pen},
};

/// The writer of a format's streams.
pub(crate) fn writer(format: Format) -> Box<dyn Writer> {
    match format {
        Format::Messages => Box::new(messages::Messages),
        Format::Chat => Box::new(chat::Chat),
        Format::Responses => Box::new(responses::Responses::default()),
        Format::Gemini => Box::new(gemini::Gemini),
    }
}

/// The body of an answer that is no stream.
pub(crate) fn whole(format: Format, reply: &Reply) -> Event {
    let body = match format {
        Format::Messages => messages::whole(reply),
        Format::Chat => chat::whole(reply),
        Format::Responses => response_object::completed(reply),
        Format::Gemini => gemini::whole(reply),
    };
    Event::plain(body).telling(reply.usage, reply.lie.is_none())
}

/// The body of a count of tokens.
pub(crate) fn count(format: Format, tokens: i64) -> String {
    use crate::json::Obj;
    match format {
        Format::Messages | Format::Chat => Obj::new().put("input_tokens", tokens).text(),
        Format::Responses => Obj::new().put("object", "response.input_tokens").put("input_tokens", tokens).text(),
        Format::Gemini => Obj::new()
            .put("totalTokens", tokens)
            .put("promptTokensDetails", [Obj::new().put("modality", "TEXT").put("tokenCount", tokens)])
            .text(),
    }
}

fn last(reply: &Reply) -> Pen {
    Pen { lie: reply.lie, moment: Moment::Last }
}
