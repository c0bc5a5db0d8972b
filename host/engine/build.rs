//! Builds the keeper, which the server puts into containers on other machines, and puts it into the program. It is built
//! apart, because no library of the server's machine may be needed where it runs.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var_os(name).ok_or_else(|| io::Error::other(format!("cargo sets no {name}")));
    let host = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("..");
    let out = PathBuf::from(variable("OUT_DIR")?);
    let target = variable("TARGET")?.into_string().map_err(|_| io::Error::other("TARGET is no text"))?;
    for watched in ["keeper", "files", "tarball/src", "model/src"] {
        watch(&host.join(watched))?;
    }
    println!("cargo::rerun-if-changed=build.rs");
    // One for all profiles: OUT_DIR is target/PROFILE/build/NAME/out.
    let built = out.ancestors().nth(4).unwrap_or(&out).join("keeper");
    let mut cargo = Command::new(variable("CARGO")?);
    cargo
        .args(["build", "--locked", "--release", "--package", "sandboxed-keeper", "--bin", "sandboxed-keeper"])
        .args(["--target", &target, "--manifest-path"])
        .arg(host.join("keeper/Cargo.toml"))
        .arg("--target-dir")
        .arg(&built)
        // What the whole program is built with is not for it.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env("CARGO_PROFILE_RELEASE_LTO", "false")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s");
    let done = cargo.status()?;
    if !done.success() {
        return Err(io::Error::other(format!("the keeper could not be built: {done}")));
    }
    let program = built.join(&target).join("release/sandboxed-keeper");
    fs::copy(program, out.join("keeper"))?;
    let arch = env::var("CARGO_CFG_TARGET_ARCH").map_err(io::Error::other)?;
    writeln!(fs::File::create(out.join("keeper.arch"))?, "{arch}")
}

/// Builds again when a file below this changes.
fn watch(path: &Path) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", path.display());
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            watch(&entry?.path())?;
        }
    }
    Ok(())
}
