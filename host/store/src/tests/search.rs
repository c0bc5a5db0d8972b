use sandboxed_model::{
    page::PageRequest,
    state::MissionState::{Queued, Running},
};

use super::*;
use crate::{Error, EventHit};

async fn texts(fixture: &Fixture, query: &str, mission: Option<MissionId>) -> Vec<String> {
    let page = fixture.store.search_events(query, mission, &PageRequest::default()).await.unwrap();
    page.items.into_iter().filter_map(|hit| hit.event.body.searchable_text().map(str::to_owned)).collect()
}

#[tokio::test]
async fn events_are_found_by_all_words_in_any_case_and_order() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("title words").await;
    fixture.say(mission.id, "The Build failed: src/main.rs").await;
    fixture.say(mission.id, "the build passed").await;
    fixture.say(mission.id, "Größe 修复构建").await;
    assert_eq!(texts(&fixture, "FAILED build", None).await, ["The Build failed: src/main.rs"]);
    assert_eq!(texts(&fixture, "main.rs", None).await, ["The Build failed: src/main.rs"]);
    assert_eq!(texts(&fixture, "build", None).await, ["the build passed", "The Build failed: src/main.rs"]);
    assert_eq!(texts(&fixture, "pass", None).await, ["the build passed"], "the last word may be a beginning");
    assert_eq!(texts(&fixture, "bui passed", None).await, Vec::<String>::new());
    assert_eq!(texts(&fixture, "GRÖSSE", None).await, Vec::<String>::new());
    assert_eq!(texts(&fixture, "GRÖßE", None).await.len(), 1);
    assert_eq!(texts(&fixture, "构建", None).await.len(), 1);
    assert_eq!(texts(&fixture, "title", None).await, Vec::<String>::new(), "a title is no event");
}

#[tokio::test]
async fn a_search_can_be_kept_to_one_mission() {
    let fixture = Fixture::new().await;
    let (a, b, c) = (fixture.mission("a").await, fixture.mission("b").await, fixture.mission("c").await);
    for (mission, text) in [(&a, "word in a"), (&b, "word in b"), (&c, "word in c")] {
        fixture.say(mission.id, text).await;
    }
    assert_eq!(texts(&fixture, "word", Some(b.id)).await, ["word in b"]);
    assert_eq!(texts(&fixture, "word", None).await, ["word in c", "word in b", "word in a"]);
    let error = fixture.store.search_events("word", Some(MissionId::new()), &PageRequest::default()).await;
    assert!(matches!(error, Err(Error::NotFound { what: "mission", .. })));
}

#[tokio::test]
async fn hits_come_in_pages_that_stay_in_place() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    for number in 0..5 {
        fixture.say(mission.id, &format!("hit {number}")).await;
    }
    let numbers = |items: &[EventHit]| items.iter().map(|hit| hit.snippet.clone()).collect::<Vec<_>>();
    let page = PageRequest { cursor: None, limit: 2 };
    let first = fixture.store.search_events("hit", None, &page).await.unwrap();
    assert_eq!(numbers(&first.items), ["hit 4", "hit 3"]);
    fixture.say(mission.id, "hit 5").await;
    let page = PageRequest { cursor: first.next_cursor, limit: 10 };
    let second = fixture.store.search_events("hit", None, &page).await.unwrap();
    assert_eq!(numbers(&second.items), ["hit 2", "hit 1", "hit 0"]);
    assert_eq!(second.next_cursor, None);
}

#[tokio::test]
async fn no_text_that_a_person_types_is_an_error() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    fixture.say(mission.id, "plain text").await;
    let long = "word ".repeat(20_000);
    let no_spaces = "x".repeat(100_000);
    let hostile = [
        "\"",
        "'",
        "*",
        "^",
        ":",
        "-",
        "+",
        "(",
        ")",
        "{",
        "}",
        "\\",
        "\0",
        "NEAR",
        "NEAR(",
        "AND",
        "OR",
        "NOT",
        "AND OR NOT",
        "a AND",
        "\"unbalanced",
        "words:plain",
        "rowid:1",
        "-plain",
        "^plain",
        "pl*in",
        "a\"b",
        "'; DROP TABLE events; --",
        "{a b}: c",
        "plain NEAR/2 text",
        "\u{0301}",
        "a\u{0301}b",
        "\u{200d}",
        "Ⓐ",
        "İ",
        "½",
        "²",
        "🦀",
        "\u{fffd}",
        "ﬁ",
        "ǅ",
        "ａｂｃ",
        "\u{10ffff}",
        &long,
        &no_spaces,
    ];
    for query in hostile {
        for mission in [None, Some(mission.id)] {
            let result = fixture.store.search_events(query, mission, &PageRequest::default()).await;
            assert!(result.is_ok(), "{query:?}: {result:?}");
        }
        let filter = sandboxed_model::mission::MissionFilter { search: Some(query.to_owned()), ..Default::default() };
        let result = fixture.store.missions(&filter, &PageRequest::default()).await;
        assert!(result.is_ok(), "{query:?}: {result:?}");
    }
    for empty in ["", "   ", "*", "\"\"", "--", "🦀"] {
        assert_eq!(texts(&fixture, empty, None).await, Vec::<String>::new(), "{empty:?}");
    }
}

#[tokio::test]
async fn every_text_is_found_by_itself() {
    let fixture = Fixture::new().await;
    let mission = fixture.mission("x").await;
    for text in ["İstanbul", "Ⓐ sign", "½ cup", "naïve", "a\u{0301}b", "ไทย", "한국어", "ﬁle", "ΑΣ", "x²"]
    {
        fixture.say(mission.id, text).await;
        assert_eq!(texts(&fixture, text, None).await, [text]);
    }
}

#[tokio::test]
async fn events_of_several_missions_in_one_commit_are_all_found() {
    let fixture = Fixture::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let mission = fixture.mission("x").await.id;
        let store = fixture.store.clone();
        tasks.spawn(async move {
            for part in 0..5 {
                let events = vec![said(&format!("shared n{number} p{part}")), state(Queued, Running), said("after")];
                let events = if part == 0 { events } else { events.into_iter().take(1).collect() };
                store.commit(mission, MissionChange { events, ..MissionChange::default() }).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let page = PageRequest { cursor: None, limit: 500 };
    assert_eq!(fixture.store.search_events("shared", None, &page).await.unwrap().items.len(), 100);
    assert_eq!(texts(&fixture, "n7 p3", None).await, ["shared n7 p3"]);
    assert_eq!(fixture.store.search_events("after", None, &page).await.unwrap().items.len(), 20);
}
