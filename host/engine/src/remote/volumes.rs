//! The volumes of a workspace: made, filled with what a container needs to begin with, and removed.
//!
//! A container that begins finds its directories with the right owners. That takes a second container which is made, written
//! to by way of the engine and removed, and which is never started: nothing that runs ever has the right to change owners.

use std::{collections::HashMap, io, path::Path};

use bollard::{
    models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions, VolumeCreateRequest},
    query_parameters::{
        CreateContainerOptions, InspectContainerOptions, ListVolumesOptions, RemoveContainerOptions,
        RemoveVolumeOptions, UploadToContainerOptions,
    },
};
use sandboxed_keeper::{INBOX, PROGRAM, RUNS, STATE};
use sandboxed_model::WorkspaceId;

use super::program::{KEEPER, arch};
use crate::{
    ContainerSpec, Engine, Error, ExecUser, HOME, OWNER_LABEL, Storage, TREE, User, WORKSPACE_LABEL,
    container::{gone_is_fine, name},
};

/// What a volume of a workspace is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volume {
    /// Its files.
    Tree,
    /// Its home directory.
    Home,
    /// What is the server's.
    State,
    /// The image's own settings, with the workspace's user among the accounts.
    Etc,
}

impl Volume {
    pub(crate) const ALL: [Self; 4] = [Self::Tree, Self::Home, Self::State, Self::Etc];

    fn name(self, workspace: WorkspaceId) -> String {
        let part = match self {
            Self::Tree => "tree",
            Self::Home => "home",
            Self::State => "state",
            Self::Etc => "etc",
        };
        format!("{}-{part}", name(workspace))
    }

    /// Where a container finds it.
    pub(crate) fn target(self) -> &'static str {
        match self {
            Self::Tree => TREE,
            Self::Home => HOME,
            Self::State => STATE,
            Self::Etc => "/etc",
        }
    }

    fn mount(self, workspace: WorkspaceId) -> Mount {
        // The settings begin with those of the image; what an image has in the others' places is none of the workspace's.
        let options = MountVolumeOptions { no_copy: Some(self != Self::Etc), ..Default::default() };
        Mount {
            typ: Some(MountType::VOLUME),
            source: Some(self.name(workspace)),
            target: Some(self.target().to_owned()),
            read_only: Some(self == Self::Etc),
            volume_options: Some(options),
            ..Mount::default()
        }
    }
}

/// What a container mounts of the engine's volumes.
pub(crate) fn volumes(spec: &ContainerSpec) -> Vec<Mount> {
    match spec.storage {
        Storage::Volumes => Volume::ALL.map(|volume| volume.mount(spec.workspace)).to_vec(),
        Storage::Directories { .. } => Vec::new(),
    }
}

/// The name of the container that is never started.
fn preparing(workspace: WorkspaceId) -> String {
    format!("{}-prepare", name(workspace))
}

