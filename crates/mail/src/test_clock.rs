//! Tokio's paused clock, for tests: it stands still until every task waits, then jumps to the next timer.
#![expect(clippy::disallowed_methods, reason = "the paused clock of a test is no clock of this machine")]

use std::time::Duration;

/// Waits on the paused clock.
pub(crate) async fn wait(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// How far the paused clock went while this ran.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let started = tokio::time::Instant::now();
    let done = work.await;
    (done, started.elapsed())
}
