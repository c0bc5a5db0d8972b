//! What is found, whole and in pieces.

use base64::{Engine as _, prelude::*};

use super::*;

/// With all that ways of writing treat in their own way.
const CANARY: &str = "cAn4ry/+\"é <&>\\ \u{1F511}=%";

fn known(name: &str, value: &[u8]) -> Known {
    Known { name: name.to_owned(), value: value.to_vec().into() }
}

fn redactor(value: &[u8]) -> Redactor {
    Redactor::new(&[known("canary", value)]).unwrap()
}

/// The value in ways in which programs write it.
fn written(value: &str) -> Vec<(&'static str, String)> {
    let json = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let ascii = |text: &str| {
        let units = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
        text.chars().map(|c| if c.is_ascii() { c.to_string() } else { units(c) }).collect::<String>()
    };
    let percent = |bytes: &[u8]| bytes.iter().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let some_percent = |bytes: &[u8]| {
        let one = |byte: &u8| match byte.is_ascii_alphanumeric() {
            true => char::from(*byte).to_string(),
            false => format!("%{byte:02X}"),
        };
        bytes.iter().map(one).collect::<String>()
    };
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 = BASE64_STANDARD.encode(value);
    vec![
        ("as it is", value.to_owned()),
        ("base64", base64.clone()),
        ("base64 without padding", BASE64_STANDARD_NO_PAD.encode(value)),
        ("base64 for URLs", BASE64_URL_SAFE_NO_PAD.encode(value)),
        ("percent", some_percent(value.as_bytes())),
        ("percent of all", percent(value.as_bytes())),
        ("JSON", json(value)),
        ("JSON in ASCII", ascii(&json(value))),
        ("JSON with slashes", json(value).replace('/', "\\/")),
        ("hex", hex.clone()),
        ("HEX", hex.to_uppercase()),
        ("base64 in a URL", some_percent(base64.as_bytes())),
        ("base64 of base64", BASE64_STANDARD.encode(base64)),
        ("JSON in JSON", json(&json(value))),
    ]
}

#[test]
fn a_value_is_found_in_every_way_of_writing() {
    let redactor = redactor(CANARY.as_bytes());
    for (way, text) in written(CANARY) {
        assert_eq!(redactor.text(&format!("<{text}>")), "<[secret canary]>", "{way}: {text}");
    }
}

#[test]
fn base64_of_something_longer_tells_no_more_than_a_character_at_each_end_of_the_value() {
    let redactor = redactor(CANARY.as_bytes());
    for before in ["", "u", "us", "user:", "Authorization: Basic", "\0\0\0\0"] {
        for after in ["", "x", "xy", "\nand more"] {
            for engine in [&BASE64_STANDARD, &BASE64_URL_SAFE] {
                let text = engine.encode(format!("{before}{CANARY}{after}"));
                let clean = redactor.text(&text);
                assert!(clean.contains("[secret canary]"), "{before:?} {after:?} {text}");
                let left = clean.replace("[secret canary]", "").len();
                let other = BASE64_STANDARD.encode(before).len() + BASE64_STANDARD.encode(after).len();
                assert!(left <= other + 4, "{before:?} {after:?} {clean}");
            }
        }
    }
}

#[test]
fn a_value_is_found_wherever_the_pieces_of_a_text_are_cut() {
    let redactor = redactor(CANARY.as_bytes());
    for (way, text) in written(CANARY) {
        let text = format!("ä {text} ö {text}");
        let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        for &first in &cuts {
            for &second in cuts.iter().filter(|&&cut| cut >= first) {
                let mut stream = TextRedactor::default();
                let mut told = String::new();
                for piece in [&text[..first], &text[first..second], &text[second..]] {
                    told += &stream.push(Some(&redactor), piece.to_owned());
                }
                told += &stream.finish(Some(&redactor));
                assert_eq!(told, "ä [secret canary] ö [secret canary]", "{way} cut at {first} and {second}");
            }
        }
    }
}

#[test]
fn a_value_is_found_when_it_comes_one_character_at_a_time_and_no_more_is_held_than_it_may_become() {
    let redactor = redactor(CANARY.as_bytes());
    let mut stream = TextRedactor::default();
    let mut told = String::new();
    for character in format!("the key is {CANARY}, keep it").chars() {
        told += &stream.push(Some(&redactor), character.to_string());
        assert!(stream.held().len() < redactor.longest);
    }
    told += &stream.finish(Some(&redactor));
    assert_eq!(told, "the key is [secret canary], keep it");
}

