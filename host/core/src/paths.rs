//! Where things are in the data directory. Every path that is made from an id is made here.

use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use sandboxed_files::{RelativePath, Tree};
use sandboxed_model::{MissionId, RunId, WorkspaceId};
use sandboxed_rootfs::Overlay;

use crate::storage::Part;

/// The data directory.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    root: PathBuf,
}

impl Paths {
    /// Makes what is missing; the data directory is for its owner only, whoever made it.
    pub(crate) fn prepare(root: PathBuf) -> io::Result<Self> {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};

        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&root)?;
        let paths = Self { root: root.canonicalize()? };
        if std::fs::metadata(&paths.root)?.permissions().mode() & 0o077 != 0 {
            std::fs::set_permissions(&paths.root, std::fs::Permissions::from_mode(0o700))?;
        }
        for directory in [
            paths.workspaces(),
            paths.runs(),
            paths.missions(),
            paths.plugin_cache(),
            paths.plugin_versions(),
            paths.layers(),
            paths.attachments(),
        ] {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
            no_link(&directory)?;
        }
        Ok(paths)
    }

    /// Removes the directory of a workspace with all that is in it. Blocks.
    pub(crate) fn remove_workspace(&self, id: WorkspaceId) -> io::Result<()> {
        let workspaces = self.workspaces();
        no_link(&workspaces)?;
        // Below a directory handle a name cannot lead elsewhere, and links are removed and not followed.
        let removed = Tree::open(&workspaces, None).and_then(|tree| {
            let name = RelativePath::parse(id.to_string())?;
            tree.remove(&name, true, &AtomicBool::new(false))
        });
        match removed {
            Err(sandboxed_files::Error::NotFound(_)) => Ok(()),
            removed => removed.map_err(io::Error::other),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("sandboxed.db")
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    pub(crate) fn plugin_cache(&self) -> PathBuf {
        self.root.join("cache/plugins")
    }

    /// Versions of plugins that are in use or can be gone back to.
    pub(crate) fn plugin_versions(&self) -> PathBuf {
        self.root.join("plugins")
    }

    /// Results of steps of builds that are kept for other workspaces.
    pub(crate) fn steps(&self) -> PathBuf {
        self.root.join("cache/steps")
    }

    pub(crate) fn workspaces(&self) -> PathBuf {
        self.root.join("workspaces")
    }

    pub(crate) fn workspace(&self, id: WorkspaceId) -> PathBuf {
        self.workspaces().join(id.to_string())
    }

    /// The workspace's files.
    pub(crate) fn tree(&self, id: WorkspaceId) -> PathBuf {
        self.workspace(id).join("tree")
    }

    /// What the server leaves for the workspace's runs.
    pub(crate) fn inbox(&self, id: WorkspaceId) -> PathBuf {
        self.workspace(id).join("inbox")
    }

    /// The home directory of the workspace's agents.
    pub(crate) fn home(&self, id: WorkspaceId) -> PathBuf {
        self.workspace(id).join("home")
    }

    /// A directory of the workspace that begins with layers.
    pub(crate) fn overlay(&self, id: WorkspaceId, part: Part) -> Overlay {
        let directory = self.workspace(id);
        Overlay::new(directory.join(part.as_str()), directory.join(format!("{part}-changes")))
    }

    /// Layers that directories of workspaces begin with.
    pub(crate) fn layers(&self) -> PathBuf {
        self.root.join("layers")
    }

    /// The programs of harnesses. All workspaces see them, and may only read.
    pub(crate) fn harnesses(&self) -> PathBuf {
        self.root.join("harnesses")
    }

    /// Where programs of harnesses are tried out.
    pub(crate) fn trials(&self) -> PathBuf {
        self.root.join("cache/trials")
    }

    /// What is noted of the workspace's runs in its container.
    pub(crate) fn contained(&self, id: WorkspaceId) -> PathBuf {
        self.workspace(id).join("contained")
    }

    /// The files that name the users of the workspace's container.
    pub(crate) fn accounts(&self, id: WorkspaceId) -> PathBuf {
        self.workspace(id).join("accounts")
    }

    /// Copies of what workspaces see of the machine's `/etc`.
    pub(crate) fn etc(&self) -> PathBuf {
        self.root.join("etc")
    }

    /// The file that was last written when an image of this name was used. The name is one of this server's making.
    pub(crate) fn image_use(&self, image: &str) -> PathBuf {
        self.root.join("cache/images").join(image.replace(['/', ':'], "-"))
    }

    /// The vault's master key, where the configuration names no other place.
    pub(crate) fn vault_key(&self) -> PathBuf {
        self.root.join("vault.key")
    }

    /// What this server calls itself where it shares something with others.
    pub(crate) fn server_id(&self) -> PathBuf {
        self.root.join("server-id")
    }

    /// Where git works with a credential. No process of the workspace sees it.
    pub(crate) fn scratch(&self, id: WorkspaceId) -> PathBuf {
        self.workspace(id).join("scratch")
    }

    /// What is known of the repository that was cloned into the workspace.
    pub(crate) fn repository(&self, id: WorkspaceId) -> PathBuf {
        self.workspace(id).join("repository.json")
    }

    /// Files that arrive in parts. No process of the workspace sees them.
    pub(crate) fn uploads(&self, id: WorkspaceId) -> PathBuf {
        self.workspace(id).join("uploads")
    }

    /// There while the workspace comes in from an archive.
    pub(crate) fn arriving(&self, id: WorkspaceId) -> PathBuf {
        self.workspace(id).join("arriving")
    }

    /// Where connections out of workspaces' networks arrive.
    pub(crate) fn gate(&self) -> PathBuf {
        self.root.join("gate.sock")
    }

    /// Files that came with messages, each under its id.
    pub(crate) fn attachments(&self) -> PathBuf {
        self.root.join("attachments")
    }

    pub(crate) fn missions(&self) -> PathBuf {
        self.root.join("missions")
    }

    /// The mission's own directory.
    pub(crate) fn mission(&self, id: MissionId) -> PathBuf {
        self.missions().join(id.to_string())
    }

    /// How the workspace's files stood before a run.
    pub(crate) fn baseline(&self, mission: MissionId, run: RunId) -> PathBuf {
        self.mission(mission).join(format!("baseline-{run}.json"))
    }

    /// How the workspace's files stood before the mission's first run.
    pub(crate) fn first_baseline(&self, mission: MissionId) -> PathBuf {
        self.mission(mission).join("baseline.json")
    }
}

/// What is removed below a directory must not be somebody else's, to which a link leads.
fn no_link(directory: &Path) -> io::Result<()> {
    if std::fs::symlink_metadata(directory)?.is_symlink() {
        return Err(io::Error::other(format!(
            "{} is a symbolic link; mount the other directory there, or set server.data_dir to it",
            directory.display()
        )));
    }
    Ok(())
}
