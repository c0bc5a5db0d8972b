//! A process that joins a running system finds itself among its files, processes and users. Needs a machine's root.

use std::time::Duration;

use sandboxed_exec::{Chunk, Exit, Filter, Guard, Inside, Network, OutputStream, Run, RunSpec, ShortSpec, short};

use crate::lab::{Lab, text, within};

/// The first of the user ids that the system has to itself.
const FIRST: u32 = 1_310_720_000;

/// Makes the namespaces in which its arguments are run. Only somebody outside may say who is who inside.
const UNSHARE: &str = r#"
    use strict; use POSIX qw(_exit uname);
    my ($unshare, $setresgid, $setresuid) = (uname)[4] eq "x86_64" ? (272, 119, 117) : (97, 149, 147);
    my ($first, @command) = @ARGV;
    pipe(my $made, my $tell_made); pipe(my $mapped, my $tell_mapped);
    my $parent = $$;
    if (!fork) {
        sysread $made, my $byte, 1;
        for my $map ("uid_map", "gid_map") { open my $file, ">", "/proc/$parent/$map" or _exit 1; syswrite $file, "0 $first 65536\n"; close $file or _exit 1 }
        syswrite $tell_mapped, "m"; _exit 0;
    }
    # CLONE_NEWNS, NEWUTS, NEWIPC, NEWUSER and NEWPID.
    syscall($unshare, 0x00020000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000) == 0 or die "unshare: $!";
    syswrite $tell_made, "m"; sysread $mapped, my $byte, 1; wait;
    syscall($setresgid, 0, 0, 0) == 0 && syscall($setresuid, 0, 0, 0) == 0 or die "root: $!";
    if (my $first_process = fork) { waitpid $first_process, 0; exit }
    exec @command;
"#;

/// What the first process of the system does.
const INIT: &str = "mount -t proc proc /proc && mount -t tmpfs tmpfs /mnt && echo of-the-system > /mnt/file && \
                    chmod 755 /mnt && hostname system && echo ready && exec sleep 1000";

/// Starts a system of its own: users, files, processes, names and network. It says `ready` when it is there.
async fn system(lab: &Lab) -> (Run, Inside) {
    let mut spec = lab.spec("perl", &["-e", UNSHARE, &FIRST.to_string(), "sh", "-c", INIT]);
    spec.guard.network = Network::Own { entrance: None };
    let run = lab.start(spec).await;
    let mut output = run.reader(OutputStream::Stdout, 0);
    let said = within(output.next(64)).await.unwrap();
    assert!(matches!(&said, Chunk::Bytes { bytes, .. } if bytes == b"ready\n"), "{said:?}");
    let process = run.oldest_inside().await.unwrap().unwrap();
    (run, Inside { process, user: 1000 })
}

fn guard(inside: Inside) -> Guard {
    let network = Network::Joined { process: inside.process, entrance: None };
    Guard { inside: Some(inside), network, filter: Filter::Own, ..Guard::default() }
}

fn joining(lab: &Lab, inside: Inside, script: &str) -> RunSpec {
    RunSpec { guard: guard(inside), cwd: "/mnt".into(), ..lab.script(script) }
}

async fn said(lab: &Lab, spec: RunSpec) -> String {
    let run = lab.start(spec).await;
    let said = text(&run).await;
    within(run.exit()).await;
    said
}

#[tokio::test]
async fn a_process_joins_the_files_the_names_the_processes_and_the_users_of_a_system() {
    let lab = Lab::new();
    let (leader, inside) = system(&lab).await;

    let script = "pwd; cat file; hostname; id -u; id -G; grep -c lo: /proc/net/dev; ls -d /proc/[0-9]* | wc -l; \
                  kill -0 1 2>/dev/null || echo kept; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status";
    let said = said(&lab, joining(&lab, inside, script)).await;

    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..6], ["/mnt", "of-the-system", "system", "1000", "1000", "1"]);
    assert!(lines[6].parse::<u32>().unwrap() < 8, "it sees the machine's processes: {said}");
    let kept = ["kept", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"];
    assert_eq!(lines[7..], kept);
    leader.kill().await.unwrap();
}

#[tokio::test]
async fn root_inside_looks_after_the_files_of_the_system_and_is_nobody_outside() {
    let lab = Lab::new();
    let (leader, inside) = system(&lab).await;
    let outside = lab.home().join("secret");
    std::fs::write(&outside, "secret").unwrap();
    std::fs::set_permissions(&outside, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();

    let script = format!(
        "id -u; chown 7:7 file && stat -c %u file; cat {} 2>/dev/null; mount -t tmpfs t /mnt 2>/dev/null || echo no mount; \
         unshare --user true 2>/dev/null || echo no users; setpriv --reuid 5 --clear-groups id -u",
        outside.display()
    );
    let said = said(&lab, joining(&lab, Inside { user: 0, ..inside }, &script)).await;

    assert_eq!(said, "0\n7\nno mount\nno users\n5\n");
    leader.kill().await.unwrap();
}

#[tokio::test]
async fn a_program_is_looked_for_inside_and_told_by_name_when_it_is_not_there() {
    let lab = Lab::new();
    let (leader, inside) = system(&lab).await;
    let spec = RunSpec { guard: guard(inside), cwd: "/".into(), ..lab.spec("no-such-program", &[]) };
    let spec = RunSpec { env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())], ..spec };

    let error = lab.supervisor.start(spec).await.unwrap_err();

    assert_eq!(error.failure().code, "run.program_missing");
    leader.kill().await.unwrap();
}

#[tokio::test]
async fn all_who_joined_are_gone_with_the_system() {
    let lab = Lab::new();
    let (leader, inside) = system(&lab).await;
    let run = lab.start(joining(&lab, inside, "trap '' TERM; (setsid sleep 1000 &); sleep 1000")).await;

    leader.kill().await.unwrap();

    assert_eq!(within(run.exit()).await, Exit::Signal(9));
    assert!(lab.supervisor.start(joining(&lab, inside, "true")).await.is_err(), "it joined what is gone");
}

#[tokio::test]
async fn a_helper_program_joins_too_and_its_caller_stays_where_it_was() {
    let lab = Lab::new();
    let (leader, inside) = system(&lab).await;
    let spec = ShortSpec {
        program: "hostname".into(),
        args: Vec::new(),
        env: vec![("PATH".to_owned(), std::env::var("PATH").unwrap())],
        cwd: "/".into(),
        stdin: Vec::new(),
        deadline: Duration::from_secs(60),
        max_output: 1 << 10,
        guard: guard(inside),
    };

    let output = short(spec).await.unwrap();

    assert_eq!(output.stdout, b"system\n");
    let own = std::fs::read_link("/proc/thread-self/ns/pid_for_children").unwrap();
    assert_eq!(own, std::fs::read_link("/proc/thread-self/ns/pid").unwrap());
    leader.kill().await.unwrap();
}
