//! `doctor`: what works on this machine and what does not.

use std::fmt::Write as _;

use sandboxed_model::doctor::{CheckStatus, DoctorReport};

use super::with_client;
use crate::{
    arguments::{Listing, Place},
    failed::{Failed, Result, Status},
    output::{self, Style, Terminal, safe},
};

pub(crate) async fn doctor(place: &Place, listing: Listing) -> Result<()> {
    let report = with_client(place, async |client| client.doctor().await).await?;
    match listing.json {
        true => output::print_json(&report)?,
        false => output::print(&render(&report, Terminal::of_stdout()))?,
    }
    match report.status() {
        CheckStatus::Error => Err(Failed::Silent(Status::Failed)),
        CheckStatus::Ok | CheckStatus::Warning => Ok(()),
    }
}

fn render(report: &DoctorReport, terminal: Terminal) -> String {
    let mut text = format!("sandboxed.sh {}\n", report.version);
    for check in &report.checks {
        let (style, mark) = match check.status {
            CheckStatus::Ok => (Style::Good, "✓"),
            CheckStatus::Warning => (Style::Warning, "!"),
            CheckStatus::Error => (Style::Error, "✗"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {}: {}", terminal.paint(style, mark), safe(&check.name), safe(&check.detail));
        if let Some(failure) = &check.failure {
            if failure.message != check.detail {
                let _ = writeln!(text, "  {}", safe(&failure.message));
            }
            if let Some(hint) = &failure.hint {
                let _ = writeln!(text, "  {} {}", terminal.paint(Style::Dim, "hint:"), safe(hint));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use sandboxed_model::{Blame, Failure, doctor::Check};

    use super::*;

    #[test]
    fn what_does_not_work_is_shown_with_its_remedy() {
        let failure =
            Failure::new(Blame::Unavailable, "git.missing", "git is not on PATH").with_hint("apt install git");
        let check = |name: &str, status, failure| Check {
            name: name.to_owned(),
            status,
            detail: "as found".to_owned(),
            failure,
        };
        let report = DoctorReport {
            version: "1".to_owned(),
            checks: vec![
                check("store", CheckStatus::Ok, None),
                check("cgroups", CheckStatus::Warning, None),
                check("git", CheckStatus::Error, Some(failure)),
            ],
        };

        assert_eq!(
            render(&report, Terminal { present: false, colour: false }),
            "sandboxed.sh 1\n✓ store: as found\n! cgroups: as found\n✗ git: as found\n  git is not on PATH\n  hint: apt install git\n"
        );
    }
}
