//! Doing many things at once, but not too many: over all items with a bounded number of workers, and a deadline.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::task::{JoinError, JoinSet};

/// What came of it.
#[derive(Debug)]
pub struct Done<R> {
    /// In no particular order.
    pub results: Vec<R>,
    /// Items that were not begun before the deadline.
    pub left: usize,
}

/// Runs `work` over all items, at most `width` at once, and begins none after `deadline`.
///
/// # Panics
/// When `work` panics, so that a bug is never taken for a missing result.
pub async fn spread<T, R, W, F>(items: Vec<T>, width: usize, deadline: Instant, work: W) -> Done<R>
where
    T: Send + 'static,
    R: Send + 'static,
    W: Fn(T) -> F + Clone + Send + 'static,
    F: Future<Output = R> + Send,
{
    let queue = Arc::new(Mutex::new(items.into_iter()));
    let mut workers = JoinSet::new();
    for _ in 0..width {
        let (queue, work) = (Arc::clone(&queue), work.clone());
        workers.spawn(async move {
            let mut results = Vec::new();
            while Instant::now() < deadline {
                let item = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                match item {
                    Some(item) => results.push(work(item).await),
                    None => break,
                }
            }
            results
        });
    }
    let mut results = Vec::new();
    while let Some(worker) = workers.join_next().await {
        match worker {
            Ok(part) => results.extend(part),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => {}
        }
    }
    let left = queue.lock().unwrap_or_else(PoisonError::into_inner).len();
    Done { results, left }
}

/// What the tasks that panicked said; tasks that ended otherwise are forgotten, the others go on.
pub fn panics<T: 'static>(tasks: &mut JoinSet<T>) -> Vec<String> {
    let ended = std::iter::from_fn(|| tasks.try_join_next());
    ended
        .filter_map(|joined| joined.err().and_then(panic_of))
        .collect()
}

/// What a task's panic said; `None` when it was only told to end.
pub fn panic_of(error: JoinError) -> Option<String> {
    let panic = error.try_into_panic().ok()?;
    Some(panic_message(&*panic))
}

/// What a panic said.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_string());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without words".to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn all_are_done_and_never_more_than_the_width_at_once() {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        let deadline = Instant::now() + Duration::from_secs(10);
        let done = spread((0..40).collect(), 4, deadline, |item: u32| async move {
            let running = RUNNING.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
            RUNNING.fetch_sub(1, Ordering::SeqCst);
            (item, running)
        })
        .await;
        let mut items: Vec<u32> = done.results.iter().map(|(item, _)| *item).collect();
        items.sort_unstable();
        assert_eq!(items, (0..40).collect::<Vec<u32>>());
        assert!(done.results.iter().all(|(_, running)| *running <= 4));
        assert_eq!(done.left, 0);
    }

    #[tokio::test]
    async fn what_was_not_begun_in_time_is_counted() {
        let done = spread(
            vec![1, 2, 3],
            2,
            Instant::now(),
            |item: u32| async move { item },
        )
        .await;
        assert_eq!((done.results.len(), done.left), (0, 3));
    }

    #[tokio::test]
    async fn panics_are_heard_and_ends_are_not() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async {});
        tasks.spawn(async { panic!("slot {} twice", 3) });
        tasks.spawn(async { std::future::pending().await });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(panics(&mut tasks), ["slot 3 twice"]);
        assert_eq!(panics(&mut tasks), Vec::<String>::new());
        assert_eq!(tasks.len(), 1);
    }

    #[tokio::test]
    #[should_panic(expected = "a bug")]
    async fn a_panic_is_not_swallowed() {
        let deadline = Instant::now() + Duration::from_secs(10);
        spread(vec![1], 1, deadline, |_: u32| async { panic!("a bug") }).await;
    }
}
