use std::io::Write;

use http::{HeaderValue, header};
use sandboxed_model::{Blame, Failure};
use serde_json::Value;

use super::*;
use crate::Reason;

const MESSAGES: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg\",\"model\":\"claude\",\"usage\":",
    "{\"input_tokens\":10,\"cache_creation_input_tokens\":7,\"cache_read_input_tokens\":100,",
    "\"cache_creation\":{\"ephemeral_5m_input_tokens\":4,\"ephemeral_1h_input_tokens\":3},\"output_tokens\":1}}}\n\n",
    "event: ping\ndata: {\"type\":\"ping\"}\n\n",
    "event: content_block_delta\r\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"hällo\"}}\r\n\r\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":42}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);
const CHAT: &str = concat!(
    "data: {\"model\":\"gpt\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"abc\"},\"finish_reason\":null}],\"usage\":null}\n\n",
    "data: {\"model\":\"gpt\",\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
    "data: {\"model\":\"gpt\",\"choices\":[],\"usage\":{\"prompt_tokens\":117,\"completion_tokens\":42,\"total_tokens\":159,",
    "\"prompt_tokens_details\":{\"cached_tokens\":100,\"cache_write_tokens\":7},\"completion_tokens_details\":{\"reasoning_tokens\":5}}}\n\n",
    "data: [DONE]\n\n",
);
const RESPONSES: &str = concat!(
    "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp\",\"model\":\"gpt\",\"usage\":null}}\n\n",
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"delta\":\"abc\"}\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":2,\"response\":{\"id\":\"resp\",\"model\":\"gpt\",",
    "\"output\":[{\"content\":\"abc\"}],\"usage\":{\"input_tokens\":117,\"input_tokens_details\":{\"cached_tokens\":100,\"cache_write_tokens\":7},",
    "\"output_tokens\":42,\"output_tokens_details\":{\"reasoning_tokens\":5}}}}\n\n",
);
const GEMINI: &str = concat!(
    "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"abc\"}]}}],\"usageMetadata\":{\"promptTokenCount\":110},\"modelVersion\":\"gem\"}\r\n,\r\n",
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":110,",
    "\"cachedContentTokenCount\":100,\"candidatesTokenCount\":37,\"thoughtsTokenCount\":5,\"toolUsePromptTokenCount\":2},\"modelVersion\":\"gem\"}\r\n]",
);

fn reading(format: WireFormat, coding: &str, chunks: &[&[u8]]) -> Reading {
    let mut headers = HeaderMap::new();
    if !coding.is_empty() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_str(coding).unwrap());
    }
    let mut reading = Reading::new(format, &headers, None);
    for chunk in chunks {
        assert_eq!(reading.look(chunk), None);
    }
    reading.end();
    reading
}

fn right(format: WireFormat, reading: &Reading, what: &str) {
    let tokens = match format {
        WireFormat::Messages => {
            Tokens { input: 10, cache_read: 100, cache_write: 4, cache_write_1h: 3, output: 42, reasoning: 0 }
        }
        WireFormat::Chat | WireFormat::Responses => {
            Tokens { input: 10, cache_read: 100, cache_write: 7, cache_write_1h: 0, output: 42, reasoning: 5 }
        }
        WireFormat::Gemini => {
            Tokens { input: 12, cache_read: 100, cache_write: 0, cache_write_1h: 0, output: 42, reasoning: 5 }
        }
    };
    assert_eq!((reading.tokens(), reading.is_whole()), (Some(tokens), true), "{format} {what}");
    assert_eq!(reading.visible(), if format == WireFormat::Messages { 6 } else { 3 }, "{format} {what}");
    assert!(reading.model().is_some());
}

const ALL: [(WireFormat, &str); 4] = [
    (WireFormat::Messages, MESSAGES),
    (WireFormat::Chat, CHAT),
    (WireFormat::Responses, RESPONSES),
    (WireFormat::Gemini, GEMINI),
];

fn packed(coding: &str, text: &str) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        }
        "zstd" => zstd::encode_all(text.as_bytes(), 3).unwrap(),
        _ => text.as_bytes().to_vec(),
    }
}

