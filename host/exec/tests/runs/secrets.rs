//! Secrets in the environment are in the process and nowhere else.

use std::path::Path;

use crate::lab::{Lab, lines, within};

const SECRET: &str = "sk-correct-horse-battery-staple-0815";

fn holds(path: &Path, needle: &str) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[tokio::test]
async fn a_secret_is_in_no_file_of_the_run_and_no_command_line() {
    let lab = Lab::new();
    let mut spec = lab.script("echo ${#TOKEN}; read -r line");
    spec.env.push(("TOKEN".to_owned(), SECRET.to_owned()));
    assert!(!format!("{spec:?}").contains(SECRET));

    let run = lab.start(spec).await;

    assert_eq!(lines(&run, 1).await, [SECRET.len().to_string()]);
    let check_files = || {
        for file in std::fs::read_dir(lab.directory(run.id())).unwrap().flatten() {
            assert!(!holds(&file.path(), SECRET), "{:?}", file.path());
        }
    };
    check_files();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        assert!(!holds(&process.path().join("cmdline"), SECRET), "{:?}", process.path());
    }
    let shim = format!("/proc/{}/environ", lab.shim(run.id()));
    assert_eq!(std::fs::read(shim).unwrap_or_default(), b"", "the shim has variables");
    run.close_input(1).await.unwrap();
    within(run.exit()).await;
    check_files();
}

#[tokio::test]
async fn a_secret_is_in_no_error() {
    let lab = Lab::new();
    let mut missing = lab.spec("no-such-program", &[]);
    missing.env.push(("TOKEN".to_owned(), SECRET.to_owned()));
    let mut long = lab.spec("true", &[]);
    long.env.push(("TOKEN".to_owned(), SECRET.repeat(10_000)));
    let mut invalid = lab.spec("true", &[]);
    invalid.env.push(("TOKEN".to_owned(), format!("{SECRET}\0")));

    for spec in [missing, long, invalid] {
        let error = lab.supervisor.start(spec).await.map(drop).unwrap_err();

        assert!(!format!("{error} {error:?} {:?}", error.failure()).contains(SECRET));
    }
}
