//! Puts what `plugin new` writes into the program: the templates, and the SDK with the contracts.

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
