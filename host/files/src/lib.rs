//! Files of a workspace, confined to its tree.
//!
//! An agent owns what is in a workspace: it may write links, pipes and devices, swap them while the server works, or fill a
//! directory with a million names. The server may run as root. So every operation here starts from a descriptor of the tree's
//! root, and the kernel itself (`openat2` with `RESOLVE_BENEATH`, `RESOLVE_NO_MAGICLINKS` and `RESOLVE_NO_XDEV`, Linux 5.6)
//! refuses whatever would lead out. What was checked is then used through its descriptor; a path is never resolved twice.
//! Links that stay inside the tree are followed on the way, and at the end for reading; nothing is ever written through a link.
//! Only regular files and directories are opened: a pipe or a device is looked at without being opened.
//!
//! What cannot be told apart: a hard link to a file outside is a file. The one who made it had that file within reach.
//!
//! All calls block; call them from a thread that may. The crate knows nothing of workspaces, missions, HTTP or async code.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod archive;
mod copy;
mod data;
mod entry;
mod error;
mod extract;
mod failure;
mod fingerprint;
mod list;
mod mutate;
mod name;
mod parcel;
mod path;
mod read;
mod remove;
mod staged;
mod told;
mod tree;
mod upload;
mod usage;
mod walk;
mod write;

pub use archive::{ArchiveFormat, ArchiveReport, Skipped};
pub use copy::CopyReport;
pub use entry::{Entry, Etag, Kind};
pub use error::{Error, Result};
pub use extract::ExtractReport;
pub use fingerprint::Fingerprint;
pub use list::{MAX_PAGE, Page};
pub use name::Name;
pub use parcel::{Owners, Packer, ParcelFormat, PartSum, Unpacker};
pub use path::RelativePath;
pub use read::Reader;
pub use tree::{Limits, Tree};
pub use upload::{UploadId, UploadLimits, UploadStatus, Uploads};
pub use usage::Usage;
pub use walk::MAX_DEPTH;
pub use write::Precondition;
