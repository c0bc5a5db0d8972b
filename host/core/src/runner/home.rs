//! The home directory of a mission: a directory in the workspace's home, made by the agent's user when its program is
//! started. The server itself never writes where an agent may have put links.

use cap_std::{ambient_authority, fs::Dir};
use sandboxed_model::{
    MissionId, WorkspaceId,
    command::Command,
    harness::{LaunchFile, LaunchPlace},
};

use crate::services::Services;

/// In the workspace's home.
const MISSIONS: &str = ".missions";
/// Below a run's directory in the inbox: what is to be in the mission's home.
const FILES: &str = "home";

/// Makes the mission's home unless it is there, with a link to everything that is in the workspace's home, so that what
/// the workspace was set up with is found. Then puts the run's files there and becomes the agent's program.
const START: &str = r#"set -e
home=$1 files=$2
shift 2
if [ ! -d "$home" ]; then
    mkdir -p "$home"
    for entry in "$HOME"/* "$HOME"/.[!.]*; do
        name=${entry##*/}
        if [ "$name" != .missions ] && { [ -e "$entry" ] || [ -h "$entry" ]; }; then
            ln -s "$entry" "$home/$name"
        fi
    done
fi
if [ -d "$files" ]; then
    # What leads to the workspace's own becomes the mission's, or all missions would get what is put there.
    (cd "$files" && find . -mindepth 1) | while IFS= read -r path; do
        path=$home/${path#./}
        if [ -h "$path" ]; then
            linked=$(readlink "$path")
            rm "$path"
            if [ -d "$linked" ]; then
                mkdir "$path"
                for entry in "$linked"/* "$linked"/.[!.]*; do
                    if [ -e "$entry" ] || [ -h "$entry" ]; then
                        ln -s "$entry" "$path/${entry##*/}"
                    fi
                done
            fi
        fi
    done
    cp -R "$files/." "$home/"
fi
HOME=$home
export HOME
exec "$@"
"#;

/// The mission's home inside a workspace whose home is found at `home`.
pub(super) fn inside(home: &str, mission: MissionId) -> String {
    format!("{home}/{MISSIONS}/{mission}")
}

/// Where the run's files for the home are left, below the inbox.
pub(super) fn place(file: LaunchFile) -> LaunchFile {
    match file.place {
        LaunchPlace::Inbox => file,
        LaunchPlace::Home => LaunchFile { place: LaunchPlace::Inbox, path: format!("{FILES}/{}", file.path), ..file },
    }
}

/// The command that makes the home and becomes `command` there.
pub(super) fn begin(command: Command, home: &str, inbox: &str) -> Command {
    let before = ["-c", START, "sh", home, &format!("{inbox}/{FILES}")].map(str::to_owned);
    let args = before.into_iter().chain([command.program]).chain(command.args).collect();
    Command { program: "/bin/sh".to_owned(), args, ..command }
}

impl Services {
    /// Removes the home of a mission that is gone. Nothing outside the workspace's home is touched, wherever links lead.
    pub(crate) async fn forget_home(&self, workspace: WorkspaceId, mission: MissionId) {
        let home = self.paths.home(workspace);
        let removed = tokio::task::spawn_blocking(move || {
            let missions = Dir::open_ambient_dir(&home, ambient_authority())?.open_dir(MISSIONS)?;
            missions.remove_dir_all(mission.to_string())
        });
        match removed.await.map_err(std::io::Error::other).and_then(|removed| removed) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, %mission, "the home of a mission could not be removed");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::symlink, process};

    use super::*;

    fn run(workspace_home: &std::path::Path, home: &str, inbox: &str, script: &str) -> String {
        let command = Command {
            program: "sh".to_owned(),
            args: vec!["-c".to_owned(), script.to_owned()],
            env: Vec::new(),
            cwd: None,
            tty: None,
        };
        let Command { program, args, .. } = begin(command, home, inbox);
        let output = process::Command::new(program).args(args).env("HOME", workspace_home).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_mission_finds_what_the_workspace_was_set_up_with_and_its_own_files_over_it() {
        let directory = tempfile::tempdir().unwrap();
        let (workspace, inbox) = (directory.path().join("home"), directory.path().join("inbox"));
        std::fs::create_dir_all(workspace.join("tools")).unwrap();
        std::fs::write(workspace.join("tools/x"), "tool").unwrap();
        std::fs::write(workspace.join(".gitconfig"), "git").unwrap();
        symlink("/nowhere", workspace.join("dangling")).unwrap();
        std::fs::create_dir_all(inbox.join("home/.agent")).unwrap();
        std::fs::write(inbox.join("home/.agent/settings"), "first").unwrap();
        let home = inside(workspace.to_str().unwrap(), MissionId::new());
        let inbox_inside = inbox.to_str().unwrap();

        let script = r#"cat "$HOME/tools/x" "$HOME/.gitconfig" "$HOME/.agent/settings"; echo mine > "$HOME/note""#;
        assert_eq!(run(&workspace, &home, inbox_inside, script), "toolgitfirst");

        std::fs::write(inbox.join("home/.agent/settings"), "second").unwrap();
        let script = r#"cat "$HOME/.agent/settings" "$HOME/note"; ls -A "$HOME/.missions" 2>/dev/null || true"#;
        assert_eq!(run(&workspace, &home, inbox_inside, script), "secondmine\n");
        assert!(!workspace.join("note").exists());
    }

    #[test]
    fn what_a_mission_puts_into_a_directory_of_the_workspaces_is_in_that_mission_alone() {
        let directory = tempfile::tempdir().unwrap();
        let (workspace, inbox) = (directory.path().join("home"), directory.path().join("inbox"));
        std::fs::create_dir_all(workspace.join(".agent/skills/own")).unwrap();
        std::fs::write(workspace.join(".agent/skills/own/SKILL.md"), "own").unwrap();
        std::fs::write(workspace.join(".agent/settings"), "workspace").unwrap();
        std::fs::create_dir_all(inbox.join("home/.agent/skills/new")).unwrap();
        std::fs::write(inbox.join("home/.agent/skills/new/SKILL.md"), "new").unwrap();
        std::fs::write(inbox.join("home/.agent/settings"), "mission").unwrap();
        let home = inside(workspace.to_str().unwrap(), MissionId::new());

        let script = r#"cd "$HOME/.agent"; cat skills/own/SKILL.md skills/new/SKILL.md settings"#;
        for _ in 0..2 {
            assert_eq!(run(&workspace, &home, inbox.to_str().unwrap(), script), "ownnewmission");
        }
        assert_eq!(std::fs::read_to_string(workspace.join(".agent/settings")).unwrap(), "workspace");
        assert!(!workspace.join(".agent/skills/new").exists());
    }

    #[test]
    fn without_files_of_its_own_a_program_begins_in_an_empty_home() {
        let directory = tempfile::tempdir().unwrap();
        let workspace = directory.path().join("home");
        std::fs::create_dir(&workspace).unwrap();
        let home = inside(workspace.to_str().unwrap(), MissionId::new());

        assert_eq!(run(&workspace, &home, "/nowhere", r#"ls -A "$HOME"; echo "$HOME""#), format!("{home}\n"));
    }
}
