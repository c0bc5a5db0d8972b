//! Puts into the program what `plugin new` writes (the templates, and the SDK with the contracts), and the dashboard.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let plugins = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../../plugins");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?).join("embedded.rs");
    let mut file = fs::File::create(out)?;
    for (name, doc, directory) in
        [("SDK", "The SDK: paths and texts.", "sdk"), ("TEMPLATES", "The templates: paths and texts.", "templates")]
    {
        let root = plugins.join(directory);
        let mut files = Vec::new();
        collect(&root, &mut files)?;
        files.sort();
        writeln!(file, "/// {doc}\npub(super) const {name}: &[(&str, &str)] = &[")?;
        for path in files {
            let relative = path.strip_prefix(&root).map_err(io::Error::other)?;
            writeln!(file, "    ({:?}, include_str!({:?})),", relative, path.canonicalize()?)?;
        }
        writeln!(file, "];")?;
    }
    let workspace = plugins.join("Cargo.toml");
    println!("cargo::rerun-if-changed={}", workspace.display());
    writeln!(file, "/// The workspace in which the SDK is built.")?;
    writeln!(file, "pub(super) const WORKSPACE: &str = include_str!({:?});", workspace.canonicalize()?)?;
    dashboard()
}

/// Lists the files that `scripts/dashboard.sh build` makes. The directory is there without any, so that it can be watched:
/// a path that is missing would make this run, and the program be linked, each time.
fn dashboard() -> io::Result<()> {
    let manifest = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let root = PathBuf::from(manifest).join("../../dashboard/dist").canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    walk(&root, &mut files)?;
    files.sort();
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?).join("dashboard.rs");
    let mut file = fs::File::create(out)?;
    writeln!(file, "/// The files of the dashboard; none where it was not built.")?;
    writeln!(file, "pub(crate) const FILES: &[sandboxed_api::DashboardFile] = &[")?;
    for path in &files {
        let compressed = |ending: &str| {
            let mut name = path.clone().into_os_string();
            name.push(ending);
            let compressed = PathBuf::from(name);
            match files.binary_search(&compressed) {
                Ok(_) => format!("Some(include_bytes!({compressed:?}))"),
                Err(_) => "None".to_owned(),
            }
        };
        let relative = path.strip_prefix(&root).map_err(io::Error::other)?;
        let hidden = relative.to_string_lossy().starts_with('.');
        if hidden || path.extension().is_some_and(|ending| ending == "br" || ending == "gz") {
            continue;
        }
        let (gzip, brotli) = (compressed(".gz"), compressed(".br"));
        writeln!(
            file,
            "    sandboxed_api::DashboardFile {{ path: {relative:?}, content: include_bytes!({path:?}), gzip: {gzip}, \
             brotli: {brotli} }},"
        )?;
    }
    writeln!(file, "];")
}

/// All files below a directory.
fn walk(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Source files below a directory, through links: the contracts are one.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", directory.display());
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') && name != ".gitignore" || name == "target" || name == "Cargo.lock" {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    Ok(())
}
