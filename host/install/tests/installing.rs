//! Installing, from the plan to the directory.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use sandboxed_install::{Check, Checked, Installations, Plan};
use sandboxed_model::{
    Blame, Failure,
    install::{Download, DownloadState, Form, InstallActivity, InstallCheck, InstallStep, Source},
};
use support::{Place, Reads, Registry, agent, archive, install, integrity, large, package, path_of, plan, waiting};
use tokio::sync::watch;

fn small(version: &str) -> Vec<u8> {
    package(&[("bin/agent", format!("agent {version}").as_bytes(), 0o4777), ("notes.txt", b"notes", 0o600)])
}

#[tokio::test]
async fn an_installation_is_readable_by_all_and_writable_by_its_owner_only() {
    let (registry, place) = (Registry::start().await, Place::new());
    let archive = small("1.0.0");
    registry.serve(&path_of("1.0.0"), archive.clone());
    let installations = place.open(registry.origins());

    let installed = install(&installations, &plan("1.0.0", &archive)).await.unwrap();

    let mode = |name: &str| fs::metadata(installed.directory.join(name)).unwrap().mode() & 0o7777;
    assert_eq!((mode(""), mode("bin"), mode("bin/agent"), mode("notes.txt")), (0o755, 0o755, 0o755, 0o644));
    assert_eq!(installed.version.version, "1.0.0");
    assert_eq!(installed.version.bytes, "agent 1.0.0notes".len() as u64);
    assert_eq!(installations.list(&agent()).unwrap(), [installed]);
    assert_eq!(place.downloads(), Vec::<String>::new(), "an archive that was unpacked is not kept");
}

#[tokio::test]
async fn what_is_installed_is_not_fetched_again() {
    let (registry, place) = (Registry::start().await, Place::new());
    let archive = small("1.0.0");
    registry.serve(&path_of("1.0.0"), archive.clone());
    let first = install(&place.open(registry.origins()), &plan("1.0.0", &archive)).await.unwrap();

    let second = install(&place.open(registry.origins()), &plan("1.0.0", &archive)).await.unwrap();

    assert_eq!(first, second);
    assert_eq!(registry.ranges().len(), 1);
}

#[tokio::test]
async fn files_are_placed_expanded_and_made_executable() {
    let (registry, place) = (Registry::start().await, Place::new());
    // "agent 1.0.0" as brotli writes it: one meta-block without compression (RFC 7932, 9.2), and the end.
    let compressed: &[u8] = &[&[0x0b, 0x05, 0x80], b"agent 1.0.0".as_slice(), &[0x03]].concat();
    registry.serve("/files/agent.br", compressed.to_vec());
    let mut planned = plan("1.0.0", compressed);
    planned.steps = vec![
        InstallStep::Download(Download {
            source: Source::Url(format!("http://{}/files/agent.br", registry.address)),
            integrity: integrity(compressed),
            form: Form::File("agent.br".to_owned()),
            into: "bin".to_owned(),
        }),
        InstallStep::Expand { path: "bin/agent.br".to_owned(), target: "bin/agent".to_owned() },
        InstallStep::Executable("bin/agent".to_owned()),
    ];

    let installed = install(&place.open(registry.origins()), &planned).await.unwrap();

    let agent = installed.directory.join("bin/agent");
    assert_eq!(fs::read_to_string(&agent).unwrap(), "agent 1.0.0");
    assert_eq!(fs::metadata(&agent).unwrap().mode() & 0o777, 0o755);
    assert!(!installed.directory.join("bin/agent.br").exists());
}

#[tokio::test]
async fn progress_tells_the_step_its_bytes_and_the_check() {
    let (registry, place) = (Registry::start().await, Place::new());
    let archive = large("1.0.0");
    registry.serve(&path_of("1.0.0"), archive.clone());
    let installations = place.open(registry.origins());
    let (sender, mut progress) = watch::channel(waiting());
    let heard = tokio::spawn(async move {
        let mut heard = Vec::new();
        while progress.changed().await.is_ok() {
            heard.push(progress.borrow_and_update().clone());
        }
        heard
    });

    let parsed = Plan::parse(&plan("1.0.0", &archive)).unwrap();
    installations.install(&agent(), &parsed, &Reads, sender).await.unwrap();

    let heard = heard.await.unwrap();
    assert!(heard.iter().all(|progress| progress.steps == 2 && progress.step >= 1), "{heard:?}");
    let last = heard.last().unwrap();
    assert_eq!((last.step, last.activity, last.subject.as_str()), (2, InstallActivity::Checking, "bin/agent"));
    assert!(heard.is_sorted_by_key(|progress| progress.step));
}

