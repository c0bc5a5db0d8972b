//! The keeper itself, as it was built with the server.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

/// The label that tells which keeper is in a container: another server may bring another.
pub(crate) const KEEPER_LABEL: &str = "sh.sandboxed.keeper";

/// The program. It needs no library.
pub(crate) const KEEPER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/keeper"));

/// The processor that it was made for, as Rust names it and kernels do.
const ARCH: &str = include_str!(concat!(env!("OUT_DIR"), "/keeper.arch"));

/// The processor that it was made for.
pub(crate) fn arch() -> &'static str {
    ARCH.trim_ascii_end()
}

/// Tells it from every other.
pub(crate) fn keeper_digest() -> String {
    static DIGEST: OnceLock<String> = OnceLock::new();
    let digest = || Sha256::digest(KEEPER).iter().map(|byte| format!("{byte:02x}")).collect();
    DIGEST.get_or_init(digest).clone()
}
