//! The end of a run in a container.
//!
//! The engine can end a container and no part of it, and a program that it started may have left descendants that no
//! process group holds. What they share is the mark in their environment, which they inherit.

use std::time::Duration;

use bollard::query_parameters::TopOptions;
use futures_util::future::join_all;
use sandboxed_model::WorkspaceId;

use crate::{Engine, Error, ExecUser, InvalidSpec, RUN_VARIABLE};

/// Kills what carries the mark `$1` and ends with 0 when two looks in a row found none: a child that is born behind the
/// look and whose parent dies before it is seen by the next. It uses nothing but the shell itself (`read`, `kill`, `[`
/// are built in), so that it works in every image and when no further process can be made. `read` drops the zero bytes
/// between variables; the name before the mark and the length of the marks keep one from being taken for another.
const SCRIPT: &str = r#"
clean=0 looks=0
while [ $clean -lt 2 ]; do
  [ $looks -lt 50 ] || exit 1
  looks=$((looks + 1)) found=
  for entry in /proc/[0-9]*; do
    hit=
    { while IFS= read -r line || [ -n "$line" ]; do
      case $line in *"$2=$1"*) hit=1; break ;; esac
    done; } 2>/dev/null <"$entry/environ"
    [ -n "$hit" ] && found=1 && kill -9 "${entry#/proc/}" 2>/dev/null
  done
  if [ -n "$found" ]; then clean=0; else clean=$((clean + 1)); fi
done
"#;

/// Sends the signal `$3` to what carries the mark. One look is enough: what is born meanwhile is none of its business.
const SIGNAL: &str = r#"
for entry in /proc/[0-9]*; do
  hit=
  { while IFS= read -r line || [ -n "$line" ]; do
    case $line in *"$2=$1"*) hit=1; break ;; esac
  done; } 2>/dev/null <"$entry/environ"
  [ -n "$hit" ] && kill -"$3" "${entry#/proc/}" 2>/dev/null
done
:
"#;

/// How often the script is started before it is given up.
const ATTEMPTS: u32 = 5;

/// What keeps a container alive: the engine's own first process and the program that sleeps.
const OWN_PROCESSES: u64 = 2;

/// Between two looks at a program that is about to start.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What all attempts have together.
const WITHIN: Duration = Duration::from_secs(30);