#[test]
fn what_only_begins_like_a_value_is_told_in_the_end() {
    let redactor = redactor(b"hunter2-hunter2");
    let mut stream = TextRedactor::default();
    assert_eq!(stream.push(Some(&redactor), "I am a hunter".to_owned()), "I am a ");
    assert_eq!(stream.held(), b"hunter");
    let mut taken_up = TextRedactor::going_on(stream.held().to_vec());
    assert_eq!(taken_up.push(Some(&redactor), "2-hunter2!".to_owned()), "[secret canary]!");
    assert_eq!(stream.finish(Some(&redactor)), "hunter");
}

#[test]
fn of_two_values_that_begin_alike_the_longer_is_taken() {
    let redactor = Redactor::new(&[known("short", b"abcdefgh"), known("long", b"abcdefgh-ijkl")]).unwrap();
    assert_eq!(redactor.text("abcdefgh-ijkl abcdefgh-"), "[secret long] [secret short]-");
    let mut stream = TextRedactor::default();
    assert_eq!(stream.push(Some(&redactor), "abcdefgh".to_owned()), "");
    assert_eq!(stream.push(Some(&redactor), "-ijkl".to_owned()), "[secret long]");
}

#[test]
fn each_line_of_a_key_is_found_and_what_frames_it_is_not() {
    let lines = ["b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz", "c2gtZWQyNTUxOQAAACD4tq0Zk2p1yA"];
    let key =
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n{}\n-----END OPENSSH PRIVATE KEY-----\n", lines[0], lines[1]);
    let redactor = redactor(key.as_bytes());
    assert_eq!(redactor.text(&format!("+{}", lines[0])), "+[secret canary]");
    assert_eq!(redactor.text("-----BEGIN OPENSSH PRIVATE KEY-----"), "-----BEGIN OPENSSH PRIVATE KEY-----");
    assert_eq!(redactor.text(&key), "[secret canary]");
    assert_eq!(redactor.text(&key.replace('\n', "\r\n")), "[secret canary]");
    assert_eq!(redactor.text(&key.replace('\n', "\\n")), "[secret canary]");
    let wrapped: Vec<String> = BASE64_STANDARD
        .encode(&key)
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    for line in redactor.text(&wrapped.join("\n")).lines() {
        assert!(line.len() < 8 || line == "[secret canary]", "{line}");
    }
}

#[test]
fn bytes_that_are_no_text_are_found_in_what_is_told_of_them() {
    let value = [0xff, 0xfe, b'k', b'e', b'y', 0x00, 0x80, b'!'];
    let redactor = redactor(&value);
    assert_eq!(redactor.bytes(&value).as_ref(), b"[secret canary]");
    assert_eq!(redactor.text(&String::from_utf8_lossy(&value)), "[secret canary]");
    assert_eq!(redactor.text("fffe6b6579008021"), "[secret canary]");
}

#[test]
fn a_long_value_is_found_in_all_of_its_length() {
    let value: Vec<u8> =
        (0..60_000u32).map(|at| b'a' + u8::try_from(at.wrapping_mul(2_654_435_761) >> 24).unwrap() % 26).collect();
    let redactor = redactor(&value);
    let text = String::from_utf8(value).unwrap();
    assert_eq!(redactor.text(&text).replace("[secret canary]", ""), "");
    let left = redactor.text(&BASE64_STANDARD.encode(&text)).replace("[secret canary]", "").len();
    assert!(left < 1200, "{left} of 80,000 characters are told");
}

#[test]
fn what_is_no_secret_is_left_as_it_is_and_short_values_are_not_looked_for() {
    assert!(Redactor::new(&[known("short", b"12345")]).is_none());
    let redaction = Redaction::default();
    assert!(matches!(redaction.text("hunter2-hunter2"), Cow::Borrowed(_)));
    redaction.set(&[known("canary", b"hunter2-hunter2")]);
    assert_eq!(redaction.text("x hunter2-hunter2"), "x [secret canary]");
    assert!(matches!(redaction.text("a text of no interest"), Cow::Borrowed(_)));
    redaction.set(&[]);
    assert_eq!(redaction.text("hunter2-hunter2"), "hunter2-hunter2");
    assert!(!format!("{redaction:?} {:?}", redactor(b"hunter2-hunter2")).contains("hunter2"));
}

#[test]
fn bytes_keep_their_places_when_values_are_masked_wherever_they_are_cut() {
    let redactor = redactor(b"hunter2-hunter2");
    let text = b"x hunter2-hunter2 y hunter";
    for cut in 0..text.len() {
        let mut mask = ByteMask::default();
        let mut told = mask.push(Some(&redactor), &text[..cut]);
        told.extend(mask.push(Some(&redactor), &text[cut..]));
        told.extend(mask.finish(Some(&redactor)));
        assert_eq!(told, b"x *************** y hunter", "cut at {cut}");
    }
}
