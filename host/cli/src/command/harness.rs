//! `harness`: what harnesses are, and the programs that they need.

use std::{fmt::Write as _, time::Duration};

use sandboxed_model::{
    PluginId,
    harness::HarnessAbout,
    install::{
        DownloadState, HarnessInfo, HarnessTest, InstallActivity, InstallOutline, InstallPhase, InstallProgress,
        OutlinedDownload,
    },
    state::MissionState,
};
use serde_json::Value;

use super::{ago, builds::interrupts, run::see_through, with_client};
use crate::{
    arguments::{Harness, Place},
    client::Client,
    failed::{Failed, Result, Status},
    output::{self, Style, Table, Terminal, safe, size},
};

/// How often it is looked how far an installation is.
const PAUSE: Duration = Duration::from_millis(200);
/// Exit status of a command that was interrupted (128 + SIGINT).
const STATUS_INTERRUPTED: u8 = 130;

pub(crate) async fn harness(place: &Place, command: Harness) -> Result<()> {
    with_client(place, async |client| match command {
        Harness::List(listing) => {
            let harnesses = client.harnesses().await?;
            if listing.json { output::print_json(&harnesses) } else { list(&harnesses) }
        }
        Harness::Show { harness, listing } => print(&client.harness(&harness).await?, listing.json),
        Harness::Install { harness, dry_run: true, listing } => {
            let outline = client.outline_installation(&harness).await?;
            if listing.json { output::print_json(&outline) } else { output::print(&outlined(&outline)) }
        }
        Harness::Install { harness, dry_run: false, listing } => {
            let info = install(client, &harness).await?;
            match (listing.json, &info.configured) {
                (true, _) => output::print_json(&info),
                (false, Some(version)) => output::print(&format!("{harness} {version} is installed")),
                (false, None) => output::print(&format!("{harness} is installed")),
            }
        }
        Harness::Cancel { harness, listing } => print(&client.cancel_installation(&harness).await?, listing.json),
        Harness::Test { harness, model, listing } => {
            let mission = client.test_harness(&harness, model).await?;
            see_through(client, mission.id, listing.json).await
        }
        Harness::Use { harness, version, configured: _, listing } => {
            print(&client.use_harness_version(&harness, version.as_deref()).await?, listing.json)
        }
        Harness::Remove { harness, version } => {
            client.remove_harness_version(&harness, &version).await?;
            output::print(&format!("{harness} {version} is removed"))
        }
    })
    .await
}

/// Installs and waits for the end, unless the person interrupts it.
async fn install(client: &Client, harness: &PluginId) -> Result<HarnessInfo> {
    let mut interrupt = interrupts()?;
    let mut info = client.install_harness(harness).await?;
    let mut told = None;
    loop {
        match (info.phase, info.problem.take()) {
            (InstallPhase::Installing, _) => {}
            (_, Some(problem)) => return Err(problem.into()),
            (InstallPhase::Absent | InstallPhase::Unknown | InstallPhase::Failed, None) => {
                return Err(Failed::Silent(Status::Failed));
            }
            (InstallPhase::Installed | InstallPhase::NotNeeded, None) => return Ok(info),
        }
        if let Some(progress) = &info.progress {
            let line = sentence(progress);
            if told.as_ref() != Some(&line) {
                output::remark(&line);
                told = Some(line);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = interrupt.recv() => {
                client.cancel_installation(harness).await?;
                output::hint("what was fetched is kept: the next installation goes on from there");
                return Err(Failed::Ended(STATUS_INTERRUPTED));
            }
        }
        info = client.harness(harness).await?;
    }
}

/// How far it is, in steps of ten per cent: each that is new is a line.
fn sentence(progress: &InstallProgress) -> String {
    let InstallProgress { step, steps, activity, subject, done, total } = progress;
    let doing = match activity {
        InstallActivity::Waiting => return "waiting".to_owned(),
        InstallActivity::Downloading => "downloading",
        InstallActivity::Unpacking => "unpacking",
        InstallActivity::Checking => "trying out",
    };
    let part = match total {
        Some(total) if *total > 0 && *activity == InstallActivity::Downloading => {
            format!(", {}0 % of {}", (u128::from(*done) * 10 / u128::from(*total)).min(10), size(*total))
        }
        _ => String::new(),
    };
    format!("step {step} of {steps}: {doing} {}{part}", safe(subject))
}

fn phase(phase: InstallPhase) -> &'static str {
    match phase {
        InstallPhase::NotNeeded => "nothing to install",
        InstallPhase::Absent => "not installed",
        InstallPhase::Installing => "installing",
        InstallPhase::Installed => "installed",
        InstallPhase::Failed => "failed",
        InstallPhase::Unknown => "unknown",
    }
}

/// How a harness was last tried out.
fn tested(test: &HarnessTest) -> String {
    let outcome = match test.state {
        MissionState::Done => "works",
        MissionState::Failed => "failed",
        state => state.as_str(),
    };
    format!("{outcome}, {}", ago(test.at))
}