impl Engine {
    /// Kills every process in the workspace's container whose environment holds [`RUN_VARIABLE`]`=mark`, and returns
    /// when there is none. A container that is absent or stopped has none.
    ///
    /// A process that has wiped its environment is not found. Where the container's processes cannot be seen on this
    /// machine it is done inside: then one that hides its environment from its own user is not found either, and the
    /// image needs `sh`. [`Engine::kill_all`] always works.
    ///
    /// # Errors
    /// A mark that is not 8 to 64 of `a-z`, `A-Z`, `0-9` and `-`; a foreign container; [`Error::NotStarted`] without a
    /// `sh`; [`Error::Survivors`]; the engine fails.
    pub async fn kill_run(&self, workspace: WorkspaceId, mark: &str) -> Result<(), Error> {
        check(mark)?;
        match self.machine_kill(workspace, mark).await {
            Ok(true) | Err(Error::Absent(_) | Error::NotRunning(_)) => return Ok(()),
            Ok(false) => {}
            Err(error) => return Err(error),
        }
        // Without capabilities no user sees another's processes: root's look does not find those of the container's.
        let users = async {
            tokio::try_join!(
                self.kill_of(workspace, mark, ExecUser::Container),
                self.kill_of(workspace, mark, ExecUser::Root)
            )
        };
        match tokio::time::timeout(WITHIN, users).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(Error::Absent(_) | Error::NotRunning(_))) => Ok(()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::Survivors { workspace, mark: mark.to_owned() }),
        }
    }

    /// Kills what is left of a run that has ended, as [`Engine::kill_run`] does. Where nothing at all runs in the container
    /// besides its own, there is nothing to look for.
    ///
    /// # Errors
    /// As [`Engine::kill_run`].
    pub async fn clear_run(&self, workspace: WorkspaceId, mark: &str) -> Result<(), Error> {
        check(mark)?;
        match self.is_quiet(workspace).await {
            Ok(true) | Err(Error::Absent(_) | Error::NotRunning(_)) => Ok(()),
            Ok(false) | Err(_) => self.kill_run(workspace, mark).await,
        }
    }

    /// Whether nothing runs in the workspace's container but what keeps it alive.
    ///
    /// # Errors
    /// The container is absent, foreign or not running; the engine fails.
    pub async fn is_quiet(&self, workspace: WorkspaceId) -> Result<bool, Error> {
        // Not by the engine's own figures, which are a second old.
        let processes = match self.machine_processes(workspace).await? {
            Some(processes) => processes,
            None => self.listed_processes(workspace).await?,
        };
        Ok(processes <= OWN_PROCESSES)
    }

    /// Waits until no program in the workspace's container is about to start: one whose starter was killed comes to life
    /// all the same, and nobody would look for it any more. A container that is absent or stopped starts none.
    ///
    /// # Errors
    /// A foreign container; the engine fails or does not come to an end with it.
    pub async fn none_starts(&self, workspace: WorkspaceId) -> Result<(), Error> {
        let what = "start a program";
        let wait = async {
            loop {
                let programs = match self.own(workspace).await {
                    Ok(container) => container.programs,
                    Err(Error::Absent(_) | Error::NotRunning(_)) => return Ok(()),
                    Err(error) => return Err(error),
                };
                let looks = programs.iter().map(|id| self.docker().inspect_exec(id));
                let looked = self.call(what, async { Ok(join_all(looks).await) }).await?;
                // It is there as soon as it has a number; one that has gone meanwhile cannot be looked at.
                let starts = looked.iter().flatten().any(|it| it.running == Some(true) && it.pid.unwrap_or(0) == 0);
                if !starts {
                    return Ok(());
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(WITHIN, wait).await.unwrap_or(Err(Error::Deadline { what, after: WITHIN }))
    }

    async fn listed_processes(&self, workspace: WorkspaceId) -> Result<u64, Error> {
        let container = self.own_running(workspace).await?;
        let list = self.docker().top_processes(&container.id, None::<TopOptions>);
        let listed = self.call("list processes", list).await?.processes.unwrap_or_default();
        if listed.is_empty() {
            return Err(Error::Connection { what: "list processes", reason: "the list is empty".into() });
        }
        Ok(listed.len() as u64)
    }

    /// Sends a signal, by its number, to every process in the workspace's container that carries the mark and belongs to
    /// the container's user.
    ///
    /// # Errors
    /// As [`Engine::kill_run`]; a container that is absent or stopped.
    pub async fn signal_run(&self, workspace: WorkspaceId, mark: &str, signal: i32) -> Result<(), Error> {
        check(mark)?;
        let argv = ["sh", "-c", SIGNAL, "sh", mark, RUN_VARIABLE, &signal.to_string()];
        self.short(workspace, &argv, ExecUser::Container).await.map(drop)
    }

    async fn kill_of(&self, workspace: WorkspaceId, mark: &str, user: ExecUser) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            // Anything else than 0 is a shell that gave up, or that one of the processes has killed.
            let (status, _) = self.short(workspace, &["sh", "-c", SCRIPT, "sh", mark, RUN_VARIABLE], user).await?;
            if status == 0 {
                return Ok(());
            }
        }
        Err(Error::Survivors { workspace, mark: mark.to_owned() })
    }
}

fn check(mark: &str) -> Result<(), Error> {
    let plain = mark.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if (8..=64).contains(&mark.len()) && plain { Ok(()) } else { Err(InvalidSpec::Mark.into()) }
}
