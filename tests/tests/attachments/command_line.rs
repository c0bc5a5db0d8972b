//! `run --attach` and `missions send --attach`.

use sandboxed_tests::cli::cli;
use serde_json::Value;

use super::Lab;

#[tokio::test]
async fn files_come_with_a_mission_and_with_a_message() {
    let lab = Lab::start().await;
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (one, two) = (file("one.txt", "1"), file("two words.txt", "22"));
    let script = "cat \"${0%/*}\"/attachments/*";
    let made = ["run", "--harness", "talking", "--detach", script, "--attach", &one, "--attach", &two];
    let first = lab.server.cli(&made).success().stdout.trim().to_owned();
    lab.over(&first, 1).await;
    let second = lab.mission("talking", "echo up; until [ -e go ]; do sleep 0.05; done", &[]).await;
    lab.server.api.follow(&second, 0, |event| event["body"]["text"] == "up\n").await;
    lab.server.cli(&["missions", "send", &second, script, "--attach", &two]).success();
    let queue = lab.server.cli(&["missions", "queue", &second]).success().stdout;
    lab.let_go(&second).await;
    lab.over(&second, 2).await;

    let told = lab.server.cli(&["missions", "events", &first]).success().stdout;
    assert!(told.contains("+ one.txt (text/plain, 1 bytes)\n› + two words.txt (text/plain, 2 bytes)\n"), "{told}");
    assert_eq!(lab.said(&first).await, "122");
    assert!(queue.contains("two words.txt"), "{queue}");
    assert_eq!(lab.said(&second).await, "up\n22");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_makes_no_mission() {
    let lab = Lab::start().await;
    let place = lab.server.data_dir();
    for (path, code) in [("/nowhere/x.txt", 1), (place.to_str().unwrap(), 2)] {
        let refused = lab.server.cli(&["run", "true", "--attach", path]);
        assert_eq!(refused.code, code, "{refused:?}");
        assert!(refused.stderr.contains(path), "{refused:?}");
    }
    let steered =
        lab.server.cli(&["missions", "send", "01900000-0000-7000-8000-000000000000", "x", "--steer", "--attach", "y"]);
    assert_eq!(steered.code, 2, "{steered:?}");
    assert_eq!(lab.server.api.get("/missions").await["items"], Value::Array(Vec::new()));
    assert_eq!(lab.server.api.get("/workspaces").await["items"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn without_a_server_files_come_along_too() {
    let home = tempfile::tempdir().unwrap();
    let (data, file) = (home.path().join("data"), home.path().join("a.txt"));
    std::fs::create_dir(&data).unwrap();
    std::fs::write(&file, "content").unwrap();

    let ran = cli(&data, &["run", "--json", "echo hello", "--attach", file.to_str().unwrap()]).success();

    let events = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let message = events.into_iter().find(|event| event["body"]["role"] == "user").unwrap();
    assert_eq!(message["body"]["attachments"][0]["name"], "a.txt");
    assert_eq!(message["body"]["text"], "echo hello", "what the agent is told besides is not the person's");
}