impl Engine {
    /// Makes the workspace's volumes where they are missing, and puts into them what the container is to find. There is no
    /// container of the workspace now.
    pub(crate) async fn prepare_volumes(&self, spec: &ContainerSpec) -> Result<(), Error> {
        let facts = self.probe().await?;
        if facts.arch != arch() {
            return Err(Error::Keeper(format!(
                "the engine's machine has another processor ({}) than the server's ({})",
                facts.arch,
                arch()
            )));
        }
        self.remove_preparing(spec.workspace).await?;
        // Those of another image may be in it.
        self.remove_volume(Volume::Etc.name(spec.workspace), spec.workspace).await?;
        for volume in Volume::ALL {
            self.make_volume(volume.name(spec.workspace), spec.workspace).await?;
        }
        let mounts = Volume::ALL.map(|volume| Mount { read_only: Some(false), ..volume.mount(spec.workspace) });
        let body = ContainerCreateBody {
            image: Some(spec.image.to_string()),
            entrypoint: Some(vec!["none".to_owned()]),
            labels: Some(self.owner().labels(Some(spec.workspace))),
            host_config: Some(HostConfig {
                mounts: Some(mounts.to_vec()),
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptions { name: Some(preparing(spec.workspace)), ..Default::default() };
        let made = self.call("make a container", self.docker().create_container(Some(options), body)).await;
        let made = made.map_err(|error| match error.status() {
            Some(404) => Error::ImageMissing { image: spec.image.clone() },
            _ => error,
        })?;
        let filled = match contents(spec.user) {
            Ok(contents) => self.put_archive(&made.id, "/", contents).await,
            Err(error) => Err(Error::Keeper(error.to_string())),
        };
        let removed = self.remove_preparing(spec.workspace).await;
        filled.and(removed)
    }

    /// Leaves files for a run in the inbox of the workspace's container, below `directory`. Each is told by its path below,
    /// its bytes, and whether it is a program.
    ///
    /// # Errors
    /// The container is absent or foreign; the engine fails; a path that is none.
    pub async fn leave_files(
        &self,
        workspace: WorkspaceId,
        directory: &str,
        files: &[(String, Vec<u8>, bool)],
    ) -> Result<(), Error> {
        let container = self.own(workspace).await?;
        let archive = inbox(directory, files).map_err(|error| Error::Keeper(error.to_string()))?;
        self.put_archive(&container.id, INBOX, archive).await
    }

    /// Removes what was left for a run.
    ///
    /// # Errors
    /// The container is absent, foreign or not running; the engine fails.
    pub async fn clear_files(&self, workspace: WorkspaceId, directory: &str) -> Result<(), Error> {
        // It is root's, and only root can remove it.
        let (status, words) = self.short(workspace, &[PROGRAM, "clear", directory], ExecUser::Root).await?;
        let failed = || Error::Keeper(String::from_utf8_lossy(&words).trim().to_owned());
        if status == 0 { Ok(()) } else { Err(failed()) }
    }

    /// Workspaces of which this server has volumes on the engine.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn list_owned_volumes(&self) -> Result<Vec<WorkspaceId>, Error> {
        let volumes = self.own_volumes(None).await?;
        let mut workspaces: Vec<_> = volumes.into_iter().map(|(workspace, _)| workspace).collect();
        workspaces.sort_unstable();
        workspaces.dedup();
        Ok(workspaces)
    }

    /// Removes the workspace's volumes, and with them its files. Its container is gone.
    ///
    /// # Errors
    /// A volume is in use; the engine fails.
    pub async fn remove_volumes(&self, workspace: WorkspaceId) -> Result<(), Error> {
        self.remove_preparing(workspace).await?;
        for (workspace, volume) in self.own_volumes(Some(workspace)).await? {
            self.remove_volume(volume, workspace).await?;
        }
        Ok(())
    }

    /// This server's volumes, of one workspace or of all, by their names.
    async fn own_volumes(&self, of: Option<WorkspaceId>) -> Result<Vec<(WorkspaceId, String)>, Error> {
        let filter = vec![format!("{OWNER_LABEL}={}", self.owner())];
        let options = ListVolumesOptions { filters: Some(HashMap::from([("label".to_owned(), filter)])) };
        let found = self.call("list volumes", self.docker().list_volumes(Some(options))).await?;
        let own = found.volumes.unwrap_or_default().into_iter().filter_map(|volume| {
            self.owner().owns(Some(&volume.labels)).then_some(())?;
            let workspace: WorkspaceId = volume.labels.get(WORKSPACE_LABEL)?.parse().ok()?;
            let named = Volume::ALL.into_iter().any(|kind| kind.name(workspace) == volume.name);
            (named && of.is_none_or(|of| of == workspace)).then_some((workspace, volume.name))
        });
        Ok(own.collect())
    }

    /// Whether the volume is there, which then is the workspace's.
    async fn has_volume(&self, volume: &str, workspace: WorkspaceId) -> Result<bool, Error> {
        match self.call("look at a volume", self.docker().inspect_volume(volume)).await {
            Ok(found) => {
                let own = self.owner().owns(Some(&found.labels))
                    && found.labels.get(WORKSPACE_LABEL).is_some_and(|id| *id == workspace.to_string());
                if own { Ok(true) } else { Err(Error::Foreign { what: format!("a volume {volume}") }) }
            }
            Err(error) if error.status() == Some(404) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn make_volume(&self, volume: String, workspace: WorkspaceId) -> Result<(), Error> {
        if self.has_volume(&volume, workspace).await? {
            return Ok(());
        }
        let request = VolumeCreateRequest {
            name: Some(volume.clone()),
            labels: Some(self.owner().labels(Some(workspace))),
            ..Default::default()
        };
        self.call("make a volume", self.docker().create_volume(request)).await?;
        // One that somebody else has made meanwhile is given without a word.
        self.has_volume(&volume, workspace).await.map(drop)
    }

    async fn remove_volume(&self, volume: String, workspace: WorkspaceId) -> Result<(), Error> {
        if !self.has_volume(&volume, workspace).await? {
            return Ok(());
        }
        let options = RemoveVolumeOptions { force: false };
        gone_is_fine(self.call("remove a volume", self.docker().remove_volume(&volume, Some(options))).await)
    }

    /// Removes what a server that died has left of its preparations.
    async fn remove_preparing(&self, workspace: WorkspaceId) -> Result<(), Error> {
        let name = preparing(workspace);
        let inspect = self.docker().inspect_container(&name, None::<InspectContainerOptions>);
        let found = match self.call("look at a container", inspect).await {
            Ok(found) => found,
            Err(error) if error.status() == Some(404) => return Ok(()),
            Err(error) => return Err(error),
        };
        let labels = found.config.and_then(|config| config.labels);
        let own =
            self.owner().owns(labels.as_ref()) && found.name.is_some_and(|found| found.trim_start_matches('/') == name);
        let Some(id) = found.id.filter(|_| own) else {
            return Err(Error::Foreign { what: format!("a container {name}") });
        };
        let options = RemoveContainerOptions { v: false, force: true, link: false };
        gone_is_fine(self.call("remove a container", self.docker().remove_container(&id, Some(options))).await)
    }

    async fn put_archive(&self, container: &str, path: &str, archive: Vec<u8>) -> Result<(), Error> {
        let options = UploadToContainerOptions { path: path.to_owned(), ..Default::default() };
        let body = bollard::body_full(archive.into());
        self.call("write files", self.docker().upload_to_container(container, Some(options), body)).await
    }
}

/// What is in the volumes to begin with. Those of the tree and the home are not touched but for their owners.
fn contents(user: User) -> io::Result<Vec<u8>> {
    let User { uid, gid } = user;
    let mut archive = tar::Builder::new(Vec::new());
    let own = (u64::from(uid), u64::from(gid));
    for (path, owner, mode) in [
        (TREE, own, 0o700),
        ("/home", (0, 0), 0o755),
        (HOME, own, 0o700),
        (STATE, (0, 0), 0o755),
        (below(PROGRAM), (0, 0), 0o755),
        (INBOX, (0, 0), 0o755),
        (RUNS, own, 0o700),
    ] {
        add(&mut archive, path, owner, mode, None)?;
    }
    let passwd = format!("agent:x:{uid}:{gid}:agent:{HOME}:/bin/sh\n{PASSWD}");
    let group = format!("agent:x:{gid}:\n{GROUP}");
    add(&mut archive, PROGRAM, (0, 0), 0o755, Some(KEEPER))?;
    add(&mut archive, "/etc/passwd", (0, 0), 0o644, Some(passwd.as_bytes()))?;
    add(&mut archive, "/etc/group", (0, 0), 0o644, Some(group.as_bytes()))?;
    archive.into_inner()
}

/// The accounts that every Debian has, as far as programs ask for them.
pub const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
                          daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
                          bin:x:2:2:bin:/bin:/usr/sbin/nologin\n\
                          sys:x:3:3:sys:/dev:/usr/sbin/nologin\n\
                          mail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n\
                          www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
                          nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
/// The groups.
pub const GROUP: &str = "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\nmail:x:8:\nshadow:x:42:\n\
                         www-data:x:33:\nstaff:x:50:\nusers:x:100:\nnogroup:x:65534:\n";

/// What a run finds in its inbox. Every user can read it and none can change it.
fn inbox(directory: &str, files: &[(String, Vec<u8>, bool)]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    add(&mut archive, directory, (0, 0), 0o755, None)?;
    for (path, bytes, executable) in files {
        for (end, _) in path.match_indices('/') {
            add(&mut archive, &format!("{directory}/{}", &path[..end]), (0, 0), 0o755, None)?;
        }
        let mode = if *executable { 0o755 } else { 0o644 };
        add(&mut archive, &format!("{directory}/{path}"), (0, 0), mode, Some(bytes))?;
    }
    archive.into_inner()
}

/// Adds a directory, or a file with these bytes. A path with `..` is refused.
fn add(
    archive: &mut tar::Builder<Vec<u8>>,
    path: &str,
    (uid, gid): (u64, u64),
    mode: u32,
    bytes: Option<&[u8]>,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(if bytes.is_some() { tar::EntryType::Regular } else { tar::EntryType::Directory });
    header.set_uid(uid);
    header.set_gid(gid);
    header.set_mode(mode);
    header.set_size(bytes.map_or(0, <[u8]>::len) as u64);
    archive.append_data(&mut header, path.trim_start_matches('/'), bytes.unwrap_or_default())
}

fn below(path: &str) -> &str {
    Path::new(path).parent().and_then(Path::to_str).unwrap_or(path)
}
