//! Compiled components on disk.
//!
//! A compiled component is machine code, so only files that this server wrote may be loaded. Each file begins with a
//! keyed hash of the rest; the key lies beside the files, readable by the server's user only. A file that is cut,
//! altered or of another server is compiled anew and replaced.
#![allow(unsafe_code)]

use std::{
    fs::{self, DirBuilder, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use hmac::{Hmac, KeyInit, Mac};
use metrics::counter;
use sha2::Sha256;
use wasmtime::{Engine, component::Component};

/// Bytes of the keyed hash before the code.
const MAC_LENGTH: usize = 32;
/// Files that are kept; the least recently used go first.
const MAX_FILES: usize = 128;

/// The cache.
pub(crate) struct AotCache {
    directory: PathBuf,
    key: [u8; 32],
}

impl AotCache {
    /// Opens the cache, making directory and key where missing.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let path = directory.join("key");
        let key = match fs::read(&path).ok().and_then(|bytes| bytes.try_into().ok()) {
            Some(key) => key,
            None => {
                let key: [u8; 32] = rand::random();
                write_new(directory, &path, &[&key])?;
                key
            }
        };
        Ok(Self { directory: directory.to_owned(), key })
    }

    /// The component of these bytes, from the cache where it is there and sound. Takes as long as compiling does.
    pub(crate) fn component(&self, engine: &Engine, digest: &str, wasm: &[u8]) -> wasmtime::Result<Component> {
        let path = self.directory.join(format!("{digest}-{:016x}.cwasm", fingerprint(engine)));
        if let Some(code) = self.read(&path) {
            // SAFETY: the bytes are those that this server wrote after compiling: nobody else knows the key of their
            // hash. The name binds them to the component's digest and the engine's version and settings, which
            // `deserialize` checks once more.
            match unsafe { Component::deserialize(engine, &code) } {
                Ok(component) => {
                    counter!("sandboxed_plugin_compile_cache_total", "outcome" => "hit").increment(1);
                    let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
                    return Ok(component);
                }
                Err(error) => tracing::warn!(%error, path = %path.display(), "a compiled plugin does not load"),
            }
        }
        counter!("sandboxed_plugin_compile_cache_total", "outcome" => "miss").increment(1);
        let component = Component::new(engine, wasm)?;
        if let Err(error) = component.serialize().map_err(io::Error::other).and_then(|code| self.write(&path, &code)) {
            tracing::warn!(%error, "a compiled plugin could not be kept; it will be compiled again");
        }
        Ok(component)
    }

    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path).ok()?.read_to_end(&mut bytes).ok()?;
        let (mac, code) = bytes.split_at_checked(MAC_LENGTH)?;
        if self.mac(path, code).verify_slice(mac).is_err() {
            tracing::warn!(path = %path.display(), "a compiled plugin was altered and is compiled anew");
            return None;
        }
        bytes.drain(..MAC_LENGTH);
        Some(bytes)
    }

    fn write(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        let mac = self.mac(path, code).finalize().into_bytes();
        write_new(&self.directory, path, &[&mac, code])?;
        self.prune()
    }

    /// The hash covers the name, so that one plugin's code cannot be put in place of another's.
    fn mac(&self, path: &Path, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::new_from_slice(&self.key).expect("a key of any length is taken");
        mac.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        mac.update(&[0]);
        mac.update(code);
        mac
    }

    fn prune(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "cwasm") {
                files.push((fs::metadata(&path).and_then(|metadata| metadata.modified())?, path));
            }
        }
        files.sort_unstable();
        for (_, path) in files.iter().rev().skip(MAX_FILES) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// Tells engines apart whose code is not exchangeable.
fn fingerprint(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// Writes a file so that readers see nothing or the whole.
fn write_new(directory: &Path, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let temporary = directory.join(format!(".{:016x}.new", rand::random::<u64>()));
    let mut file = File::options().create_new(true).write(true).mode(0o600).open(&temporary)?;
    let written = parts.iter().try_for_each(|part| file.write_all(part)).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}
