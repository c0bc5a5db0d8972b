//! The images that a person sends along with a prompt.
//!
//! A driver is given their names and not their bytes: what it writes is cut where the bytes belong, and the host puts
//! them there in base64 ([`Action::WriteAttachment`]).

use std::fmt::Write;

use sandboxed_sdk::harness::{Action, Attachment};

/// Bytes of an image that is put before a model. Anthropic takes 5 MiB of base64 an image, and other providers take more.
pub const MAX_IMAGE: u64 = 5 * (1 << 20) / 4 * 3;

/// What models look at. An image of another kind is refused by providers, and would be again in each later turn, as it
/// is part of the conversation then.
const KINDS: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Where the bytes of an image belong, in a line of JSON. Within a text its quotes would be escaped.
const PLACE: &str = r#""data":"""#;

/// The images that are put before the model, each with its number in `start.attachments`.
pub fn images(attachments: &[Attachment]) -> impl Iterator<Item = (u32, &Attachment)> {
    (0..).zip(attachments).filter(|(_, attachment)| is_shown(attachment))
}

/// The prompt, and after it where those attachments lie that are not put before the model.
pub fn prompt(prompt: &str, attachments: &[Attachment]) -> String {
    let mut text = prompt.to_owned();
    for attachment in attachments.iter().filter(|attachment| !is_shown(attachment)) {
        let Attachment { name, media_type, path, size } = attachment;
        // Writing to a text cannot fail.
        let _ = write!(text, "\n\n[The file {name:?} ({media_type}, {size} bytes) was sent along: {path}]");
    }
    text
}

/// A line of JSON in which each empty member `data` becomes the bytes of the next of these attachments.
pub fn write(line: Vec<u8>, numbers: impl IntoIterator<Item = u32>) -> Vec<Action> {
    let text = match String::from_utf8(line) {
        Ok(text) => text,
        // Nothing that is no text has a place for an image.
        Err(error) => return vec![Action::Write(error.into_bytes())],
    };
    let quote = '"'.len_utf8();
    let mut actions = Vec::new();
    let mut written = 0;
    for ((place, _), number) in text.match_indices(PLACE).zip(numbers) {
        let end = place + PLACE.len() - quote;
        actions.push(Action::Write(text.as_bytes()[written..end].to_vec()));
        actions.push(Action::WriteAttachment(number));
        written = end;
    }
    actions.push(Action::Write(text.as_bytes()[written..].to_vec()));
    actions
}

fn is_shown(attachment: &Attachment) -> bool {
    attachment.size <= MAX_IMAGE && KINDS.contains(&attachment.media_type.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attachment(name: &str, media_type: &str, size: u64) -> Attachment {
        let path = format!("/inbox/{name}");
        Attachment { name: name.to_owned(), media_type: media_type.to_owned(), path, size }
    }

    #[test]
    fn the_bytes_of_images_are_written_by_the_host_where_they_belong() {
        let image = || json!({ "type": "image", "data": "" });
        let line = format!("{}\n", json!([{ "text": r#"a "data":"" b"# }, image(), image()])).into_bytes();
        let actions = write(line.clone(), [0, 2]);
        let [Action::Write(start), first, Action::Write(middle), second, Action::Write(end)] = &actions[..] else {
            panic!("three texts and two images: {actions:?}")
        };
        assert_eq!((first, second), (&Action::WriteAttachment(0), &Action::WriteAttachment(2)));
        assert!(start.ends_with(br#""data":""#) && middle.starts_with(b"\"") && end.starts_with(b"\""), "{actions:?}");
        assert_eq!([start.as_slice(), middle, end].concat(), line);
    }

    #[test]
    fn a_line_without_images_is_one_text() {
        let line = json!({ "text": r#"say "data":"""#, "data": "x" }).to_string().into_bytes();
        assert_eq!(write(line.clone(), []), [Action::Write(line)]);
    }

    #[test]
    fn what_no_model_looks_at_is_told_by_its_path() {
        let sent = [
            attachment("a.svg", "image/svg+xml", 3),
            attachment("b.png", "image/png", MAX_IMAGE),
            attachment("c.png", "image/png", MAX_IMAGE + 1),
        ];
        assert_eq!(images(&sent).map(|(number, _)| number).collect::<Vec<_>>(), [1]);
        let text = prompt("look", &sent);
        assert!(text.starts_with("look\n\n[The file \"a.svg\" (image/svg+xml, 3 bytes) was sent along: /inbox/a.svg]"));
        assert!(text.contains("/inbox/c.png") && !text.contains("/inbox/b.png"), "{text}");
    }
}
