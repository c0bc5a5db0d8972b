//! What a process prints, from its pipe through the spool to a reader.

use std::time::Duration;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use sandboxed_exec::{Chunk, Exit, OutputStream, Phase};
use sha2::{Digest, Sha256};

use crate::lab::{Lab, read_to_end, until, within};

#[tokio::test]
async fn a_hundred_megabytes_arrive_unchanged_while_the_shim_stays_small() {
    let lab = Lab::with_limit(256 << 20);
    let run = lab.start(lab.script("head -c 104857600 /dev/urandom > data; cat data; read -r line")).await;

    let mut reader = run.reader(OutputStream::Stdout, 0);
    let mut heard = Sha256::new();
    while reader.offset() < 100 << 20 {
        match within(reader.next(1 << 18)).await.unwrap() {
            Chunk::Bytes { bytes, .. } => {
                assert!(bytes.len() <= 1 << 18);
                heard.update(&bytes);
            }
            other => panic!("{other:?}"),
        }
    }

    let status = std::fs::read_to_string(format!("/proc/{}/status", lab.shim(run.id()))).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 32 << 10, "the shim took {peak} KiB");
    let printed = std::fs::read(lab.work().join("data")).unwrap();
    assert_eq!(heard.finalize(), Sha256::digest(&printed));
    run.close_input(1).await.unwrap();
    within(run.exit()).await;
}

#[tokio::test]
async fn endless_output_keeps_to_its_limit_with_the_beginning_and_the_end_intact() {
    const LIMIT: u64 = 1 << 20;
    let lab = Lab::with_limit(LIMIT);
    let run = lab.start(lab.spec("yes", &["0123456"])).await;
    until("enough output", async || (run.status().await.unwrap().stdout.length > 50 * LIMIT).then_some(())).await;
    let on_disk: u64 = std::fs::read_dir(lab.directory(run.id()))
        .unwrap()
        .flatten()
        .filter(|file| file.file_name().to_string_lossy().starts_with("stdout."))
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum();
    assert!(on_disk <= LIMIT, "{on_disk} bytes on disk");
    assert_eq!(run.status().await.unwrap().phase, Phase::Running);

    run.kill().await.unwrap();
    assert_eq!(within(run.exit()).await, Exit::Signal(9));

    let heard = read_to_end(run.reader(OutputStream::Stdout, 0)).await;
    let [(gap, length)] = heard.gaps[..] else { panic!("{:?}", heard.gaps) };
    assert_eq!(gap, LIMIT / 8);
    let (head, tail) = heard.bytes.split_at(gap as usize);
    assert_eq!(head, "0123456\n".repeat(head.len() / 8).as_bytes());
    // Segments are a multiple of a line long, so the tail begins with a line.
    assert_eq!((gap + length) % 8, 0);
    assert!(tail.len() as u64 > LIMIT / 2, "only {} bytes of the end", tail.len());
    let lines = "0123456\n".repeat(tail.len() / 8 + 1);
    assert_eq!(tail, &lines.as_bytes()[..tail.len()]);
}

#[tokio::test]
async fn bytes_that_are_no_text_arrive_as_they_were_printed() {
    let lab = Lab::new();
    let all: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    std::fs::write(lab.work().join("data"), &all).unwrap();

    let run = lab.start(lab.script("cat data; cat data >&2")).await;

    for stream in OutputStream::ALL {
        let heard = read_to_end(run.reader(stream, 0)).await;
        assert_eq!((heard.bytes == all, heard.gaps), (true, vec![]));
    }
}

#[tokio::test]
async fn several_readers_at_several_places_hear_the_same() {
    let lab = Lab::new();
    let run = lab.start(lab.script("read -r go; seq 1 50000")).await;
    let expected: String = (1..=50000).map(|number| format!("{number}\n")).collect();
    let readers: Vec<_> = [0, 1, 1000, 100_000]
        .map(|offset| tokio::spawn(read_to_end(run.reader(OutputStream::Stdout, offset))))
        .into_iter()
        .collect();

    run.write(1, b"\n").await.unwrap();

    for (reader, offset) in readers.into_iter().zip([0, 1, 1000, 100_000]) {
        assert!(reader.await.unwrap().bytes == expected.as_bytes()[offset..], "from {offset}");
    }
}

