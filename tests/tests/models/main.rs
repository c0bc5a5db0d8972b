//! Agents ask models through the server's gateway: with a token that dies with their turn, counted, within budgets, and by
//! whichever account can answer. The providers are a scripted server on this machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod accounts;
mod asking;
mod authorization;
mod budgets;
mod canary;
mod crashing;
mod limits;
mod sign_in;
mod tokens;

use sandboxed_tests::{
    config,
    models::{KEY, Lab},
};
use serde_json::{Value, json};

/// The key of the second account.
const OTHER_KEY: &str = "sk-second-real-key";

/// The configuration of the tests with another value of a key of `[models]`.
fn with(key: &str, value: &str) -> String {
    let text = config::of_tests();
    let start = text.find(&format!("\n{key} = ")).unwrap() + 1;
    let end = start + text[start..].find('\n').unwrap();
    format!("{}{key} = {value}{}", &text[..start], &text[end..])
}

/// A script that asks for an answer of Anthropic Messages and prints it, with the status in the last line.
fn ask(model: &str, text: &str) -> String {
    let body = json!({ "model": model, "max_tokens": 100, "messages": [{ "role": "user", "content": text }] });
    post("$ANTHROPIC_BASE_URL/v1/messages", "x-api-key: $ANTHROPIC_API_KEY", &body)
}

/// A script that posts a body and prints the answer, with the status in the last line.
fn post(url: &str, header: &str, body: &Value) -> String {
    format!(
        "curl -sS -N -w '\\n%{{http_code}}\\n' \"{url}\" -H \"{header}\" -H 'content-type: application/json' --data-binary @- <<'BODY'\n{body}\nBODY\n"
    )
}

/// What every request is answered with: 100 tokens of input, 20 of output.
const ANSWER: &str = r#"
[[reply]]
text = "I heard you."
usage = { input = 100, output = 20 }
"#;

/// What an answer of [`ANSWER`] costs, in micro-dollars.
const ANSWER_COST: u64 = 100 + 200;
