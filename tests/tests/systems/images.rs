//! Images that container engines made, as systems.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use sandboxed_tests::{config, engine};
use serde_json::json;
use tempfile::TempDir;

use crate::lab::{SMALL, create, ended, log, made, said, with_config};

/// Two layers over a root file system: one adds, the other changes, hides and links.
const DOCKERFILE: &str = r#"
FROM scratch
ADD machine.tar /
SHELL ["/usr/bin/sh", "-c"]
ENV KIND="of an image" PATH=/opt/own:/usr/local/bin:/usr/bin:/bin
COPY gone /var/gone
COPY tool /opt/own/tool
RUN rm /var/gone/file && echo changed > /opt/own/text && ln -s /opt/own/text /text
"#;
const NAME: &str = "sandboxed-test/systems:1";

fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).env("DOCKER_BUILDKIT", "0").output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

struct Images {
    _home: TempDir,
    /// What `docker save` wrote.
    saved: PathBuf,
    /// The same as an image layout, by another program.
    layout: PathBuf,
    /// The same in one file.
    packed: PathBuf,
}

fn images() -> &'static Images {
    static IMAGES: OnceLock<Images> = OnceLock::new();
    IMAGES.get_or_init(|| {
        let home = tempfile::tempdir().unwrap();
        let context = home.path().join("context");
        fs::create_dir_all(context.join("gone")).unwrap();
        fs::write(context.join("gone/file"), "").unwrap();
        fs::write(context.join("Dockerfile"), DOCKERFILE).unwrap();
        fs::write(context.join("tool"), "#!/usr/bin/sh\necho \"a tool $KIND\"\n").unwrap();
        run("chmod", &["755", context.join("tool").to_str().unwrap()]);
        fs::copy(engine::archive(), context.join("machine.tar")).unwrap();
        let socket = format!("unix://{}", engine::socket().display());
        run("docker", &["-H", &socket, "build", "--network", "none", "-t", NAME, context.to_str().unwrap()]);
        let path = |name: &str| home.path().join(name);
        let (saved, layout, packed) = (path("saved.tar"), path("layout"), path("layout.tar"));
        run("docker", &["-H", &socket, "save", "-o", saved.to_str().unwrap(), NAME]);
        run("docker", &["-H", &socket, "rmi", NAME]);
        let from = format!("docker-archive:{}", saved.display());
        for name in ["systems", "again"] {
            run("skopeo", &["copy", "--insecure-policy", &from, &format!("oci:{}:{name}", layout.display())]);
        }
        run("tar", &["-C", layout.to_str().unwrap(), "-cf", packed.to_str().unwrap(), "."]);
        Images { _home: home, saved, layout, packed }
    })
}

/// A mission in a system that begins with this image finds what all its layers make together.
async fn holds_what_its_layers_make(place: &str) {
    let server = with_config(config::with_images(&[("it", place)])).await;
    let workspace = create(&server, json!({ "image": "it" })).await;

    assert_eq!(made(&server, &workspace).await, "done");
    let build = ended(&server, &workspace).await;
    assert!(log(&server, &build).await.contains("layer 4 of 4: sha256:"), "the log names each layer");
    let script = "cat /text; ls /var/gone; tool; echo \"$HOME\"; while IFS=: read -r name x id rest; do [ $id = 1000 ] && echo $name; done </etc/passwd";
    assert_eq!(said(&server, &workspace, script).await, "changed\na tool of an image\n/home/agent\nagent\n");
}

#[tokio::test]
async fn what_docker_saved_becomes_a_system() {
    holds_what_its_layers_make(images().saved.to_str().unwrap()).await;
}

#[tokio::test]
async fn an_image_layout_becomes_a_system() {
    holds_what_its_layers_make(&format!("{}#systems", images().layout.display())).await;
}

#[tokio::test]
async fn an_image_layout_in_one_file_becomes_a_system() {
    // Both names lead to the same image.
    holds_what_its_layers_make(images().packed.to_str().unwrap()).await;
}

#[tokio::test]
async fn an_image_that_was_tampered_with_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let layout = home.path().join("layout");
    run("cp", &["-a", images().layout.to_str().unwrap(), layout.to_str().unwrap()]);
    let largest = largest(&layout.join("blobs/sha256"));
    let mut bytes = fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&largest, bytes).unwrap();
    let server = with_config(config::with_images(&[(SMALL, layout.to_str().unwrap())])).await;

    let workspace = create(&server, json!({ "image": SMALL })).await;

    let build = ended(&server, &workspace).await;
    let message = build["problem"]["message"].as_str().unwrap();
    assert!(message.contains("is not what its digest says"), "{message}");
}

fn largest(directory: &Path) -> PathBuf {
    let files = fs::read_dir(directory).unwrap().flatten().map(|entry| entry.path());
    files.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
}
