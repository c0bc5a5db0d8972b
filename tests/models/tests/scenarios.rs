//! Which reply a request gets, and what is in it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use common::{Answer, get, message, post, post_with, server, streams};
use sandboxed_scripted_models::{Error, Scenario, Server};
use serde_json::{Value, json};

/// What a whole Chat Completion says.
async fn said(server: &Server, body: Value) -> String {
    let mut body = body;
    body["model"] = body.get("model").cloned().unwrap_or(json!("m"));
    let answer = post(server, "/v1/chat/completions", &body).await;
    answer.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
}

fn user(text: &str) -> Value {
    json!({ "messages": [{ "role": "user", "content": text }] })
}

#[tokio::test]
async fn without_a_scenario_every_format_echoes() {
    let server = server("").await;
    for (format, path, body) in streams("tell me this") {
        let answer = post(&server, path, &body).await;
        let deltas = ["/delta/text", "/choices/0/delta/content", "/delta", "/candidates/0/content/parts/0/text"];
        let said: String = answer
            .data()
            .iter()
            .filter_map(|data| serde_json::from_str::<Value>(data).ok())
            .filter_map(|event| deltas.iter().find_map(|at| Some(event.pointer(at)?.as_str()?.to_owned())))
            .collect();
        assert_eq!(said, "tell me this", "{format}");
    }
}

#[tokio::test]
async fn the_same_scenario_gives_the_same_bytes() {
    let scenario = "[[reply]]\nthinking = \"hm\"\ntext = \"yes\"\n[[reply.content]]\ntype = \"tool_call\"\nname = \"t\"\n\
                    arguments = { b = 1, a = [2, { z = 3, y = 4 }] }\n";
    let (one, other) = (server(scenario).await, server(scenario).await);
    for (format, path, body) in streams("hi") {
        let first = post(&one, path, &body).await.body;
        assert_eq!(post(&one, path, &body).await.body, first, "{format}");
        assert_eq!(post(&other, &format!("/elsewhere{path}"), &body).await.body, first, "{format}");
    }
}

#[tokio::test]
async fn ids_are_unique_where_that_is_asked_for() {
    let server = server("unique_ids = true\n").await;
    let (_, path, body) = &streams("hi")[1];
    let (first, second) = (post(&server, path, body).await.body, post(&server, path, body).await.body);
    assert_ne!(first, second);
}

#[tokio::test]
async fn ids_differ_from_turn_to_turn() {
    let server = server("[[reply]]\n[[reply.content]]\ntype = \"tool_call\"\nname = \"t\"\n").await;
    let id = |answer: Answer| answer.json()["choices"][0]["message"]["tool_calls"][0]["id"].clone();
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    let first = id(post(&server, "/v1/chat/completions", &body).await);
    body["messages"].as_array_mut().unwrap().push(json!({ "role": "tool", "tool_call_id": first, "content": "x" }));
    assert_ne!(id(post(&server, "/v1/chat/completions", &body).await), first);
}

#[tokio::test]
async fn the_first_reply_whose_conditions_all_hold_is_taken() {
    let server = server(
        r#"
        [[reply]]
        when = { model = "claude-*", user_contains = "one" }
        text = "model and text"
        [[reply]]
        when = { key = "sk-special" }
        text = "key"
        [[reply]]
        when = { offers = "Bash" }
        text = "offers"
        [[reply]]
        when = { tools = true }
        text = "tools"
        [[reply]]
        when = { images = true }
        text = "images"
        [[reply]]
        when = { tool_result = true, tool_result_contains = "42" }
        text = "result"
        [[reply]]
        when = { headers = { x-kind = "*rare*" } }
        text = "header"
        [[reply]]
        when = { path = "/there/*" }
        text = "path"
        [[reply]]
        when = { format = "chat" }
        text = "rest"
        "#,
    )
    .await;
    let mut body = user("one two");
    assert_eq!(said(&server, body.clone()).await, "rest");
    body["model"] = json!("claude-x");
    assert_eq!(said(&server, body.clone()).await, "model and text");
    let tool = |name: &str| json!([{ "type": "function", "function": { "name": name } }]);
    let mut body = user("two");
    body["tools"] = tool("Bash");
    assert_eq!(said(&server, body.clone()).await, "offers");
    body["tools"] = tool("Other");
    assert_eq!(said(&server, body).await, "tools");
    let image = json!([{ "type": "image_url", "image_url": { "url": "data:," } }]);
    assert_eq!(said(&server, json!({ "messages": [{ "role": "user", "content": image }] })).await, "images");
    let result = json!({ "messages": [{ "role": "user", "content": "q" }, { "role": "tool", "content": "it is 42" }] });
    assert_eq!(said(&server, result).await, "result");
    let mut body = user("two");
    body["model"] = json!("m");
    for (path, header, text) in [
        ("/v1/chat/completions", ("x-kind", "a rare one"), "header"),
        ("/there/v1/chat/completions", ("x-kind", "common"), "path"),
        ("/v1/chat/completions", ("authorization", "Bearer sk-special"), "key"),
    ] {
        let answer = post_with(&server, path, &[header], &body).await;
        assert_eq!(answer.json()["choices"][0]["message"]["content"], text);
    }
}