#[test]
fn what_an_answer_used_is_read_wherever_its_bytes_are_split() {
    for (format, text) in ALL {
        for coding in ["", "gzip", "deflate", "zstd"] {
            let bytes = packed(coding, text);
            right(format, &reading(format, coding, &[&bytes]), coding);
            for at in 0..bytes.len() {
                right(format, &reading(format, coding, &[&bytes[..at], &bytes[at..]]), coding);
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            right(format, &reading(format, coding, &single), coding);
        }
    }
}

#[test]
fn an_answer_that_is_cut_anywhere_is_not_whole() {
    for (format, text) in ALL {
        for at in 0..text.len() {
            let reading = reading(format, "", &[&text.as_bytes()[..at]]);
            // Once the reason for its end was told, a completion is whole.
            let whole = format == WireFormat::Chat && text[..at].contains("\"stop\"}],\"usage\":null}\n\n")
                || format == WireFormat::Gemini && text[..at].ends_with("\"gem\"}\r\n") && text[..at].contains("STOP")
                || format == WireFormat::Gemini && text[..at].ends_with("\"gem\"}") && text[..at].contains("STOP")
                || format == WireFormat::Gemini && text[..at].ends_with("\"gem\"}\r") && text[..at].contains("STOP");
            assert_eq!(reading.is_whole(), whole, "{format} {at}");
        }
    }
}

#[test]
fn what_is_compressed_in_an_unknown_way_or_broken_tells_nothing() {
    let answer = reading(WireFormat::Messages, "br", &[b"whatever"]);
    assert_eq!((answer.tokens(), answer.is_whole()), (None, false));
    let mut bytes = packed("gzip", MESSAGES);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    assert_eq!(reading(WireFormat::Messages, "gzip", &[&bytes]).tokens(), None);
}

#[test]
fn little_that_becomes_much_is_not_held() {
    let huge = format!("data: {}\n\n{MESSAGES}", " ".repeat(50_000_000));
    for coding in ["gzip", "zstd"] {
        let bytes = packed(coding, &huge);
        assert!(bytes.len() < 100_000);
        let answer = reading(WireFormat::Messages, coding, &[&bytes]);
        assert_eq!(answer.tokens().unwrap().output, 42, "{coding}");
    }
}

#[test]
fn reasoning_that_is_counted_apart_is_output_as_well() {
    let body =
        br#"{"model":"grok","choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":4,
        "total_tokens":214,"completion_tokens_details":{"reasoning_tokens":200}}}"#;
    let tokens = reading(WireFormat::Chat, "", &[body]).tokens().unwrap();
    assert_eq!((tokens.output, tokens.reasoning), (204, 200));
    let lie = String::from_utf8_lossy(body).replace("214", "14");
    assert_eq!(reading(WireFormat::Chat, "", &[lie.as_bytes()]).tokens(), None);
}

#[test]
fn an_answer_ends_after_the_event_that_used_up_its_allowance() {
    let refusal = Refusal::new(Reason::Budget, Failure::new(Blame::Denied, "budget.used_up", "used up"));
    for (format, text) in ALL {
        let mut whole = Vec::new();
        for size in [1, 7, text.len()] {
            let mut reading = Reading::new(format, &HeaderMap::new(), Some(3));
            let mut sent = Vec::new();
            for chunk in text.as_bytes().chunks(size) {
                if let Some(used_up) = reading.look(chunk) {
                    sent.extend_from_slice(&chunk[..used_up.keep]);
                    break;
                }
                sent.extend_from_slice(chunk);
            }
            sent.extend_from_slice(reading.farewell(&refusal).unwrap().as_bytes());
            let sent = String::from_utf8(sent).unwrap();
            assert!(sent.contains("used up") && !sent.contains("42"), "{format}: {sent}");
            if format == WireFormat::Gemini {
                assert_eq!(serde_json::from_str::<Vec<Value>>(&sent).unwrap().len(), 2);
            }
            whole.push(sent.replace('\r', ""));
        }
        assert!(whole.iter().all(|sent| *sent == whole[0]), "{format}");
    }
}
