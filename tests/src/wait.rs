//! Waiting for conditions.

use std::time::Duration;

use tokio::time::Instant;

/// How long a test waits for what must come. Far longer than anything takes, because it only ends what hangs.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Waits until `probe` finds something, and says what was waited for when it never does.
pub async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for a future, and says what was waited for when it never comes.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}
