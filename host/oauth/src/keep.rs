//! Where grants are kept.

use std::future::Future;

use crate::Grant;

/// Why a grant could not be read or stored. It is told, so it must not hold a part of the grant.
pub type KeepError = Box<dyn std::error::Error + Send + Sync>;

/// Where grants are kept, by the names of their accounts. A vault, for instance.
pub trait Keep: Send + Sync + 'static {
    /// The grant of an account; none where nobody is signed in.
    fn load(&self, account: &str) -> impl Future<Output = Result<Option<Grant>, KeepError>> + Send;

    /// Stores the grant of an account in place of the one before. Once this returns, it must survive a crash.
    fn store(&self, account: &str, grant: &Grant) -> impl Future<Output = Result<(), KeepError>> + Send;
}