#[tokio::test]
async fn output_is_read_while_the_process_lives_and_ends_when_it_does() {
    let lab = Lab::new();
    let run = lab.start(lab.script("echo -n first; read -r go; echo -n second; exec >&-; read -r go")).await;
    let mut reader = run.reader(OutputStream::Stdout, 0);
    assert_eq!(within(reader.next(100)).await.unwrap(), Chunk::Bytes { offset: 0, bytes: b"first".to_vec() });
    run.write(1, b"\n").await.unwrap();
    assert_eq!(within(reader.next(100)).await.unwrap(), Chunk::Bytes { offset: 5, bytes: b"second".to_vec() });
    // Standard output is closed, but the run goes on.
    assert!(tokio::time::timeout(Duration::from_millis(50), reader.next(100)).await.is_err());

    run.write(2, b"\n").await.unwrap();

    assert_eq!(within(reader.next(100)).await.unwrap(), Chunk::End);
    assert_eq!(within(reader.next(100)).await.unwrap(), Chunk::End);
}

/// A small file system of its own.
struct SmallDisk<'a>(&'a std::path::Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a std::path::Path) -> Self {
        std::fs::create_dir_all(at).unwrap();
        mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some("size=4m")).unwrap();
        Self(at)
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = umount2(self.0, MntFlags::MNT_DETACH);
    }
}

#[tokio::test]
async fn a_full_disk_holds_up_nothing_and_leaves_a_gap() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("not run: only root can mount the small disk");
        return;
    }
    let lab = Lab::new();
    let runs = lab.home().join("small");
    let disk = SmallDisk::mount(&runs);
    let supervisor = sandboxed_exec::Supervisor::new(sandboxed_exec::SupervisorConfig {
        runs_dir: runs.clone(),
        shim_program: crate::lab::FIXTURE.into(),
        shim_args: vec!["shim".into()],
        spool_limit: 64 << 20,
    })
    .unwrap();
    std::fs::write(runs.join("filler"), vec![0; 1 << 20]).unwrap();
    let run = supervisor.start(lab.script("yes | head -c 16000000; read -r go; echo after; exit 5")).await.unwrap();

    let full = until("the process to have printed all", async || {
        Some(run.status().await.unwrap().stdout).filter(|stdout| stdout.length == 16_000_000)
    })
    .await;
    assert!(full.lost > 8_000_000, "{full:?}");
    assert!(full.write_error.is_some(), "{full:?}");
    std::fs::remove_file(runs.join("filler")).unwrap();
    run.write(1, b"\n").await.unwrap();

    assert_eq!(within(run.exit()).await, Exit::Code(5));
    let heard = read_to_end(run.reader(OutputStream::Stdout, 0)).await;
    let lost: u64 = heard.gaps.iter().map(|(_, length)| length).sum();
    assert_eq!(lost + heard.bytes.len() as u64, 16_000_000 + 6);
    assert_eq!(lost, full.lost);
    assert!(heard.bytes.starts_with(b"y\ny\n") && heard.bytes.ends_with(b"\nafter\n"));
    drop(disk);
}

#[tokio::test]
async fn the_exit_code_survives_a_disk_that_stays_full() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("not run: only root can mount the small disk");
        return;
    }
    let lab = Lab::new();
    let runs = lab.home().join("small");
    let disk = SmallDisk::mount(&runs);
    let supervisor = sandboxed_exec::Supervisor::new(sandboxed_exec::SupervisorConfig {
        runs_dir: runs.clone(),
        shim_program: crate::lab::FIXTURE.into(),
        shim_args: vec!["shim".into()],
        spool_limit: 64 << 20,
    })
    .unwrap();

    let run = supervisor.start(lab.script("yes | head -c 16000000; exit 6")).await.unwrap();

    assert_eq!(within(run.exit()).await, Exit::Code(6));
    let heard = read_to_end(run.reader(OutputStream::Stdout, 0)).await;
    assert_eq!(heard.gaps.len(), 1);
    assert_eq!(heard.gaps[0].0 + heard.gaps[0].1, 16_000_000);
    drop(disk);
}
