//! Whole directories with all that belongs to them — owners, every mode bit, names that one file shares — in one archive, and
//! back. An archive is a tar that any tar reads; it holds named texts and named directories, in the order in which they were
//! put in.
//!
//! An archive is read as hostile: whatever it says, nothing is written but below the directories that the caller opened, in
//! one pass, each entry below a directory that is open at this moment, and never through a link.

mod attributes;
mod owners;
mod pack;
mod stream;
mod sum;
mod unpack;

pub use owners::Owners;
pub use pack::Packer;
pub use stream::ParcelFormat;
pub use sum::PartSum;
pub use unpack::Unpacker;
