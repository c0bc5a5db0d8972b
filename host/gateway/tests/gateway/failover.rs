//! Where an account does not answer, the next one does.

use sandboxed_gateway::{Limits, Reason, Trouble, trust};
use sandboxed_model::request::RequestEnd;
use sandboxed_scripted_models::fingerprint;
use serde_json::json;

use crate::{
    client::{message, post, records, server, streams},
    desk::{Account, Door, KEY, MemoryDesk, refusal},
};

fn two(server: &sandboxed_scripted_models::Server) -> MemoryDesk {
    MemoryDesk::of([Account::at(server).named("first", "sk-first"), Account::at(server).named("second", "sk-second")])
}

#[tokio::test]
async fn the_next_account_answers_where_the_first_does_not() {
    for (how, trouble) in [
        ("error = { status = 429, retry_after_s = 7 }", None),
        ("error = { status = 529 }", Some(Trouble::Overloaded)),
        ("error = { status = 503 }", Some(Trouble::Overloaded)),
        ("error = { status = 500 }", Some(Trouble::Failing)),
        ("error = { status = 502, body = \"<h1>Bad gateway</h1>\" }", Some(Trouble::Failing)),
        ("error = { status = 504 }", Some(Trouble::Failing)),
        ("error = { status = 408 }", Some(Trouble::Failing)),
        ("error = { status = 401 }", Some(Trouble::Refused { status: 401 })),
        ("error = { status = 403 }", Some(Trouble::Refused { status: 403 })),
        ("redirect = { to = \"http://169.254.169.254/latest\", status = 307 }", Some(Trouble::Failing)),
        ("fault = { kind = \"hangup\" }", Some(Trouble::Failing)),
        ("fault = { kind = \"hangup\", how = \"reset\" }", Some(Trouble::Failing)),
    ] {
        for (name, path, body) in streams("hi") {
            let server =
                server(&format!("[[reply]]\nwhen = {{ key = \"sk-first\" }}\n{how}\n[[reply]]\ntext = \"ok\"\n")).await;
            let door = Door::open(two(&server)).await;
            let answer = post(door.address, path, &body).await;
            assert_eq!(answer.status, 200, "{how} {name}: {}", answer.text());
            let settled = door.desk.all(2).await;
            assert_eq!(settled.len(), 2);
            assert_eq!((settled[0].end, settled[0].tokens), (RequestEnd::Refused, None), "{how} {name}");
            assert_eq!(settled[1].end, RequestEnd::Complete, "{how} {name}");
            let troubles = door.desk.troubles();
            assert_eq!((troubles.len(), troubles[0].0.as_str()), (1, "first"), "{how} {name}");
            match &trouble {
                Some(trouble) => assert_eq!(troubles[0].1, *trouble, "{how} {name}"),
                None => assert!(matches!(troubles[0].1, Trouble::Limited { .. }), "{how}"),
            }
            assert_eq!(door.desk.book.lock().unwrap().well, ["second"]);
            let records = records(&server).await;
            let tries = if how.contains("hangup") { 2 } else { 1 };
            assert_eq!(records.len(), tries + 1, "{how} {name}");
            assert_eq!(records.last().unwrap().key.as_ref().unwrap().fingerprint, fingerprint("sk-second"));
        }
    }
}

#[tokio::test]
async fn what_is_the_requests_own_fault_passes_as_it_came() {
    for status in [400, 404, 413, 422] {
        let server =
            server(&format!("[[reply]]\nerror = {{ status = {status}, message = \"this is wrong\" }}\n")).await;
        let door = Door::open(two(&server)).await;
        let answer = post(door.address, "/v1/messages", &message("hi")).await;
        assert_eq!((answer.status, &answer.json()["error"]["message"]), (status, &json!("this is wrong")));
        let settled = door.desk.only().await;
        assert_eq!((settled.end, settled.status), (RequestEnd::Refused, Some(status)));
        assert!(door.desk.troubles().is_empty());
    }
}

#[tokio::test]
async fn limits_are_told_to_the_desk_with_their_time_and_pass_in_the_end() {
    for (name, path, body) in streams("hi") {
        let server = server(
            "[[key]]\nvalue = \"sk-first\"\nused_up_for_s = 7200\n\
             [[reply]]\nwhen = { key = \"sk-second\" }\nerror = { status = 500 }\n",
        )
        .await;
        let door = Door::open(two(&server)).await;
        let before = sandboxed_model::Timestamp::now().as_millis();
        let answer = post(door.address, path, &body).await;
        assert_eq!(answer.status, 429, "{name}: what passes by itself is told rather than what does not");
        let troubles = door.desk.troubles();
        let Trouble::Limited { until: Some(until), usage_window: true } = troubles[0].1 else { panic!("{troubles:?}") };
        let seconds = (until.as_millis() - before) / 1000;
        assert!((7190..=7260).contains(&seconds), "{name}: {seconds}");
        assert_eq!(troubles[1], ("second".to_owned(), Trouble::Failing), "{name}");
    }
}

