//! Agents get the files that came with their messages.

use serde_json::{Value, json};

use super::{Lab, READS, id, image, sum};

const BACKENDS: [&str; 2] = ["bubblewrap", "host"];

#[tokio::test]
async fn an_agent_that_looks_at_images_is_shown_them_and_told_of_all_else() {
    let lab = Lab::start().await;
    for backend in BACKENDS {
        let (shot, notes) = (lab.bring("my shot.png", &image(5000)).await, lab.bring("notes.txt", b"one\n").await);
        let mission = lab.mission_in(backend, "talking", "true", &[&shot, &notes]).await;
        lab.over(&mission, 1).await;

        let start = &lab.starts(&mission).await[0];
        let path = start["attachments"][0]["path"].as_str().unwrap();
        assert!(path.starts_with('/') && path.ends_with("/attachments/1-my shot.png"), "{path}");
        let shown = json!([{ "name": "my shot.png", "media_type": "image/png", "path": path, "size": 5000 }]);
        assert_eq!(start["attachments"], shown);
        let told = path.replace("1-my shot.png", "2-notes.txt");
        let prompt = format!("true\n\n# Files that came with this message:\n# {told} (text/plain, 4 bytes)\n");
        assert_eq!(start["prompt"], prompt);
    }
}

#[tokio::test]
async fn the_files_are_in_the_run_and_gone_after_it() {
    let lab = Lab::start().await;
    for backend in BACKENDS {
        let brought = [lab.bring("a b.png", &image(2_000_000)).await, lab.bring("it's.txt", b"text\n").await];
        let script = r#"cd "${0%/*}/attachments" && cat 1-* | sha256sum; cat 2-*; ls"#;
        let mission = lab.mission_in(backend, "talking", script, &[&brought[0], &brought[1]]).await;
        lab.over(&mission, 1).await;

        let said = lab.said(&mission).await;
        assert_eq!(said, format!("{}text\n1-a b.png\n2-it's.txt\n", sum(&image(2_000_000))));
        let workspace = lab.server.api.get(&format!("/missions/{mission}")).await["workspace"].clone();
        let inbox = lab.server.data_dir().join("workspaces").join(workspace.as_str().unwrap()).join("inbox");
        assert_eq!(std::fs::read_dir(inbox).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_script_of_the_shell_is_told_of_its_files_and_not_broken_by_it() {
    let lab = Lab::start().await;
    for backend in BACKENDS {
        let brought = [lab.bring("a.png", &image(100)).await, lab.bring("$(echo bad) 'x'.txt", b"text").await];
        let script = "if true; then\n  echo one \\\n    two\nfi";
        let mission = lab.mission_in(backend, "shell", script, &[&brought[0], &brought[1]]).await;
        let ended = lab.over(&mission, 1).await;

        assert_eq!(ended["last_outcome"], "completed", "{ended}");
        assert_eq!(lab.server.api.printed(&mission).await, "one two\n");
    }
}

#[tokio::test]
async fn an_image_is_written_to_the_agent_in_its_place_among_what_is_written() {
    let lab = Lab::start().await;
    for backend in BACKENDS {
        let images = [image(40), image(3_000_000)].map(|mut image| {
            image.extend(b"end");
            image
        });
        let brought = [lab.bring("a.png", &images[0]).await, lab.bring("b.png", &images[1]).await];
        // What reads by lines and not by bytes takes more than one: each asks for its own.
        let script = format!(
            "echo '{{\"attachment\":1}}'; {READS}; echo '{{\"attachment\":0}}'; read -r word index data\n\
            echo \"$word $index\"; echo \"$data\" | base64 -d | sha256sum"
        );
        let mission = lab.mission_in(backend, "talking", &script, &[&brought[0], &brought[1]]).await;
        lab.over(&mission, 1).await;

        let expected = format!("{}attachment 0\n{}", sum(&images[1]), sum(&images[0]));
        assert_eq!(lab.said(&mission).await, expected);
    }
}

#[tokio::test]
async fn an_image_that_is_too_large_to_be_shown_is_a_file() {
    let lab = Lab::start().await;
    let (shown, told) = (image(12 << 20), image((12 << 20) + 1));
    for (content, is_shown) in [(shown, true), (told, false)] {
        let brought = lab.bring("a.png", &content).await;
        let script = match is_shown {
            true => format!("echo '{{\"attachment\":0}}'; {READS}"),
            false => "cat \"${0%/*}\"/attachments/1-a.png | sha256sum".to_owned(),
        };
        let mission = lab.mission("talking", &script, &[&brought]).await;
        lab.over(&mission, 1).await;

        let start = &lab.starts(&mission).await[0];
        assert_eq!(start["attachments"].as_array().unwrap().len(), usize::from(is_shown));
        assert_eq!(start["prompt"].as_str().unwrap().contains("# Files that came"), !is_shown);
        assert_eq!(lab.said(&mission).await, sum(&content));
    }
}

#[tokio::test]
async fn what_a_harness_wants_to_write_that_did_not_come_is_its_problem() {
    let lab = Lab::start().await;
    let script = "echo '{\"attachment\":7}'; read -r line; echo \"heard: $line\"";
    let mission = lab.mission("talking", script, &[]).await;
    lab.over(&mission, 1).await;

    assert_eq!(lab.said(&mission).await, "heard: attachment 7\n");
    let events = lab.events(&mission).await;
    let errors = sandboxed_tests::api::of_kind(&events, "error");
    assert_eq!(errors[0]["code"], "driver.attachment_unknown", "{errors:?}");
}

#[tokio::test]
async fn a_message_that_is_sent_again_brings_its_files_again() {
    let lab = Lab::start().await;
    let brought = lab.bring("a.png", &image(5000)).await;
    let script =
        format!("if [ ! -e once ]; then touch once; echo up; sleep 600; fi; echo '{{\"attachment\":0}}'; {READS}");
    let mission = lab.mission("talking", &script, &[&brought]).await;
    lab.server.api.follow(&mission, 0, |event| event["body"]["text"] == "up\n").await;
    lab.server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;

    lab.server.api.post(&format!("/missions/{mission}/resume"), Value::Null).await;
    lab.over(&mission, 2).await;

    assert_eq!(lab.said(&mission).await, format!("up\n{}", sum(&image(5000))));
    let told = lab.told(&mission).await;
    assert_eq!((told.len(), &told[0], &told[0][0]["id"]), (2, &told[1], &json!(id(&brought))));
}

#[tokio::test]
async fn a_turn_whose_file_is_gone_fails_and_says_so() {
    let lab = Lab::start().await;
    let brought = lab.bring("a.txt", b"x").await;
    std::fs::remove_file(lab.server.data_dir().join("attachments").join(id(&brought))).unwrap();
    let mission = lab.mission("talking", "echo never", &[&brought]).await;
    let ended = lab.over(&mission, 1).await;

    assert_eq!((&ended["state"], &ended["problem"]["code"]), (&json!("failed"), &json!("attachment.unreadable")));
    assert_eq!(lab.said(&mission).await, "");
    lab.send(&mission, "echo again", &[]).await;
    lab.over(&mission, 2).await;
    assert_eq!(lab.said(&mission).await, "again\n");
}