fn list(harnesses: &[HarnessInfo]) -> Result<()> {
    let mut table =
        Table::new(&["HARNESS", "PROGRAM", "CONFIGURED", "CHOSEN", "INSTALLED", "TEST", "LAST GOOD RUN", "SUMMARY"]);
    for info in harnesses {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let installed: Vec<&str> = info.installed.iter().map(|one| one.version.as_str()).collect();
        let installed = if installed.is_empty() { "-".to_owned() } else { installed.join(", ") };
        let problem = info.problem.as_ref().map(ToString::to_string);
        let summary = info.about.as_ref().map(|about| about.summary.clone());
        table.row([
            if info.default { format!("{} (default)", info.id) } else { info.id.to_string() },
            phase(info.phase).to_owned(),
            or_none(&info.configured),
            or_none(&info.pinned),
            installed,
            info.test.as_ref().map_or_else(|| "-".to_owned(), tested),
            info.last_good.as_ref().map_or_else(|| "-".to_owned(), |good| ago(good.at)),
            problem.or(summary).unwrap_or_default(),
        ]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no harnesses; see [[plugin]] in config/sandboxed.toml"))
}

fn print(info: &HarnessInfo, json: bool) -> Result<()> {
    if json { output::print_json(info) } else { output::print(&described(info, Terminal::of_stdout())) }
}

fn described(info: &HarnessInfo, terminal: Terminal) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {}", terminal.paint(Style::Dim, &format!("{name:<10}")), safe(value));
    };
    line("harness", info.id.as_str());
    line("program", phase(info.phase));
    if let Some(progress) = &info.progress {
        line("progress", &sentence(progress));
    }
    if let Some(problem) = &info.problem {
        line("problem", &problem.to_string());
        problem.hint.iter().for_each(|hint| line("hint", hint));
    }
    for (name, version) in [("configured", &info.configured), ("chosen", &info.pinned)] {
        version.iter().for_each(|version| line(name, version));
    }
    for one in &info.installed {
        line("installed", &format!("{}, {}, {}", one.version, size(one.bytes), ago(one.installed_at)));
    }
    if let Some(test) = &info.test {
        line("test", &format!("{}, mission {}", tested(test), test.mission));
        test.problem.iter().for_each(|problem| line("", &problem.to_string()));
    }
    if let Some(good) = &info.last_good {
        line("last good", &format!("mission {}, {}", good.mission, ago(good.at)));
    }
    if let Some(about) = &info.about {
        text.push_str(&abilities(about, terminal));
    }
    text
}

fn abilities(about: &HarnessAbout, terminal: Terminal) -> String {
    let mut text = format!("{}\n", safe(&about.summary));
    let yes = |able: bool| if able { "yes" } else { "no" };
    let or_none = |texts: &[String]| if texts.is_empty() { "none to choose".to_owned() } else { texts.join(", ") };
    for (name, value) in [
        ("resume", yes(about.resume)),
        ("interrupt", yes(about.interrupt)),
        ("steer", yes(about.steer)),
        ("usage", yes(about.usage)),
        ("approvals", yes(about.approvals)),
        ("planning", yes(about.planning)),
        ("images", yes(about.images)),
        ("models", &or_none(&about.models)),
        ("efforts", &or_none(&about.efforts)),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {}", terminal.paint(Style::Dim, &format!("{name:<10}")), safe(value));
    }
    let schema: Value = serde_json::from_str(&about.settings_schema).unwrap_or(Value::Null);
    let schema = serde_json::to_string_pretty(&schema).unwrap_or_default();
    let _ = writeln!(text, "{}\n{schema}", terminal.paint(Style::Dim, "settings"));
    text
}

fn outlined(outline: &InstallOutline) -> String {
    let mut text = format!("version {} goes into {}\n", safe(&outline.version), safe(&outline.directory));
    if outline.installed {
        text.push_str("it is there already: nothing would be done\n");
    }
    for OutlinedDownload { from, names, integrity, into, state, present } in &outline.downloads {
        let state = match state {
            DownloadState::Downloaded => format!("downloaded before, {}", size(*present)),
            DownloadState::Mirrored => format!("in the mirror, {}", size(*present)),
            DownloadState::Partial => format!("fetched, {} of it are there", size(*present)),
            DownloadState::Absent => "fetched".to_owned(),
            DownloadState::Missing => format!("missing; the mirror needs {}", names.join(" or ")),
        };
        let into = if into.is_empty() { "." } else { into };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}\n  into {}; {}\n  {}", safe(from), safe(into), safe(&state), safe(integrity));
    }
    let _ = writeln!(text, "tried out by: {}", safe(&outline.check.join(" ")));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_a_line_for_each_tenth_of_a_download() {
        let at = |done| {
            sentence(&InstallProgress {
                step: 1,
                steps: 3,
                activity: InstallActivity::Downloading,
                subject: "agent.tgz".to_owned(),
                done,
                total: Some(2 << 20),
            })
        };
        assert_eq!(at(1 << 20), "step 1 of 3: downloading agent.tgz, 50 % of 2.0 MiB");
        assert_eq!(at(1 << 20), at((1 << 20) + 1));
        assert_eq!(at(2 << 20), "step 1 of 3: downloading agent.tgz, 100 % of 2.0 MiB");
    }
}
