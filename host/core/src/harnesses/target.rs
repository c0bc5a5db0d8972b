//! What the programs of harnesses are to run on.

use std::path::Path;

use sandboxed_model::install::Target;

/// This machine. Its C library is the one whose loader is there: a server that is linked with its own runs beside either.
pub(super) fn here() -> Target {
    let loader = |name: String| Path::new(&name).exists();
    let arch = std::env::consts::ARCH;
    let has_musl = loader(format!("/lib/ld-musl-{arch}.so.1"));
    let has_gnu = match arch {
        "x86_64" => loader("/lib64/ld-linux-x86-64.so.2".to_owned()),
        _ => loader(format!("/lib/ld-linux-{arch}.so.1")),
    };
    let libc = if has_musl && !has_gnu { "musl" } else { "gnu" };
    let libc = if cfg!(target_os = "linux") { libc } else { "" };
    Target { os: std::env::consts::OS.to_owned(), arch: arch.to_owned(), libc: libc.to_owned() }
}
