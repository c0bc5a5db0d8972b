//! The workspace of an editor's directory.

use std::{os::unix::ffi::OsStrExt as _, path::Path};

use sandboxed_model::workspace::WorkspaceName;
use sha2::{Digest as _, Sha256};

/// Characters of the directory's own name that the workspace's name has.
const NAME_CHARS: usize = 40;

/// The name of the workspace in which the sessions of a directory work: the directory's own, and a mark that tells
/// directories of one name apart.
pub(super) fn name_of(directory: &Path) -> WorkspaceName {
    let own = directory.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let allowed = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' { c } else { '-' };
    let own: String = own.chars().take(NAME_CHARS).map(allowed).collect();
    let own = own.trim_matches(['-', '_']);
    let digest = Sha256::digest(directory.as_os_str().as_bytes());
    let mark: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let name = if own.is_empty() { format!("editor-{mark}") } else { format!("{own}-{mark}") };
    name.parse().expect("the name is made of what names may hold")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_one_name_have_different_workspaces_with_names_that_say_so() {
        let one = name_of(Path::new("/home/me/My Project"));
        assert!(one.as_str().starts_with("my-project-"), "{one}");
        assert_eq!(one, name_of(Path::new("/home/me/My Project")));
        assert_ne!(one, name_of(Path::new("/srv/My Project")));
    }

    #[test]
    fn any_directory_has_a_workspace() {
        for path in ["/", "/a/ÄÖÜ", "/---", &format!("/{}", "x".repeat(300)), "/import"] {
            let name = name_of(Path::new(path));
            assert!(!name.as_str().starts_with('-'), "{name}");
        }
    }
}
