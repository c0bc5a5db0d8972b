//! What is settled is what the providers served, to the token.

use std::sync::Arc;

use sandboxed_model::request::RequestEnd;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    client::{message, post, records, server, streams, wholes},
    desk::{Account, Door, MemoryDesk},
};

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_mixed_requests_are_settled_as_they_were_served() {
    let mut scenario = String::new();
    for (number, usage) in [
        "input = 11, output = 7",
        "input = 5, cache_read = 1000, output = 300, reasoning = 100",
        "input = 1, cache_write_5m = 50, cache_write_1h = 20, output = 1",
        "input = 0, output = 0",
        "input = 123456, cache_read = 654321, output = 99999, reasoning = 99998",
    ]
    .iter()
    .enumerate()
    {
        scenario += &format!(
            "[[reply]]\nwhen = {{ user_contains = \"case {number}\" }}\ntext = \"some words\"\nthinking = \"hm\"\nchunk = 3\n\
             usage = {{ {usage} }}\n"
        );
    }
    scenario += "[[reply]]\nwhen = { user_contains = \"too many\" }\nerror = { status = 429 }\n";
    scenario += "[[reply]]\nwhen = { user_contains = \"packed\" }\ngzip = true\nsplit_bytes = 7\n";
    let server = server(&scenario).await;
    let door = Arc::new(Door::to(&server).await);
    let words = ["case 0", "case 1", "case 2", "case 3", "case 4", "too many", "packed", "echo"];
    let mut asking = JoinSet::new();
    for number in 0..200 {
        let door = Arc::clone(&door);
        asking.spawn(async move {
            let text = format!("{} {number}", words[number % words.len()]);
            let mut asks = if number % 3 == 0 { wholes(&text) } else { streams(&text) };
            let (_, path, body) = asks.swap_remove(number / 3 % asks.len());
            post(door.address, path, &body).await.status
        });
    }
    let statuses = asking.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 25);
    let settled = door.desk.all(200).await;
    assert_eq!(settled.len(), 200);
    let sum = |of: fn(&sandboxed_model::wire::Tokens) -> u64| {
        settled.iter().filter_map(|settled| settled.tokens.as_ref()).map(of).sum::<u64>() as i64
    };
    let records = records(&server).await;
    let served = |of: fn(&sandboxed_scripted_models::Usage) -> i64| {
        records.iter().filter_map(|record| record.usage.as_ref()).map(of).sum::<i64>()
    };
    assert_eq!(sum(|tokens| tokens.cache_read), served(|usage| usage.cache_read));
    assert_eq!(sum(|tokens| tokens.output), served(|usage| usage.output));
    assert_eq!(sum(|tokens| tokens.reasoning), served(|usage| usage.reasoning));
    // Gemini has no writes to a cache: what it is told to have written is input there.
    assert_eq!(sum(|tokens| tokens.all_input()), served(|usage| usage.prompt()));
    assert_eq!(settled.iter().filter(|settled| settled.end == RequestEnd::Complete).count(), 175);
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_at_once_stay_within_what_they_share() {
    let server =
        server("[[reply]]\ntext = \"some words\"\nusage = { input = 20, output = 9 }\npace = { first_ms = 5 }\n").await;
    // Enough for a few at the same time, and for some dozen in all.
    let desk = MemoryDesk { cap: Some(600), ..MemoryDesk::of([Account::at(&server)]) };
    let door = Arc::new(Door::open(desk).await);
    let mut asking = JoinSet::new();
    for _ in 0..32 {
        let door = Arc::clone(&door);
        asking.spawn(async move { post(door.address, "/v1/messages", &message("hi")).await });
    }
    let answers = asking.join_all().await;
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 400).count();
    assert_eq!(served + refused, 32);
    assert!(served > 5 && refused > 5, "{served} {refused}");
    let settled = door.desk.all(served).await;
    assert_eq!(settled.len(), served);
    let book = door.desk.book.lock().unwrap();
    assert_eq!(book.spent, served as u64 * 29);
    assert!(book.spent <= 600 && book.peak <= 600);
}

#[tokio::test]
async fn the_worst_case_is_told_before_anything_is_sent() {
    let server = server("").await;
    let door = Door::to(&server).await;
    let mut body = message("hi");
    body["messages"][0]["content"] = json!([
        { "type": "text", "text": "what is it" },
        { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo".repeat(1000) } },
    ]);
    assert_eq!(post(door.address, "/v1/messages", &body).await.status, 200);
    let book = door.desk.book.lock().unwrap();
    let worst = book.reserved[0];
    assert_eq!((worst.media, worst.media_bytes, worst.output_tokens, worst.answers), (1, 11_000, Some(9), 1));
    assert_eq!(worst.text_bytes, body.to_string().len() as u64 - 11_000);
}
