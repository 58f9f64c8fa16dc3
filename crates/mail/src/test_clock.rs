//! Tokio's paused clock, for tests: it stands still until every task waits, then jumps to the next timer.
//!
//! It asks no clock: it only sets timers, so what it says holds on any machine.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

/// Waits on the paused clock.
pub(crate) async fn wait(duration: Duration) {
    let _elapsed = timeout(duration, std::future::pending::<()>()).await;
}

/// Does the work, which must end after so many seconds of the paused clock: not a second before or after.
pub(crate) async fn lasting<T>(seconds: u64, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let early = timeout(Duration::from_secs(seconds - 1), &mut work).await;
    assert!(early.is_err(), "it ended before {seconds} s");
    timeout(Duration::from_secs(2), work).await.expect("it took longer than it should")
}
