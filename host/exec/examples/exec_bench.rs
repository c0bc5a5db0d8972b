//! What a run costs: `cargo run --example exec_bench`. Figures are min / median / max.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on panics")]

use std::{
    io::Read,
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use sandboxed_exec::{
    Chunk, Containment, ContainmentKind, OutputStream, Run, RunSpec, ShortSpec, SpoolReader, StdinMode, Supervisor,
    SupervisorConfig, Tty, shim_main, short,
};
use sandboxed_model::RunId;

const MEGABYTES: usize = 100;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("shim") {
        return shim_main();
    }
    tokio::runtime::Runtime::new().unwrap().block_on(bench());
    ExitCode::SUCCESS
}

async fn bench() {
    let home = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(SupervisorConfig {
        runs_dir: home.path().join("runs"),
        shim_program: std::env::current_exe().unwrap(),
        shim_args: vec!["shim".into()],
        spool_limit: 256 << 20,
    })
    .unwrap();
    let began = Instant::now();
    println!("containment: {} ({:?})", Containment::detect().detail(), began.elapsed());

    start(&supervisor, home.path()).await;
    latency(&supervisor, home.path()).await;
    throughput(&supervisor, home.path()).await;
    for kind in ContainmentKind::ALL {
        kill(&supervisor.clone().with_containment(kind), home.path(), kind).await;
    }
    helpers(home.path()).await;
}

async fn start(supervisor: &Supervisor, cwd: &Path) {
    let (mut started, mut first, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..50 {
        let began = Instant::now();
        let run = supervisor.start(spec(cwd, "echo", &["x"])).await.unwrap();
        started.push(began.elapsed());
        let mut reader = run.reader(OutputStream::Stdout, 0);
        reader.next(10).await.unwrap();
        first.push(began.elapsed());
        run.exit().await;
        ended.push(began.elapsed());
        supervisor.remove(run.id()).await.unwrap();
    }
    tell("start, answered", started);
    tell("start to first byte", first);
    tell("start to exit record", ended);
}

async fn latency(supervisor: &Supervisor, cwd: &Path) {
    let run = supervisor.start(spec(cwd, "cat", &[])).await.unwrap();
    let mut reader = run.reader(OutputStream::Stdout, 0);
    let (mut there, mut back) = (Vec::new(), Vec::new());
    for action in 1..=500 {
        let began = Instant::now();
        run.write(action, b"x\n").await.unwrap();
        there.push(began.elapsed());
        reader.next(10).await.unwrap();
        back.push(began.elapsed());
    }
    tell("write, answered", there);
    tell("write to echo read (cat)", back);
    run.close_input(501).await.unwrap();
    end(supervisor, run).await;
}

async fn throughput(supervisor: &Supervisor, cwd: &Path) {
    let count = (MEGABYTES << 20).to_string();
    let source = ["-c", count.as_str(), "/dev/zero"];
    let (mut plain, mut spooled, mut read, mut terminal) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..10 {
        let began = Instant::now();
        let mut child = Command::new("head").args(source).stdout(Stdio::piped()).spawn().unwrap();
        let mut buffer = vec![0; 256 << 10];
        let mut pipe = child.stdout.take().unwrap();
        while pipe.read(&mut buffer).unwrap() > 0 {}
        child.wait().unwrap();
        plain.push(began.elapsed());

        let began = Instant::now();
        let run = supervisor.start(spec(cwd, "head", &source)).await.unwrap();
        run.exit().await;
        spooled.push(began.elapsed());
        end(supervisor, run).await;

        let began = Instant::now();
        let run = supervisor.start(spec(cwd, "head", &source)).await.unwrap();
        assert_eq!(drain(run.reader(OutputStream::Stdout, 0)).await, MEGABYTES << 20);
        read.push(began.elapsed());
        end(supervisor, run).await;

        let began = Instant::now();
        let mut on_terminal = spec(cwd, "head", &source);
        on_terminal.tty = Some(Tty { rows: 24, cols: 80 });
        let run = supervisor.start(on_terminal).await.unwrap();
        assert_eq!(drain(run.reader(OutputStream::Stdout, 0)).await, MEGABYTES << 20);
        terminal.push(began.elapsed());
        end(supervisor, run).await;
    }
    let ratio = median(&mut read).as_secs_f64() / median(&mut plain).as_secs_f64();
    tell("100 MB, plain pipe", plain);
    tell("100 MB, into the spool", spooled);
    tell("100 MB, spool and reader", read);
    tell("100 MB, terminal, spool and reader", terminal);
    println!("spool and reader over plain pipe: {ratio:.2}");
}

async fn kill(supervisor: &Supervisor, cwd: &Path, kind: ContainmentKind) {
    let script = "for n in $(seq 50); do setsid sleep 1000 & done; echo ready; wait";
    let (mut gone, mut recorded) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let run = match supervisor.start(spec(cwd, "bash", &["-c", script])).await {
            Ok(run) => run,
            Err(error) => return println!("kill a tree of 50, {kind}: {error}"),
        };
        run.reader(OutputStream::Stdout, 0).next(10).await.unwrap();
        let began = Instant::now();
        run.kill().await.unwrap();
        gone.push(began.elapsed());
        run.exit().await;
        recorded.push(began.elapsed());
        end(supervisor, run).await;
    }
    tell(&format!("kill a tree of 50, {kind}"), gone);
    tell(&format!("  and exit recorded, {kind}"), recorded);
}

async fn helpers(cwd: &Path) {
    let mut took = Vec::new();
    for _ in 0..50 {
        let began = Instant::now();
        let spec = ShortSpec {
            program: "true".into(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: cwd.to_owned(),
            stdin: Vec::new(),
            deadline: Duration::from_secs(10),
            max_output: 1 << 20,
            guard: sandboxed_exec::Guard::default(),
        };
        short(spec).await.unwrap();
        took.push(began.elapsed());
    }
    tell("short helper (true)", took);
}

fn spec(cwd: &Path, program: &str, args: &[&str]) -> RunSpec {
    RunSpec {
        id: RunId::new(),
        program: program.to_owned(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        env: Vec::new(),
        cwd: cwd.to_owned(),
        tty: None,
        stdin: StdinMode::Pipe,
        guard: sandboxed_exec::Guard::default(),
    }
}

async fn drain(mut reader: SpoolReader) -> usize {
    let mut total = 0;
    loop {
        match reader.next(256 << 10).await.unwrap() {
            Chunk::Bytes { bytes, .. } => total += bytes.len(),
            Chunk::Gap { .. } => panic!("the limit is above what is printed"),
            Chunk::End => return total,
        }
    }
}

async fn end(supervisor: &Supervisor, run: Run) {
    run.exit().await;
    supervisor.remove(run.id()).await.unwrap();
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn tell(what: &str, mut times: Vec<Duration>) {
    let middle = median(&mut times);
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!("{what:<36} {:>8.2} / {:>8.2} / {:>8.2} ms", ms(times[0]), ms(middle), ms(times[times.len() - 1]));
}