#[tokio::test]
async fn a_refused_key_is_not_the_clients_own() {
    let server =
        server("[[key]]\nvalue = \"sk-first\"\nunknown = true\n[[key]]\nvalue = \"sk-second\"\nunknown = true\n").await;
    for (name, path, body) in streams("hi") {
        let door = Door::open(two(&server)).await;
        let answer = post(door.address, path, &body).await;
        assert_eq!((answer.status, answer.header("x-should-retry")), (400, Some("false")), "{name}");
        assert_eq!(answer.header("x-sandboxed-sh-code"), Some("gateway.key_refused"), "{name}");
        assert_eq!(door.desk.troubles().len(), 2, "{name}");
        assert!(door.desk.troubles().iter().all(|(_, trouble)| matches!(trouble, Trouble::Refused { .. })), "{name}");
    }
}

#[tokio::test]
async fn the_desk_knows_what_a_client_was_told_in_place_of_an_answer() {
    let told = async |reply: &str| {
        let server = server(&format!("[[reply]]\n{reply}\n")).await;
        let door = Door::to(&server).await;
        let answer = post(door.address, "/v1/messages", &message("hi")).await;
        (answer.status, door.desk.unanswered())
    };
    let (status, codes) = told("error = { status = 403 }").await;
    assert_eq!((status, codes), (400, vec!["gateway.denied".to_owned()]));
    for status in [400, 429, 500] {
        let body = format!("sorry, {KEY}");
        let (told, words) = told(&format!("error = {{ status = {status}, body = {body:?} }}")).await;
        assert_eq!((told, words), (status, vec![format!("{status} sorry, [redacted]")]));
    }
    let (status, words) = told("text = \"hello\"").await;
    assert_eq!((status, words), (200, Vec::new()));
    let gone = Account { url: "http://127.0.0.1:9".to_owned(), ..Account::at(&server("").await) };
    let door = Door::open(MemoryDesk::of([gone])).await;
    post(door.address, "/v1/messages", &message("hi")).await;
    assert_eq!(door.desk.unanswered(), ["gateway.unreachable"]);
}

#[tokio::test]
async fn a_provider_that_is_not_there_or_never_answers() {
    let server = server("[[reply]]\nfault = { kind = \"silence\" }\n").await;
    let gone = Account { url: "http://127.0.0.1:9".to_owned(), ..Account::at(&server) };
    let door = Door::open(MemoryDesk::of([gone])).await;
    let answer = post(door.address, "/v1/messages", &message("hi")).await;
    assert_eq!((answer.status, answer.header("x-sandboxed-sh-code")), (502, Some("gateway.unreachable")));
    let limits = Limits { answer_time: std::time::Duration::from_millis(200), ..Limits::default() };
    let door = Door::with(MemoryDesk::of([Account::at(&server)]), limits, trust("").unwrap()).await;
    let answer = post(door.address, "/v1/messages", &message("hi")).await;
    assert_eq!((answer.status, answer.header("x-sandboxed-sh-code")), (504, Some("gateway.late")));
    assert_eq!(door.desk.only().await.end, RequestEnd::Refused);
    assert_eq!(records(&server).await.len(), 1);
}

#[tokio::test]
async fn a_client_is_not_sent_elsewhere() {
    let server = server("[[reply]]\nredirect = { to = \"http://169.254.169.254/latest\", status = 307 }\n").await;
    let door = Door::to(&server).await;
    let answer = post(door.address, "/v1/messages", &message("hi")).await;
    assert_eq!((answer.status, answer.header("x-sandboxed-sh-code")), (502, Some("gateway.redirect")));
    assert_eq!(answer.header("location"), None);
    assert_eq!(records(&server).await.len(), 1);
}

#[tokio::test]
async fn the_desk_has_the_last_word_where_no_account_answers() {
    let server = server("[[reply]]\nerror = { status = 429 }\n").await;
    let desk = two(&server);
    *desk.exhausted.lock().unwrap() = Some(refusal(Reason::Limited, "mission.parked"));
    let door = Door::open(desk).await;
    let answer = post(door.address, "/v1/messages", &message("hi")).await;
    assert_eq!((answer.status, answer.header("x-sandboxed-sh-code")), (429, Some("mission.parked")));
}

#[tokio::test]
async fn an_account_without_a_credential_is_passed_over() {
    let server = server("[[reply]]\ntext = \"ok\"\n").await;
    let desk = MemoryDesk::of([Account::at(&server).named("locked", ""), Account::at(&server)]);
    let door = Door::open(desk).await;
    assert_eq!(post(door.address, "/v1/messages", &message("hi")).await.status, 200);
    assert!(door.desk.troubles().is_empty());
    let ends: Vec<RequestEnd> = door.desk.all(2).await.iter().map(|settled| settled.end).collect();
    assert_eq!(ends, [RequestEnd::Refused, RequestEnd::Complete]);
    let door = Door::open(MemoryDesk::of([Account::at(&server).named("locked", "")])).await;
    let answer = post(door.address, "/v1/messages", &message("hi")).await;
    assert_eq!((answer.status, answer.header("x-sandboxed-sh-code")), (503, Some("vault.locked")));
}

#[tokio::test]
async fn no_other_account_is_asked_after_the_first_byte() {
    let server =
        server("[[reply]]\ntext = \"All is well\"\nchunk = 2\nfault = { kind = \"cut\", after_events = 2 }\n").await;
    let door = Door::open(two(&server)).await;
    let answer = post(door.address, "/v1/messages", &message("hi")).await;
    assert_eq!((answer.status, answer.whole), (200, false));
    assert_eq!(door.desk.only().await.end, RequestEnd::Cut);
    assert_eq!(records(&server).await.len(), 1);
}
