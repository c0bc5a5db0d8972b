//! Measures on this machine how fast texts are searched for values, and how long it takes to begin to look for others.
//!
//! `cargo run -p sandboxed-vault --release --example redact_bench`
#![allow(clippy::unwrap_used, reason = "a measurement that cannot be taken ends")]

use std::time::Instant;

use sandboxed_vault::{Known, Redaction, TextRedactor};

const TEXT: usize = 64 << 20;

fn text() -> String {
    let words = ["the", "build", "of", "crate", "store", "failed:", "error[E0425]", "Zm9vYmFy", "src/main.rs:17", "\n"];
    let mut text = String::with_capacity(TEXT + 32);
    let mut number = 1_u64;
    while text.len() < TEXT {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(words[usize::try_from(number >> 33).unwrap() % words.len()]);
        text.push(' ');
    }
    text
}

fn value(number: usize) -> Vec<u8> {
    format!("sk-live-{:032x}", (number as u128 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
        .into_bytes()
}

fn speed(bytes: usize, started: Instant) -> f64 {
    bytes as f64 / started.elapsed().as_secs_f64() / 1e6
}

fn main() {
    let text = text();
    for count in [0, 1, 10, 100, 1000] {
        let known: Vec<_> =
            (0..count).map(|number| Known { name: format!("key-{number}"), value: value(number).into() }).collect();
        let redaction = Redaction::default();
        let started = Instant::now();
        redaction.set(&known);
        let built = started.elapsed();
        let started = Instant::now();
        assert_eq!(redaction.text(&text).len(), text.len());
        let whole = speed(text.len(), started);
        let mut stream = TextRedactor::default();
        let redactor = redaction.current();
        let pieces: Vec<_> =
            text.as_bytes().chunks(100).map(|piece| String::from_utf8_lossy(piece).into_owned()).collect();
        let started = Instant::now();
        let mut told = 0;
        for piece in pieces {
            told += stream.push(redactor.as_deref(), piece).len();
        }
        told += stream.finish(redactor.as_deref()).len();
        assert_eq!(told, text.len());
        let pieces = speed(text.len(), started);
        println!(
            "{count:>5} secrets: built in {built:>9.1?}, whole {whole:>8.0} MB/s, pieces of 100 bytes {pieces:>8.0} MB/s"
        );
    }
}