#[tokio::test]
async fn a_reply_can_be_for_the_nth_request_that_matches() {
    let server = server(
        "[[reply]]\nwhen = { user_contains = \"go\", nth = 1 }\ntext = \"first\"\n\
         [[reply]]\nwhen = { user_contains = \"go\", nth = [2, 3] }\ntext = \"later\"\n[[reply]]\ntext = \"else\"\n",
    )
    .await;
    let mut got = Vec::new();
    for text in ["go", "stop", "go", "go", "go", "go"] {
        got.push(said(&server, user(text)).await);
    }
    // The second reply counts for itself, and only what the first one leaves.
    assert_eq!(got, ["first", "else", "else", "later", "later", "else"]);
    server.reset();
    assert_eq!(said(&server, user("go")).await, "first");
}

#[tokio::test]
async fn texts_are_filled_from_the_request() {
    let server = server("[[reply]]\ntext = \"${model}, ${user_messages}: ${user} / ${tool_result}\"\n").await;
    let body = json!({ "messages": [
        { "role": "user", "content": "first" },
        { "role": "assistant", "content": "yes" },
        { "role": "user", "content": "<system-reminder>not this</system-reminder>" },
        { "role": "user", "content": "<user_info>nor this</user_info><user_query>second</user_query>" },
        { "role": "tool", "content": "done" },
    ] });
    assert_eq!(said(&server, body).await, "m, 2: second / done");
}

#[tokio::test]
async fn the_shell_of_each_agent_is_found() {
    let server = server("[[reply]]\n[[reply.content]]\ntype = \"shell\"\ncommand = \"true\"\n").await;
    for (name, argument) in [("Bash", "command"), ("exec_command", "cmd"), ("run_shell_command", "command")] {
        let parameters = json!({ "type": "object", "properties": { argument: { "type": "string" } } });
        let other = json!({ "type": "function", "name": "read_file", "parameters": {} });
        let shell = json!({ "type": "function", "name": name, "parameters": parameters });
        let body = json!({ "model": "m", "input": "go", "tools": [other, shell] });
        let call = post(&server, "/v1/responses", &body).await.json()["output"][0].clone();
        assert_eq!((&call["name"], &call["arguments"]), (&json!(name), &json!(format!("{{\"{argument}\":\"true\"}}"))));
    }
    let inside = json!([{ "type": "namespace", "name": "box", "tools": [{ "type": "function", "name": "shell" }] }]);
    let body = json!({ "model": "m", "input": "go", "tools": inside });
    let call = post(&server, "/v1/responses", &body).await.json()["output"][0].clone();
    assert_eq!((&call["name"], &call["namespace"]), (&json!("shell"), &json!("box")));
    // A model that Codex knows has its tools in the input, and writes programs.
    let tools = json!([{ "type": "custom", "name": "exec" }]);
    let input = json!([{ "type": "additional_tools", "tools": tools }, { "role": "user", "content": "go" }]);
    let call =
        post(&server, "/v1/responses", &json!({ "model": "m", "input": input })).await.json()["output"][0].clone();
    assert_eq!(call["type"], "custom_tool_call");
    assert_eq!(call["input"], "await tools.exec_command({ cmd: \"true\" })");
}

