//! What of the machine's `/etc` workspaces see: a copy that is made once for all of them and shown as one directory. A sandbox
//! that shows forty single files takes longer to make than all the rest of it.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use sandboxed_model::{Blame, Failure};
use sha2::{Digest, Sha256};

/// The parts of `/etc` that programs need. The rest may tell of the machine, and some of it is secret.
const PARTS: [&str; 34] = [
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "emacs",
    "fonts",
    "gai.conf",
    "gitconfig",
    "host.conf",
    "java-17-openjdk",
    "java-21-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "magic",
    "magic.mime",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "perl",
    "pki",
    "profile",
    "profile.d",
    "protocols",
    "python3",
    "services",
    "ssl",
    "terminfo",
    "vim",
];

/// What is the same in every workspace, whatever the machine has. See `sandboxed:backend/lifecycle.spec.etc`.
const OWN: [(&str, &str); 3] = [
    (
        "passwd",
        "root:x:0:0:root:/root:/usr/sbin/nologin\n\
         agent:x:1000:1000:agent:/home/agent:/bin/bash\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    ("group", "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n"),
    ("hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n"),
];

/// How long a copy is taken for the present state.
const FRESH: Duration = Duration::from_secs(10);
/// How long one is kept that is not the present one: a process may still look at it.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// What is copied at most. A machine with more than that in these parts is not one that they were chosen for.
const MOST_ENTRIES: usize = 20_000;
const LARGEST_FILE: u64 = 16 << 20;

/// The copies.
#[derive(Debug)]
pub(crate) struct Etc {
    /// The machine's own.
    machine: PathBuf,
    /// Where copies are kept, each under the hash of what it is a copy of.
    copies: PathBuf,
    /// Parts that the operator added.
    more: Vec<String>,
    current: Mutex<(PathBuf, Instant)>,
}

/// Something that everybody on the machine may read.
struct Entry {
    from: PathBuf,
    kind: Kind,
    modified: (i64, i64),
}

enum Kind {
    Directory,
    File { size: u64 },
    Link { leads: PathBuf },
}

impl Etc {
    /// Copies what is there now, if it is not copied yet. Blocks.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub(crate) fn open(machine: PathBuf, copies: PathBuf, more: Vec<String>) -> Result<Self, Failure> {
        let this = Self { machine, copies, more, current: Mutex::new((PathBuf::new(), Instant::now())) };
        let copy = this.copy().map_err(|error| {
            let place = this.copies.display();
            Failure::new(
                Blame::Host,
                "isolation.etc",
                format!("what workspaces see of /etc cannot be kept in {place}: {error}"),
            )
        })?;
        this.remove_old(&copy);
        *this.lock() = (copy, Instant::now());
        Ok(this)
    }

    /// The directory that workspaces see.
    pub(crate) fn current(&self) -> PathBuf {
        self.lock().0.clone()
    }

    /// Looks whether the machine's has changed, if that was not looked at just now. Blocks. What cannot be copied is logged, and
    /// workspaces go on to see the former state.
    pub(crate) fn refresh(&self) {
        if self.lock().1.elapsed() < FRESH {
            return;
        }
        match self.copy() {
            Ok(copy) => *self.lock() = (copy, Instant::now()),
            Err(error) => tracing::warn!(%error, "changes of /etc cannot be shown to workspaces"),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (PathBuf, Instant)> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn copy(&self) -> io::Result<PathBuf> {
        let entries = self.entries()?;
        let copy = self.copies.join(name_of(&entries));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.copies)?;
        if copy.exists() {
            // So that it is not taken for an old one.
            std::fs::File::open(&copy)?.set_modified(SystemTime::now())?;
            return Ok(copy);
        }
        let new = tempfile::Builder::new().prefix(".new-").tempdir_in(&self.copies)?;
        std::fs::set_permissions(new.path(), std::fs::Permissions::from_mode(0o755))?;
        for (path, entry) in &entries {
            write(&new.path().join(path), entry)?;
        }
        for (name, text) in OWN {
            write_file(&new.path().join(name), text.as_bytes())?;
        }
        // A killed server leaves no half copy under the name of a whole one.
        match std::fs::rename(new.path(), &copy) {
            Err(_) if copy.exists() => {}
            renamed => renamed?,
        }
        Ok(copy)
    }

    /// All entries by their paths, each directory before what is in it.
    fn entries(&self) -> io::Result<BTreeMap<PathBuf, Entry>> {
        let mut entries = BTreeMap::new();
        let parts = PARTS.into_iter().chain(self.more.iter().map(String::as_str));
        for part in parts.filter(|part| OWN.iter().all(|(own, _)| own != part)) {
            // What a part itself leads to is meant, and not the link.
            if let Ok(from) = self.machine.join(part).canonicalize() {
                add(&mut entries, part.into(), from)?;
            }
        }
        Ok(entries)
    }

    fn remove_old(&self, current: &Path) {
        let Ok(copies) = std::fs::read_dir(&self.copies) else { return };
        for copy in copies.flatten().map(|copy| copy.path()).filter(|copy| copy != current) {
            let age = copy.symlink_metadata().and_then(|metadata| metadata.modified()).map(|at| at.elapsed());
            if age.is_ok_and(|age| age.is_ok_and(|age| age > KEPT))
                && let Err(error) = std::fs::remove_dir_all(&copy)
            {
                tracing::warn!(%error, copy = %copy.display(), "an old copy of /etc cannot be removed");
            }
        }
    }
}

/// Adds what everybody may read. The rest, and what goes away meanwhile, is passed over.
fn add(entries: &mut BTreeMap<PathBuf, Entry>, path: PathBuf, from: PathBuf) -> io::Result<()> {
    let Ok(metadata) = from.symlink_metadata() else { return Ok(()) };
    let open = |bits| metadata.mode() & bits == bits;
    let kind = match metadata.file_type() {
        kind if kind.is_symlink() => match std::fs::read_link(&from) {
            Ok(leads) => Kind::Link { leads },
            Err(_) => return Ok(()),
        },
        kind if kind.is_dir() && open(0o005) => Kind::Directory,
        kind if kind.is_file() && open(0o004) && metadata.len() <= LARGEST_FILE => Kind::File { size: metadata.len() },
        _ => return Ok(()),
    };
    if entries.len() == MOST_ENTRIES {
        return Err(io::Error::other(format!("there are more than {MOST_ENTRIES} files")));
    }
    let names: Vec<OsString> = match kind {
        Kind::Directory => std::fs::read_dir(&from)?.flatten().map(|entry| entry.file_name()).collect(),
        _ => Vec::new(),
    };
    entries
        .insert(path.clone(), Entry { from: from.clone(), kind, modified: (metadata.mtime(), metadata.mtime_nsec()) });
    for name in names {
        add(entries, path.join(&name), from.join(&name))?;
    }
    Ok(())
}

/// Differs when anything does that is copied.
fn name_of(entries: &BTreeMap<PathBuf, Entry>) -> String {
    let mut hash = Sha256::new();
    for (path, Entry { kind, modified, .. }) in entries {
        let what = match kind {
            Kind::Directory => "directory".to_owned(),
            Kind::File { size } => format!("file {size} {modified:?}"),
            Kind::Link { leads } => format!("link {leads:?}"),
        };
        hash.update(format!("{path:?} {what}\n"));
    }
    for (name, text) in OWN {
        hash.update(format!("{name} {text}"));
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn write(to: &Path, Entry { from, kind, .. }: &Entry) -> io::Result<()> {
    match kind {
        Kind::Directory => {
            std::fs::create_dir(to)?;
            std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o755))
        }
        Kind::Link { leads } => symlink(leads, to),
        Kind::File { .. } => match std::fs::read(from) {
            Ok(content) => write_file(to, &content),
            // It went away since it was found.
            Err(_) => Ok(()),
        },
    }
}

fn write_file(to: &Path, content: &[u8]) -> io::Result<()> {
    std::fs::write(to, content)?;
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            std::fs::create_dir_all(machine.etc("ssl/certs")).unwrap();
            std::fs::create_dir(machine.etc("ssl/private")).unwrap();
            std::fs::set_permissions(machine.etc("ssl/private"), std::fs::Permissions::from_mode(0o710)).unwrap();
            for (path, mode) in [
                ("ssl/certs/ca.pem", 0o644),
                ("ssl/private/key.pem", 0o644),
                ("ssl/secret.pem", 0o640),
                ("services", 0o644),
                ("shadow", 0o644),
                ("passwd", 0o644),
                ("krb5.conf", 0o644),
            ] {
                std::fs::write(machine.etc(path), path).unwrap();
                std::fs::set_permissions(machine.etc(path), std::fs::Permissions::from_mode(mode)).unwrap();
            }
            symlink("/usr/share/x.pem", machine.etc("ssl/certs/x.pem")).unwrap();
            symlink("ssl/certs/ca.pem", machine.etc("localtime")).unwrap();
            machine
        }

        fn etc(&self, path: &str) -> PathBuf {
            self.0.path().join("etc").join(path)
        }

        fn open(&self, more: &[&str]) -> Etc {
            let more = more.iter().map(|&part| part.to_owned()).collect();
            Etc::open(self.0.path().join("etc"), self.0.path().join("copies"), more).unwrap()
        }
    }

    fn text(etc: &Etc, path: &str) -> Option<String> {
        std::fs::read_to_string(etc.current().join(path)).ok()
    }

    #[test]
    fn what_programs_need_and_everybody_may_read_is_there_and_nothing_else() {
        let machine = Machine::new();

        let etc = machine.open(&[]);

        for (path, content) in
            [("ssl/certs/ca.pem", "ssl/certs/ca.pem"), ("services", "services"), ("localtime", "ssl/certs/ca.pem")]
        {
            assert_eq!(text(&etc, path).as_deref(), Some(content), "{path}");
        }
        assert_eq!(std::fs::read_link(etc.current().join("ssl/certs/x.pem")).unwrap(), Path::new("/usr/share/x.pem"));
        for path in ["ssl/private", "ssl/secret.pem", "shadow", "krb5.conf"] {
            assert!(!etc.current().join(path).exists(), "{path}");
        }
        assert!(
            text(&etc, "passwd").unwrap().contains("agent:x:1000"),
            "the machine's users are none of the workspace's"
        );
    }

    #[test]
    fn what_the_operator_adds_is_there_too() {
        let machine = Machine::new();

        let etc = machine.open(&["krb5.conf", "passwd", "missing"]);

        assert_eq!(text(&etc, "krb5.conf").as_deref(), Some("krb5.conf"));
        assert!(text(&etc, "passwd").unwrap().contains("agent:x:1000"));
    }

    #[test]
    fn a_change_of_the_machine_is_seen_beside_the_former_state() {
        let machine = Machine::new();
        let etc = machine.open(&[]);
        let before = etc.current();
        std::fs::write(machine.etc("services"), "other services").unwrap();

        etc.refresh();
        assert_eq!(etc.current(), before, "it is not looked at again and again");
        etc.lock().1 = Instant::now().checked_sub(FRESH).unwrap();
        etc.refresh();

        assert_eq!(text(&etc, "services").as_deref(), Some("other services"));
        assert_eq!(std::fs::read_to_string(before.join("services")).unwrap(), "services");
    }

    #[test]
    fn the_same_state_is_copied_once_and_an_old_one_goes_at_a_start() {
        let machine = Machine::new();
        let first = machine.open(&[]).current();
        std::fs::write(machine.etc("services"), "other services").unwrap();
        let long_ago = SystemTime::now() - KEPT - Duration::from_secs(60);
        std::fs::File::open(&first).unwrap().set_modified(long_ago).unwrap();

        let second = machine.open(&[]).current();

        assert_eq!(machine.open(&[]).current(), second);
        assert_eq!(std::fs::read_dir(second.parent().unwrap()).unwrap().count(), 1);
    }
}