#[tokio::test]
async fn an_archive_that_leads_out_is_refused_and_leaves_nothing() {
    let (registry, place) = (Registry::start().await, Place::new());
    let link = |to: &'static str| {
        archive(move |tar| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header, "package/bin", to).unwrap();
        })
    };
    let device = archive(|tar| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Char);
        header.set_size(0);
        tar.append_data(&mut header, "package/bin/agent", std::io::empty()).unwrap();
    });
    let outside = archive(|tar| {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..13].copy_from_slice(b"package/../..");
        header.set_size(0);
        header.set_cksum();
        tar.append(&header, std::io::empty()).unwrap();
    });
    let installations = place.open(registry.origins());
    for hostile in [link("/etc"), link("../../elsewhere"), device, outside, b"no archive".to_vec()] {
        registry.serve(&path_of("1.0.0"), hostile.clone());

        let refused = install(&installations, &plan("1.0.0", &hostile)).await.unwrap_err();

        assert_eq!(refused.code, "install.archive");
        assert_eq!(place.names(), Vec::<String>::new());
    }
}

struct Fails(Checked);

impl Check for Fails {
    async fn run(&self, _: &Path, _: &InstallCheck) -> Result<Checked, Failure> {
        Ok(self.0.clone())
    }
}

#[tokio::test]
async fn a_program_that_does_not_work_is_never_seen() {
    let (registry, place) = (Registry::start().await, Place::new());
    let archive = small("1.0.0");
    registry.serve(&path_of("1.0.0"), archive.clone());
    let installations = place.open(registry.origins());
    let plan = Plan::parse(&plan("1.0.0", &archive)).unwrap();
    let failing = |trouble: Option<&str>, output: &str| {
        Fails(Checked { trouble: trouble.map(str::to_owned), output: output.to_owned() })
    };

    for (check, told) in [
        (failing(Some("status 127"), "no such\x1b file"), "status 127; it printed: no such  file"),
        (failing(None, "agent 9.9.9"), "it does not print \"1.0.0\"; it printed: agent 9.9.9"),
    ] {
        let failed = installations.install(&agent(), &plan, &check, watch::channel(waiting()).0).await.unwrap_err();
        assert_eq!(failed.code, "install.check_failed");
        assert!(failed.message.contains(told), "{}", failed.message);
        assert_eq!(place.names(), Vec::<String>::new());
    }
    assert_eq!(registry.ranges().len(), 1, "what was fetched is not fetched again");
}

#[tokio::test]
async fn two_who_install_at_once_share_the_download_and_have_the_same() {
    let (registry, place) = (Registry::start().await, Place::new());
    let archive = large("1.0.0");
    registry.serve(&path_of("1.0.0"), archive.clone());
    let installations = place.open(registry.origins());
    let plan = plan("1.0.0", &archive);

    let (one, other) = tokio::join!(install(&installations, &plan), install(&installations, &plan));

    assert_eq!(one.unwrap().directory, other.unwrap().directory);
    assert_eq!(registry.ranges().len(), 1);
    assert_eq!((place.names().len(), place.downloads().len()), (1, 0));
}

#[tokio::test]
async fn what_a_crash_left_is_removed_and_what_is_whole_stays() {
    let (registry, place) = (Registry::start().await, Place::new());
    let archive = small("1.0.0");
    registry.serve(&path_of("1.0.0"), archive.clone());
    let installations = place.open(registry.origins());
    install(&installations, &plan("1.0.0", &archive)).await.unwrap();
    installations.pin(&agent(), Some("1.0.0")).unwrap();
    let whole = place.names();
    for left in [".new-abc", ".gone-abc"] {
        fs::create_dir_all(place.root.join("agent").join(left).join("bin")).unwrap();
    }
    fs::write(place.root.join("agent/.new-pin"), "1").unwrap();
    fs::write(place.root.join(".downloads/sha512-00.part"), "the beginning").unwrap();

    place.open(registry.origins());

    assert_eq!(place.names(), whole);
    assert_eq!(place.downloads(), ["sha512-00.part"], "a download goes on where it was");
}

#[tokio::test]
async fn a_full_disk_is_told_as_such_and_leaves_no_directory() {
    let (registry, place) = (Registry::start().await, Place::new());
    let archive = large("1.0.0");
    registry.serve(&path_of("1.0.0"), archive.clone());
    fs::create_dir_all(&place.root).unwrap();
    // Room for the archive, which does not shrink what is random, and not for what is in it.
    let _mount = Mount::tmpfs(&place.root, &format!("size={}k", archive.len() / 1024 + 1024));
    let installations = place.open(registry.origins());

    let failed = install(&installations, &plan("1.0.0", &archive)).await.unwrap_err();

    assert_eq!((failed.code.as_str(), failed.blame), ("install.no_room", Blame::Unavailable));
    assert!(failed.hint.unwrap().contains("harness remove"));
    assert_eq!(place.names(), Vec::<String>::new());
}

