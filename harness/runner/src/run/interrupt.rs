//! Somebody wants the run to end: a signal, or `shakedown halt`.

use tokio::sync::watch;

/// The wish to end, once it is there, stays.
#[derive(Debug, Clone)]
pub struct Interrupt {
    receiver: watch::Receiver<Option<String>>,
}

impl Interrupt {
    pub fn new(receiver: watch::Receiver<Option<String>>) -> Self {
        Self { receiver }
    }

    /// True when it is there already.
    pub fn is_there(&self) -> bool {
        self.receiver.borrow().is_some()
    }

    /// Waits for it and says by whom. A sender that is gone will never ask.
    pub async fn came(&mut self) -> String {
        loop {
            if let Some(by) = self.receiver.borrow_and_update().clone() {
                return by;
            }
            if self.receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_comes_once_asked_for_and_never_when_nobody_can_ask() {
        let (sender, receiver) = watch::channel(None);
        let mut interrupt = Interrupt::new(receiver);
        let soon = Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, interrupt.came()).await.is_err());
        assert!(!interrupt.is_there());
        sender.send(Some("SIGINT".to_string())).unwrap();
        assert!(interrupt.is_there());
        assert_eq!(interrupt.came().await, "SIGINT");
        drop(sender);
        assert_eq!(interrupt.came().await, "SIGINT");

        let (sender, receiver) = watch::channel(None);
        drop(sender);
        let mut never = Interrupt::new(receiver);
        assert!(tokio::time::timeout(soon, never.came()).await.is_err());
    }
}