#[tokio::test]
async fn keys_are_missing_unknown_used_up_or_barred_in_the_words_of_each_provider() {
    let server = server(
        "[[key]]\nvalue = \"dead\"\nunknown = true\n[[key]]\nvalue = \"tired\"\nused_up_until = \"2100-01-01T00:00:00Z\"\n\
         [[key]]\nvalue = \"rested\"\nused_up_until = \"2020-01-01T00:00:00Z\"\n\
         [[key]]\nvalue = \"barred\"\nerror = { status = 403 }\n",
    )
    .await;
    for (format, path, body) in streams("hi") {
        let gemini = format == "gemini";
        for (key, status) in [
            ("", if gemini { 403 } else { 401 }),
            ("dead", if gemini { 400 } else { 401 }),
            ("tired", 429),
            ("rested", 200),
            ("barred", 403),
        ] {
            let text = body.to_string();
            let header = if key.is_empty() { String::new() } else { format!("authorization: Bearer {key}\r\n") };
            let bytes = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}content-length: {}\r\n\r\n{text}",
                text.len()
            );
            let answer = common::ask(server.address(), bytes.as_bytes()).await.unwrap();
            assert_eq!(answer.status, status, "{format} {key}");
            if status == 429 {
                const RESET: &str = "4102444800";
                let told = match format {
                    "messages" => answer.header("anthropic-ratelimit-unified-reset") == Some(RESET),
                    "gemini" => answer.json()["error"]["details"][0]["retryDelay"].is_string(),
                    _ => answer.json()["error"]["resets_at"].as_i64() == RESET.parse().ok(),
                };
                assert!(told, "{answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn only_listed_keys_are_known_and_nobody_has_to_have_one() {
    let server = server("only_listed_keys = true\n[[key]]\nvalue = \"good\"\n").await;
    for (key, status) in [("good", 200), ("bad", 401)] {
        let answer = post_with(&server, "/v1/messages", &[("x-api-key", key)], &message("hi")).await;
        assert_eq!(answer.status, status, "{key}");
    }
    let open = common::server("allow_anonymous = true\n").await;
    let bytes = b"GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert_eq!(common::ask(open.address(), bytes).await.unwrap().status, 200);
}

#[tokio::test]
async fn headers_hold_times_from_now_on() {
    let server = server(
        "[[reply]]\nheaders = { x-reset = \"at ${epoch+60}\", x-until = \"${time+3600}\" }\n\
         error = { status = 429, retry_after_s = 9, resets_in_s = 60 }\n",
    )
    .await;
    let now = jiff::Timestamp::now().as_second();
    let answer = post(&server, "/v1/messages", &message("hi")).await;
    let at: i64 = answer.header("x-reset").unwrap().strip_prefix("at ").unwrap().parse().unwrap();
    assert!(at >= now + 60);
    let until: jiff::Timestamp = answer.header("x-until").unwrap().parse().unwrap();
    assert!(until.as_second() >= now + 3600);
    assert_eq!(answer.header("retry-after"), Some("9"));
    assert_eq!(answer.header("anthropic-ratelimit-unified-status"), Some("rejected"));
}

#[tokio::test]
async fn gemini_streams_as_an_array_and_so_do_its_errors() {
    let server = server(
        "[[reply]]\nwhen = { user_contains = \"fail\" }\nerror = { status = 503 }\n[[reply]]\ntext = \"one two three four five six\"\n",
    )
    .await;
    let path = "/v1beta/models/m:streamGenerateContent";
    let answer = post(&server, path, &streams("hi")[3].2).await;
    let chunks = answer.json();
    assert!(chunks.as_array().unwrap().len() >= 3);
    assert_eq!(chunks.as_array().unwrap().last().unwrap()["candidates"][0]["finishReason"], "STOP");
    let answer = post(&server, path, &streams("fail")[3].2).await;
    assert_eq!((answer.status, &answer.json()[0]["error"]["status"]), (503, &json!("UNAVAILABLE")));
}

#[tokio::test]
async fn models_are_listed_in_the_words_of_whoever_asks() {
    let server = server("models = [\"big one\"]\n").await;
    let anthropic = get(&server, "/v1/models", &[("anthropic-version", "2023-06-01")]).await.json();
    assert_eq!(anthropic["data"][0]["type"], "model");
    let openai = get(&server, "/v1/models", &[("authorization", "Bearer k")]).await.json();
    assert_eq!(openai["object"], "list");
    let google = get(&server, "/v1beta/models", &[("x-goog-api-key", "k")]).await.json();
    assert_eq!(google["models"][0]["name"], "models/big one");
    let one = get(&server, "/v1beta/models/big%20one", &[]).await.json();
    assert_eq!(one["displayName"], "big one");
    assert_eq!(
        get(&server, "/v1/models/none", &[("authorization", "Bearer k")]).await.json()["error"]["code"],
        "model_not_found"
    );
}

#[test]
fn toml_and_json_are_the_same_scenario() {
    let toml =
        Scenario::parse("[[reply]]\ntext = \"a\"\nwhen = { nth = 2 }\nfault = { kind = \"cut\", after_bytes = 3 }\n");
    let json = Scenario::parse(
        r#"{"reply": [{"text": "a", "when": {"nth": 2}, "fault": {"kind": "cut", "after_bytes": 3}}]}"#,
    );
    assert_eq!(serde_json::to_value(toml.unwrap()).unwrap(), serde_json::to_value(json.unwrap()).unwrap());
}

#[test]
fn a_scenario_that_is_wrong_is_refused_with_what_is_wrong() {
    for (text, part) in [
        ("[[reply]]\ntexd = \"a\"\n", "texd"),
        ("[[reply]]\nfault = { kind = \"explode\" }\n", "explode"),
        ("[[reply]]\nfault = { kind = \"cut\", after = 3 }\n", "after"),
        ("[[reply]]\nerror = { status = 200 }\n", "400 to 599"),
        ("[[reply]]\nredirect = { to = \"/\", status = 200 }\n", "300 to 399"),
        ("[[reply]]\nchunk = 0\n", "at least 1"),
        ("[[reply]]\n[[reply.content]]\ntype = \"text\"\ntext = \"aaaaaaaa\"\nrepeat = 4000000\n", "16 MiB"),
        ("[[reply]]\nusage = { lie = \"white\" }\n", "white"),
        ("[[key]]\nvalue = \"k\"\nused_up_until = \"tomorrow\"\n", "tomorrow"),
        ("{\"reply\": [}", "expected value"),
    ] {
        let error = Scenario::parse(text).unwrap_err();
        assert!(matches!(error, Error::Scenario(_)));
        assert!(error.to_string().contains(part), "{error}");
    }
}