#[tokio::test]
async fn a_version_is_pinned_found_pruned_and_removed() {
    let (registry, place) = (Registry::start().await, Place::new());
    let installations = place.open(registry.origins());
    for version in ["1.0.0", "2.0.0", "3.0.0"] {
        let archive = small(version);
        registry.serve(&path_of(version), archive.clone());
        install(&installations, &plan(version, &archive)).await.unwrap();
    }
    assert_eq!(installations.pin(&agent(), Some("9.0.0")).unwrap_err().code, "install.not_installed");
    assert_eq!(installations.pinned(&agent()).unwrap(), None);

    installations.pin(&agent(), Some("1.0.0")).unwrap();
    assert_eq!(installations.pinned(&agent()).unwrap().as_deref(), Some("1.0.0"));
    assert_eq!(versions(&installations).len(), 3);
    let pruned = installations.prune(&agent(), 1, |version| version == "1.0.0").unwrap();
    assert_eq!((pruned.len(), versions(&installations).len()), (1, 2));
    assert!(installations.remove(&agent(), "1.0.0").unwrap());
    assert!(!installations.remove(&agent(), "1.0.0").unwrap());
    installations.pin(&agent(), None).unwrap();

    assert_eq!(installations.pinned(&agent()).unwrap(), None);
    assert_eq!(place.names().len(), 1);
}

#[tokio::test]
async fn an_outline_says_what_would_come_from_where() {
    let (registry, place) = (Registry::start().await, Place::new());
    let archive = small("1.0.0");
    registry.serve(&path_of("1.0.0"), archive.clone());
    let installations = place.open(registry.origins());
    let planned = Plan::parse(&plan("1.0.0", &archive)).unwrap();

    let before = installations.outline(&agent(), &planned).unwrap();

    assert!(!before.installed);
    assert_eq!(before.downloads[0].from, format!("http://{}{}", registry.address, path_of("1.0.0")));
    assert_eq!((before.downloads[0].state, before.downloads[0].present), (DownloadState::Absent, 0));
    assert_eq!(before.check, ["bin/agent", "--version"]);
    assert_eq!(registry.ranges().len(), 0, "an outline asks nobody");
    install(&installations, &plan("1.0.0", &archive)).await.unwrap();
    assert!(installations.outline(&agent(), &planned).unwrap().installed);
}

#[tokio::test]
async fn offline_the_mirror_is_all_there_is_and_what_it_lacks_is_listed_at_once() {
    let (registry, place) = (Registry::start().await, Place::new());
    let mirror = tempfile::tempdir().unwrap();
    let archive = small("1.0.0");
    let mut planned = plan("1.0.0", &archive);
    planned.steps.push(InstallStep::Download(Download {
        source: Source::Url("https://maker.example/models/tokens.bin".to_owned()),
        integrity: integrity(b"tokens"),
        form: Form::File("tokens.bin".to_owned()),
        into: "data".to_owned(),
    }));
    let mut origins = registry.origins();
    (origins.mirror, origins.offline) = (Some(mirror.path().to_owned()), true);
    let installations = place.open(origins);

    let lacking = install(&installations, &planned).await.unwrap_err();
    assert_eq!(lacking.code, "install.offline");
    assert!(lacking.message.ends_with("maker-agent-1.0.0.tgz or agent-1.0.0.tgz, tokens.bin"), "{}", lacking.message);

    fs::write(mirror.path().join("maker-agent-1.0.0.tgz"), b"something else").unwrap();
    fs::write(mirror.path().join("tokens.bin"), b"tokens").unwrap();
    let wrong = install(&installations, &planned).await.unwrap_err();
    assert_eq!(wrong.code, "install.checksum");
    assert!(mirror.path().join("maker-agent-1.0.0.tgz").exists(), "the mirror is not ours to clean");

    fs::write(mirror.path().join("maker-agent-1.0.0.tgz"), &archive).unwrap();
    let installed = install(&installations, &planned).await.unwrap();
    assert_eq!(fs::read(installed.directory.join("data/tokens.bin")).unwrap(), b"tokens");
    assert_eq!(registry.ranges().len(), 0);
}

fn versions(installations: &Installations) -> Vec<String> {
    installations.list(&agent()).unwrap().into_iter().map(|installed| installed.version.version).collect()
}

struct Mount<'p>(&'p Path);

impl<'p> Mount<'p> {
    fn tmpfs(at: &'p Path, options: &str) -> Self {
        let options = std::ffi::CString::new(options).unwrap();
        rustix::mount::mount("tmpfs", at, "tmpfs", rustix::mount::MountFlags::empty(), options.as_c_str()).unwrap();
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).unwrap();
        Self(at)
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(self.0, rustix::mount::UnmountFlags::DETACH);
    }
}
