//! What cannot be done with a file, as people are told.

use sandboxed_files::Error as Refused;
use sandboxed_model::{Blame, Failure};

use crate::Error;

/// A file that could not be used: by the fault of whoever asked, or of the machine.
pub(crate) fn refused(error: Refused) -> Error {
    let failure = failure(&error);
    match failure.blame {
        Blame::Config => Error::File(failure),
        _ => Error::Failure(failure),
    }
}

fn failure(error: &Refused) -> Failure {
    let (blame, code) = match error {
        Refused::NotFound(_) => (Blame::Config, "path.missing"),
        Refused::NotADirectory(_) => (Blame::Config, "path.not_a_directory"),
        Refused::IsADirectory(_) => (Blame::Config, "path.is_a_directory"),
        Refused::NotEmpty(_) => (Blame::Config, "path.not_empty"),
        Refused::SymbolicLink(_) => (Blame::Config, "path.symbolic_link"),
        Refused::SpecialFile(_) => (Blame::Config, "path.special"),
        Refused::Outside(_) => (Blame::Config, "path.escape"),
        Refused::Changed(_) => (Blame::Config, "path.changed"),
        Refused::Exists(_) => (Blame::Config, "path.exists"),
        Refused::TooLarge { .. } => (Blame::Config, "path.too_large"),
        Refused::TooManyEntries { .. } => (Blame::Config, "path.too_many_entries"),
        Refused::TooDeep { .. } => (Blame::Config, "path.too_deep"),
        Refused::NotPermitted(_) => (Blame::Config, "path.not_permitted"),
        Refused::NameInvalid(_) => (Blame::Config, "path.invalid"),
        Refused::RangeInvalid { .. } => (Blame::Config, "path.range_invalid"),
        Refused::IntoItself(_) => (Blame::Config, "path.into_itself"),
        Refused::Busy(_) => (Blame::Config, "path.busy"),
        Refused::UploadUnknown => (Blame::Config, "upload.not_found"),
        Refused::UploadOffset { .. } => (Blame::Config, "upload.offset"),
        Refused::UploadIncomplete { .. } => (Blame::Config, "upload.incomplete"),
        Refused::UploadBusy => (Blame::Config, "upload.busy"),
        Refused::TooManyUploads { .. } => (Blame::Config, "upload.too_many"),
        Refused::ArchiveInvalid(_) => (Blame::Config, "archive.invalid"),
        Refused::Input(_) => (Blame::Config, "path.input_broken"),
        Refused::Cancelled | Refused::Output(_) => (Blame::Unavailable, "path.given_up"),
        Refused::NoSpace(_) => (Blame::Unavailable, "path.disk_full"),
        Refused::Unsupported => (Blame::Unavailable, "path.unsupported"),
        _ => (Blame::Host, "path.failed"),
    };
    Failure::new(blame, code, error.to_string())
}
