//! A server that is killed while files are on their way.

use std::time::{Duration, SystemTime};

use sandboxed_tests::until;
use serde_json::Value;

use super::{Lab, READS, id, image, sum};

#[tokio::test]
async fn a_message_that_waits_has_its_files_after_a_crash() {
    let mut lab = Lab::start().await;
    let brought = lab.bring("a.png", &image(5000)).await;
    let mission = lab.mission("talking", "echo up; until [ -e go ]; do sleep 0.05; done", &[]).await;
    lab.server.api.follow(&mission, 0, |event| event["body"]["text"] == "up\n").await;
    let waits = lab.send(&mission, &format!("echo '{{\"attachment\":0}}'; {READS}"), &[&brought]).await;

    lab.server.crash();
    lab.server.restart().await;
    let queue = lab.server.api.get(&format!("/missions/{mission}/queue")).await;
    assert_eq!(queue["items"][0]["attachments"], waits["attachments"]);
    lab.let_go(&mission).await;
    lab.over(&mission, 2).await;

    assert_eq!(lab.said(&mission).await, format!("up\n{}", sum(&image(5000))));
}

#[tokio::test]
async fn an_image_that_was_to_be_written_when_the_server_was_killed_is_written_once() {
    let mut lab = Lab::start().await;
    // The first is more than may wait to be read, so that the second has to wait for it.
    let images = [image(2_000_000), image(1_000_000)];
    let brought = [lab.bring("a.png", &images[0]).await, lab.bring("b.png", &images[1]).await];
    let script = "echo '{\"attachment\":0}'; echo '{\"attachment\":1}'; echo asked\n\
        until [ -e go ]; do sleep 0.05; done\n\
        head -n 2 > both; for n in 1 2; do sed -n ${n}p both | cut -d ' ' -f 3 | base64 -d | sha256sum; done\n\
        echo '{\"attachment\":1}'; head -n 1 | cut -d ' ' -f 2";
    let mission = lab.mission("talking", script, &[&brought[0], &brought[1]]).await;
    lab.server.api.follow(&mission, 0, |event| event["body"]["text"] == "asked\n").await;

    lab.server.crash();
    lab.server.restart().await;
    lab.let_go(&mission).await;
    lab.over(&mission, 1).await;

    let expected = format!("asked\n{}{}1\n", sum(&images[0]), sum(&images[1]));
    assert_eq!(lab.said(&mission).await, expected);
}

#[tokio::test]
async fn a_turn_that_was_lost_brings_its_files_again() {
    let mut lab = Lab::start().await;
    let brought = lab.bring("a.png", &image(5000)).await;
    let script =
        format!("if [ ! -e once ]; then touch once; echo up; sleep 600; fi; echo '{{\"attachment\":0}}'; {READS}");
    let mission = lab.mission("talking", &script, &[&brought]).await;
    let events = lab.server.api.follow(&mission, 0, |event| event["body"]["text"] == "up\n").await;
    let run = events.iter().find(|event| event["kind"] == "run_started").unwrap()["body"].clone();
    lab.server.crash();
    let run_directory = lab.server.data_dir().join("runs").join(run["run"].as_str().unwrap());
    let meta: Value = serde_json::from_str(&std::fs::read_to_string(run_directory.join("meta.json")).unwrap()).unwrap();
    let shim = meta["shim_pid"].as_i64().or_else(|| meta["shim"]["pid"].as_i64()).unwrap();
    for pid in [shim, run["pid"].as_i64().unwrap()] {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
    }

    lab.server.restart().await;
    lab.server.api.reaches(&mission, &["interrupted"]).await;
    lab.server.api.post(&format!("/missions/{mission}/resume"), Value::Null).await;
    lab.over(&mission, 2).await;

    assert_eq!(lab.said(&mission).await, format!("up\n{}", sum(&image(5000))));
}

#[tokio::test]
async fn what_crashes_left_goes_at_the_next_start_and_what_is_somebodys_stays() {
    let mut lab = Lab::start().await;
    let waiting = lab.bring("a.txt", b"waits").await;
    let used = lab.bring("b.txt", b"used").await;
    let mission = lab.mission("talking", "true", &[&used]).await;
    lab.over(&mission, 1).await;
    let workspace = lab.server.api.get(&format!("/missions/{mission}")).await["workspace"].clone();
    lab.server.crash();
    let directory = lab.server.data_dir().join("attachments");
    let inbox = lab.server.data_dir().join("workspaces").join(workspace.as_str().unwrap()).join("inbox");
    let lost = inbox.join("01900000-0000-7000-8000-000000000001");
    std::fs::create_dir(&lost).unwrap();
    let (orphan, partial) = ("01900000-0000-7000-8000-000000000002", ".sandboxed-0123");
    for name in [orphan, partial] {
        std::fs::write(directory.join(name), "left").unwrap();
    }
    std::fs::write(directory.join("01900000-0000-7000-8000-000000000003"), "just now").unwrap();
    let old = SystemTime::now() - Duration::from_secs(2 * 3600);
    for path in [directory.join(orphan), directory.join(partial), directory.join(id(&used)), lost.clone()] {
        std::fs::File::open(path).unwrap().set_modified(old).unwrap();
    }

    lab.server.restart().await;
    let mut expected =
        vec![id(&waiting).to_owned(), id(&used).to_owned(), "01900000-0000-7000-8000-000000000003".to_owned()];
    expected.sort_unstable();
    until("what is nobody's to go", async || (lab.kept() == expected && !lost.exists()).then_some(())).await;
}
