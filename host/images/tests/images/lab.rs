//! Images that are made by hand, and a place to unpack them.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use sandboxed_images::{Order, Result, Settings, unpack};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

/// A member of an archive: its name, what it is, and what it holds or where it leads.
pub(crate) enum Item<'a> {
    File(&'a str, &'a [u8]),
    Directory(&'a str),
    Symlink(&'a str, &'a str),
    Link(&'a str, &'a str),
    Device(&'a str),
}

/// An archive with these members, whatever they are called.
pub(crate) fn tar(items: &[Item<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for item in items {
        let (name, kind, content, link): (&str, _, &[u8], &str) = match item {
            Item::File(name, content) => (name, EntryType::Regular, content, ""),
            Item::Directory(name) => (name, EntryType::Directory, b"", ""),
            Item::Symlink(name, target) => (name, EntryType::Symlink, b"", target),
            Item::Link(name, target) => (name, EntryType::Link, b"", target),
            Item::Device(name) => (name, EntryType::Char, b"", ""),
        };
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
        let own = fs::metadata("/proc/self").unwrap();
        header.set_uid(own.uid().into());
        header.set_gid(own.gid().into());
        // Written as they are: the library would refuse what leads out.
        let raw = header.as_old_mut();
        raw.name[..name.len()].copy_from_slice(name.as_bytes());
        raw.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn this_machine() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The configuration of an image with layers that hold these archives.
pub(crate) fn config(architecture: &str, archives: &[Vec<u8>]) -> Value {
    let diff_ids: Vec<String> = archives.iter().map(|archive| format!("sha256:{}", sha256(archive))).collect();
    json!({
        "architecture": architecture,
        "os": "linux",
        "config": { "Env": ["PATH=/opt/bin:/usr/bin:/bin", "KIND=of an image"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    })
}

/// An image layout that is being made.
pub(crate) struct Layout {
    pub(crate) at: PathBuf,
    manifests: Vec<Value>,
}

impl Layout {
    pub(crate) fn new(at: PathBuf) -> Self {
        fs::create_dir_all(at.join("blobs/sha256")).unwrap();
        fs::write(at.join("oci-layout"), r#"{ "imageLayoutVersion": "1.0.0" }"#).unwrap();
        Self { at, manifests: Vec::new() }
    }

    /// Keeps a blob and describes it.
    pub(crate) fn blob(&self, kind: &str, bytes: &[u8]) -> Value {
        fs::write(self.at.join("blobs/sha256").join(sha256(bytes)), bytes).unwrap();
        json!({ "mediaType": kind, "digest": format!("sha256:{}", sha256(bytes)), "size": bytes.len() })
    }

    /// The description of an image of these archives, each packed by `pack`.
    pub(crate) fn image(&self, architecture: &str, archives: &[Vec<u8>], pack: fn(&[u8]) -> Vec<u8>) -> Value {
        let config = config(architecture, archives).to_string();
        let config = self.blob("application/vnd.oci.image.config.v1+json", config.as_bytes());
        let kind = "application/vnd.oci.image.layer.v1.tar";
        let layers: Vec<Value> = archives.iter().map(|archive| self.blob(kind, &pack(archive))).collect();
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers }).to_string();
        let mut described = self.blob("application/vnd.oci.image.manifest.v1+json", manifest.as_bytes());
        described["platform"] = json!({ "os": "linux", "architecture": architecture });
        described
    }

    /// An index of descriptions.
    pub(crate) fn index(&self, manifests: &[Value]) -> Value {
        let index = json!({ "schemaVersion": 2, "manifests": manifests }).to_string();
        self.blob("application/vnd.oci.image.index.v1+json", index.as_bytes())
    }

    /// Puts a description into `index.json` under a name.
    pub(crate) fn name(&mut self, mut described: Value, name: &str) {
        described["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        self.manifests.push(described);
        let index = json!({ "schemaVersion": 2, "manifests": self.manifests });
        fs::write(self.at.join("index.json"), index.to_string()).unwrap();
    }

    /// The same as one tar archive.
    pub(crate) fn archive(&self) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        builder.append_dir_all(".", &self.at).unwrap();
        builder.into_inner().unwrap()
    }
}

/// What `docker save` of old wrote of an image of these archives.
pub(crate) fn saved(archives: &[Vec<u8>]) -> Vec<u8> {
    let config = config(this_machine(), archives).to_string();
    let name = format!("{}.json", sha256(config.as_bytes()));
    let places: Vec<String> =
        archives.iter().map(|archive| format!("{}/layer.tar", sha256(&[archive.as_slice(), b"id"].concat()))).collect();
    let manifest = json!([{ "Config": name, "RepoTags": ["test/image:1"], "Layers": places }]).to_string();
    let mut builder = Builder::new(Vec::new());
    let mut put = |name: &str, content: &[u8]| {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content).unwrap();
    };
    for (place, archive) in places.iter().zip(archives) {
        put(&place.replace("layer.tar", "VERSION"), b"1.0");
        put(place, archive);
    }
    put(&name, config.as_bytes());
    put("manifest.json", manifest.as_bytes());
    builder.into_inner().unwrap()
}

/// A place to unpack into.
pub(crate) struct Lab {
    pub(crate) home: TempDir,
    pub(crate) order: Order,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let order = Order {
            source: home.path().join("image"),
            image: None,
            target: home.path().join("target"),
            scratch: home.path().to_owned(),
            max_bytes: 1 << 20,
            max_entries: 100,
            directories: Vec::new(),
            account: None,
        };
        fs::create_dir(&order.target).unwrap();
        Self { home, order }
    }

    /// Unpacks an archive.
    pub(crate) fn unpack(&self, archive: &[u8]) -> Result<Settings> {
        fs::write(&self.order.source, archive).unwrap();
        self.go()
    }

    pub(crate) fn go(&self) -> Result<Settings> {
        unpack(&self.order, &mut |_| {})
    }

    /// Unpacks an image of these layers.
    pub(crate) fn layers(&self, layers: &[&[Item<'_>]]) -> Result<Settings> {
        let archives: Vec<Vec<u8>> = layers.iter().map(|layer| tar(layer)).collect();
        self.unpack(&saved(&archives))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.order.target.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// All that is there, sorted.
    pub(crate) fn all(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.order.target, &self.order.target, &mut found);
        found.sort();
        found
    }
}

fn walk(root: &Path, at: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(at).unwrap().flatten() {
        found.push(entry.path().strip_prefix(root).unwrap().to_string_lossy().into_owned());
        if entry.file_type().unwrap().is_dir() {
            walk(root, &entry.path(), found);
        }
    }
}
