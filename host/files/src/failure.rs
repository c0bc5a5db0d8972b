//! Errors as people and programs get them: a stable code, and who has to act.

use sandboxed_model::{Blame, Failure};

use crate::Error;

impl Error {
    /// What went wrong, with its code (`path.…`, `upload.…`, `archive.…`). Blame `Config` is the fault of whoever asked, all
    /// else that of the machine.
    pub fn failure(&self) -> Failure {
        let (blame, code) = match self {
            Self::NotFound(_) => (Blame::Config, "path.missing"),
            Self::NotADirectory(_) => (Blame::Config, "path.not_a_directory"),
            Self::IsADirectory(_) => (Blame::Config, "path.is_a_directory"),
            Self::NotEmpty(_) => (Blame::Config, "path.not_empty"),
            Self::SymbolicLink(_) => (Blame::Config, "path.symbolic_link"),
            Self::SpecialFile(_) => (Blame::Config, "path.special"),
            Self::Outside(_) => (Blame::Config, "path.escape"),
            Self::Changed(_) => (Blame::Config, "path.changed"),
            Self::Exists(_) => (Blame::Config, "path.exists"),
            Self::TooLarge { .. } => (Blame::Config, "path.too_large"),
            Self::TooManyEntries { .. } => (Blame::Config, "path.too_many_entries"),
            Self::TooDeep { .. } => (Blame::Config, "path.too_deep"),
            Self::NotPermitted(_) => (Blame::Config, "path.not_permitted"),
            Self::NameInvalid(_) => (Blame::Config, "path.invalid"),
            Self::RangeInvalid { .. } => (Blame::Config, "path.range_invalid"),
            Self::IntoItself(_) => (Blame::Config, "path.into_itself"),
            Self::Busy(_) => (Blame::Config, "path.busy"),
            Self::UploadUnknown => (Blame::Config, "upload.not_found"),
            Self::UploadOffset { .. } => (Blame::Config, "upload.offset"),
            Self::UploadIncomplete { .. } => (Blame::Config, "upload.incomplete"),
            Self::UploadBusy => (Blame::Config, "upload.busy"),
            Self::TooManyUploads { .. } => (Blame::Config, "upload.too_many"),
            Self::ArchiveInvalid(_) => (Blame::Config, "archive.invalid"),
            Self::Input(_) => (Blame::Config, "path.input_broken"),
            Self::Cancelled | Self::Output(_) => (Blame::Unavailable, "path.given_up"),
            Self::NoSpace(_) => (Blame::Unavailable, "path.disk_full"),
            Self::Unsupported => (Blame::Unavailable, "path.unsupported"),
            Self::Io { .. } => (Blame::Host, "path.failed"),
        };
        Failure::new(blame, code, self.to_string())
    }
}
