//! Work on many bytes, away from the threads that answer: these are as many as the cores, so that half a second of one manifest's
//! 370,000 annotations would be half a second of everybody.

use tokio::sync::{Semaphore, SemaphorePermit};

/// From so many bytes on, work goes aside; below, going there costs more than it.
const MANY: usize = 64 * 1024;

/// Of those at once, in this process. What is made of 4 MiB of JSON takes twenty times as much while it lasts, so that a crowd of readers of
/// one large manifest would hold a gigabyte. Whoever reads little never waits here.
static TURNS: Semaphore = Semaphore::const_new(2);

/// Waits for the turn to read and go through so many bytes; held until that is done. What is little needs none.
pub(crate) async fn turn(bytes: usize) -> Option<SemaphorePermit<'static>> {
    // It is never closed.
    if bytes < MANY { None } else { TURNS.acquire().await.ok() }
}

/// Does `work`, which goes through so many bytes, when it is its turn.
pub(crate) async fn run<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    let _turn = turn(bytes).await;
    run_now(bytes, work).await
}

/// Does `work`, whose turn it is, and which goes through so many bytes.
pub(crate) async fn run_now<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes < MANY {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The server ends, and with it who waits.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn little_is_done_here_and_much_elsewhere() {
        let here = std::thread::current().id();
        assert_eq!(super::run(super::MANY - 1, || std::thread::current().id()).await, here);
        assert_ne!(super::run(super::MANY, || std::thread::current().id()).await, here);
    }
}
