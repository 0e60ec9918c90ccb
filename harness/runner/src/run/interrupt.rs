//! Somebody wants the run to end: a signal, or `shakedown halt`.

use tokio::sync::watch;

/// The wish to end, once it is there, stays.
#[derive(Debug, Clone)]
pub struct Interrupt {
    /// From outside, and from the run itself.
    receivers: [watch::Receiver<Option<String>>; 2],
}

impl Interrupt {
    pub fn new(
        outside: watch::Receiver<Option<String>>,
        own: watch::Receiver<Option<String>>,
    ) -> Self {
        Self {
            receivers: [outside, own],
        }
    }

    /// True when it is there already.
    pub fn is_there(&self) -> bool {
        self.receivers.iter().any(|it| it.borrow().is_some())
    }

    /// Waits for it and says by whom. A sender that is gone will never ask.
    pub async fn came(&mut self) -> String {
        let [outside, own] = &mut self.receivers;
        tokio::select! {
            by = said(outside) => by,
            by = said(own) => by,
        }
    }
}

async fn said(receiver: &mut watch::Receiver<Option<String>>) -> String {
    loop {
        if let Some(by) = receiver.borrow_and_update().clone() {
            return by;
        }
        if receiver.changed().await.is_err() {
            std::future::pending::<()>().await;
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
        let (own, own_receiver) = watch::channel(None);
        let mut interrupt = Interrupt::new(receiver, own_receiver);
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
        let (mut never, own) = (Interrupt::new(receiver, own.subscribe()), own);
        assert!(tokio::time::timeout(soon, never.came()).await.is_err());
        own.send(Some("the loss of a lease".to_string())).unwrap();
        assert_eq!(never.came().await, "the loss of a lease");
    }
}
