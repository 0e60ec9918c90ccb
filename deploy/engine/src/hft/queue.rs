//! The worker queue: orders that were read and wait for their turn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use super::sockets::Outbox;
use crate::binary::Message;
use crate::gateway::Outcome;

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Done {
    /// It was executed, or refused by a rule.
    Outcome(Outcome),
    /// There are too many, for this reason.
    Throttled(&'static str),
}

/// Who asks, and how it is answered.
#[derive(Debug)]
pub(super) enum Ask {
    /// A frame of the binary gateway.
    Frame(Message, Arc<Outbox>),
    /// An encoded command that came over HTTP.
    Command(Bytes, oneshot::Sender<Done>),
}

/// Something that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) ask: Ask,
    pub(super) since: Instant,
}

/// First in, first out, up to a limit.
#[derive(Debug)]
pub(super) struct Queue {
    limit: usize,
    waiting: Mutex<VecDeque<Waiting>>,
    filled: Notify,
}

impl Queue {
    /// An empty one.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            waiting: Mutex::default(),
            filled: Notify::new(),
        }
    }

    /// Puts this at its end.
    ///
    /// # Errors
    /// It is given back when there is no room.
    pub(super) fn push(&self, waiting: Waiting) -> Result<(), Ask> {
        let mut queue = self.lock();
        if queue.len() >= self.limit {
            return Err(waiting.ask);
        }
        queue.push_back(waiting);
        drop(queue);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits until there is something, and takes up to `most` of it.
    pub(super) async fn take(&self, most: usize) -> VecDeque<Waiting> {
        loop {
            let filled = self.filled.notified();
            let taken = self.take_now(most);
            if !taken.is_empty() {
                return taken;
            }
            filled.await;
        }
    }

    /// Takes up to `most` of what is there.
    pub(super) fn take_now(&self, most: usize) -> VecDeque<Waiting> {
        let mut queue = self.lock();
        let most = most.min(queue.len());
        queue.drain(..most).collect()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// How many may.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(number: u8) -> Waiting {
        let (answer, _) = oneshot::channel();
        Waiting {
            ask: Ask::Command(Bytes::copy_from_slice(&[number]), answer),
            since: Instant::now(),
        }
    }

    fn number(ask: &Ask) -> u8 {
        match ask {
            Ask::Command(bytes, _) => bytes[0],
            Ask::Frame(..) => panic!("there are no frames here"),
        }
    }

    #[tokio::test]
    async fn what_came_first_is_taken_first_and_what_is_too_much_is_given_back() {
        let queue = Queue::new(3);
        for it in 1..=3 {
            assert!(queue.push(waiting(it)).is_ok());
        }
        assert_eq!(queue.push(waiting(4)).map_err(|ask| number(&ask)), Err(4));
        let taken = queue.take(2).await;
        let taken: Vec<u8> = taken.iter().map(|it| number(&it.ask)).collect();
        assert_eq!((taken, queue.len()), (vec![1, 2], 1));
        assert!(queue.push(waiting(5)).is_ok());
        assert_eq!(queue.take_now(9).len(), 2);
    }
}
