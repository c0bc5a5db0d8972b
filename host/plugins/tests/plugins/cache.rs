//! The cache of compiled plugins: used when it is sound, and never trusted when it is not.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use sandboxed_model::{config::PluginConfig, plugin::PluginHealth};
use sandboxed_plugins::HostOptions;

use crate::support::{id, options, plugin, start_with};

/// Two small plugins.
fn plugins() -> [PluginConfig; 2] {
    [
        plugin("id = \"tools\"\nkind = \"tools\"\ncomponent = \"panic-everywhere.wasm\""),
        plugin("id = \"harness\"\nkind = \"harness\"\ncomponent = \"hostile-harness.wasm\""),
    ]
}

/// Starts a host on this cache and sees both plugins at work, each with its own code.
async fn work(cache: &Path) {
    let host = start_with(HostOptions { cache_dir: cache.to_owned(), ..options() }, &plugins()).await;
    for info in host.list() {
        assert_eq!((info.health, info.reason), (PluginHealth::Ready, None), "{}", info.id);
    }
    let failure = host.tools(&id("tools")).unwrap().list_tools().await.unwrap_err();
    assert!(failure.message.contains("nothing to list"), "{failure}");
    let about = host.harness(&id("harness")).unwrap().describe().await.unwrap();
    assert_eq!(about.summary, "Does the worst that its prompt says.");
}

/// The compiled files, with the number that changes when one is written anew.
fn compiled(cache: &Path) -> Vec<(PathBuf, u64)> {
    let entries = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "cwasm"))
        .map(|path| (path.clone(), fs::metadata(&path).unwrap().ino()))
        .collect();
    files.sort();
    assert_eq!(files.len(), 2);
    files
}

/// What `harm` does to the first file makes that one be compiled anew, and both plugins work.
async fn is_compiled_anew_after(harm: impl FnOnce(&Path, &Path)) {
    let cache = tempfile::tempdir().unwrap();
    work(cache.path()).await;
    let before = compiled(cache.path());
    let (first, second) = (&before[0].0, &before[1].0);
    // The old file stays open, so that its number is not given to the new one.
    let _first = fs::File::open(first).unwrap();
    harm(first, second);
    let harmed = fs::read(first).unwrap();
    work(cache.path()).await;
    let after = compiled(cache.path());
    assert_ne!(before[0].1, after[0].1, "the harmed file was used");
    assert_ne!(fs::read(first).unwrap(), harmed);
    assert_eq!(before[1].1, after[1].1, "the sound file was not used");
}

#[tokio::test]
async fn a_compiled_plugin_is_used_again_and_readable_by_the_server_only() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("made");
    work(&folder).await;
    let before = compiled(&folder);
    work(&folder).await;
    assert_eq!(compiled(&folder), before);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("key")), mode(&before[0].0)), (0o700, 0o600, 0o600));
}

#[tokio::test]
async fn a_file_that_was_cut_is_compiled_anew() {
    is_compiled_anew_after(|file, _| {
        let bytes = fs::read(file).unwrap();
        fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
    })
    .await;
    is_compiled_anew_after(|file, _| fs::write(file, b"").unwrap()).await;
}

#[tokio::test]
async fn a_file_with_one_bit_changed_is_compiled_anew() {
    for place in [0, 31, 32, 5000] {
        is_compiled_anew_after(|file, _| {
            let mut bytes = fs::read(file).unwrap();
            bytes[place] ^= 1;
            fs::write(file, bytes).unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn the_file_of_another_plugin_is_not_taken_for_this_ones() {
    is_compiled_anew_after(|file, other| {
        fs::copy(other, file).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_made_anew_and_all_files_with_it() {
    let cache = tempfile::tempdir().unwrap();
    work(cache.path()).await;
    let before = compiled(cache.path());
    let _open: Vec<_> = before.iter().map(|(path, _)| fs::File::open(path).unwrap()).collect();
    let key = cache.path().join("key");
    fs::write(&key, b"short").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o000)).unwrap();
    work(cache.path()).await;
    let after = compiled(cache.path());
    assert!(before.iter().zip(&after).all(|(before, after)| before.1 != after.1));
    assert_eq!(fs::read(&key).unwrap().len(), 32);
}

#[tokio::test]
async fn a_cache_that_cannot_be_made_is_told_with_its_place() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let options = HostOptions { cache_dir: file.path().join("below"), ..options() };
    let refused = sandboxed_plugins::PluginHost::start(options, &plugins(), crate::support::ports()).await;
    let failure = refused.err().unwrap().failure();
    assert_eq!(failure.code, "plugin.cache");
    assert!(failure.message.contains("below"), "{failure}");
}
