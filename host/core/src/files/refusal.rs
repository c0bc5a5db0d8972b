//! What cannot be done with a file, as people are told.

use sandboxed_files::Error as Refused;
use sandboxed_model::{Blame, Failure};

use crate::Error;

/// A file that could not be used: by the fault of whoever asked, or of the machine.
pub(crate) fn refused(error: Refused) -> Error {
    refused_there(error.failure())
}

/// The same as another machine tells it.
pub(crate) fn refused_there(failure: Failure) -> Error {
    match failure.blame {
        Blame::Config => Error::File(failure),
        _ => Error::Failure(failure),
    }
}
