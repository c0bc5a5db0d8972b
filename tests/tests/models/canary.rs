//! The key of an account is nowhere but in the request to its provider.

use std::{fs, path::Path};

use serde_json::json;

use super::{ANSWER, KEY, Lab, ask};

#[tokio::test]
async fn the_real_key_is_in_no_workspace_process_event_log_answer_or_file() {
    let lab = Lab::start(ANSWER).await;
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;
    let look = format!(
        "{}env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'; touch ready; while [ ! -e done ]; do sleep 0.05; done",
        ask("large", "hello")
    );
    let mission = lab.begin(&workspace, &look).await;
    sandboxed_tests::until("the mission to have looked", async || {
        (lab.server.cli(&["exec", &workspace, "--", "test", "-e", "ready"]).code == 0).then_some(())
    })
    .await;

    // The processes of this machine, the server's own variables and arguments among them.
    for process in fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()))
    {
        for file in ["cmdline", "environ"] {
            // This test itself holds it, and what ended meanwhile cannot be read.
            let bytes = fs::read(process.path().join(file)).unwrap_or_default();
            assert!(!holds(&bytes), "{}/{file}", process.path().display());
        }
    }
    lab.server.cli(&["exec", &workspace, "--", "touch", "done"]).success();
    let mission = lab.server.api.reaches(&mission, &["awaiting_user"]).await;

    let printed = lab.printed(&mission).await;
    assert!(printed.contains("I heard you.") && !printed.contains(KEY), "{printed}");
    for path in ["/accounts", "/secrets", "/model-requests", "/usage", "/audit", "/budgets", "/missions"] {
        assert!(!lab.server.api.get(path).await.to_string().contains(KEY), "{path}");
    }
    assert!(!lab.server.log().contains(KEY));
    assert!(search(&lab.server.data_dir()).is_empty(), "{:?}", search(&lab.server.data_dir()));
    // It did reach the provider.
    assert!(lab.models.ledger().iter().all(|record| record.key.is_some()));
}

fn holds(bytes: &[u8]) -> bool {
    bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes())
}

/// The files below a directory that hold the key.
fn search(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(search(&path)),
            Ok(kind) if kind.is_file() && fs::read(&path).is_ok_and(|bytes| holds(&bytes)) => found.push(path),
            _ => {}
        }
    }
    found
}
