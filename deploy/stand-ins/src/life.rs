//! How far a service is between its start and its end.

use tokio::sync::watch;

/// Where a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It serves.
    Serving,
    /// It serves, but nobody new is to come: not ready.
    Draining,
    /// It takes nothing any more, and ends what it has begun.
    Stopping,
}

/// The stage of one service; cheap to clone. It only goes forward.
#[derive(Debug, Clone)]
pub struct Life(watch::Sender<Stage>);

impl Default for Life {
    fn default() -> Self {
        Self(watch::Sender::new(Stage::Serving))
    }
}

impl Life {
    /// Where it is.
    pub fn stage(&self) -> Stage {
        *self.0.borrow()
    }

    /// Goes on to `stage`, unless it is beyond that.
    pub fn advance(&self, stage: Stage) {
        self.0.send_if_modified(|now| {
            let moves = *now < stage;
            *now = stage.max(*now);
            moves
        });
    }

    /// Resolves when `stage` is reached.
    pub fn reached(&self, stage: Stage) -> impl Future<Output = ()> + Send + 'static {
        let mut now = self.0.subscribe();
        async move {
            let _gone = now.wait_for(|now| *now >= stage).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_life_goes_forward_only() {
        let life = Life::default();
        let stopping = life.reached(Stage::Stopping);
        life.advance(Stage::Stopping);
        life.advance(Stage::Draining);
        assert_eq!(life.stage(), Stage::Stopping);
        stopping.await;
        life.reached(Stage::Draining).await;
    }
}
