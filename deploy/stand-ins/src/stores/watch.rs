//! Which stores answer, asked twice a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Broker, Postgresql, Redis};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);

/// A store to be asked.
#[derive(Debug, Clone)]
pub enum Store {
    /// PostgreSQL, under this name.
    Postgresql(&'static str, Arc<Postgresql>),
    /// Redis.
    Redis(Arc<Redis>),
    /// The broker.
    Broker(Arc<Broker>),
}

#[derive(Debug, Clone)]
struct Watched {
    store: Store,
    up: Arc<AtomicBool>,
}

/// What is known of the stores; cheap to clone.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Vec<Watched>>);

impl Store {
    /// As it stands in metrics and in reasons.
    pub fn name(&self) -> &'static str {
        match self {
            Store::Postgresql(name, _) => name,
            Store::Redis(_) => "redis",
            Store::Broker(_) => "broker",
        }
    }

    async fn answers(&self) -> bool {
        match self {
            Store::Postgresql(_, store) => store.answers().await,
            Store::Redis(store) => store.answers().await,
            Store::Broker(store) => store.answers().await,
        }
    }
}

impl Watch {
    /// Of these stores nothing is known yet, which counts as down.
    pub fn new(stores: Vec<Store>) -> Self {
        let watched = stores.into_iter().map(|store| Watched {
            store,
            up: Arc::default(),
        });
        Self(Arc::new(watched.collect()))
    }

    /// Asks all of them, beside each other.
    pub async fn look(&self) {
        let mut asked = JoinSet::new();
        for watched in self.0.iter().cloned() {
            asked.spawn(async move {
                let up = watched.store.answers().await;
                if watched.up.swap(up, Ordering::Relaxed) != up {
                    tracing::info!(store = watched.store.name(), up, "a store changed");
                }
            });
        }
        while asked.join_next().await.is_some() {}
    }

    /// Asks again and again, until it is dropped.
    pub async fn run(self) {
        loop {
            self.look().await;
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Each store and whether it answered.
    pub fn ups(&self) -> Vec<(&'static str, bool)> {
        let ups = self.0.iter();
        ups.map(|watched| (watched.store.name(), watched.up.load(Ordering::Relaxed)))
            .collect()
    }

    /// The stores that did not answer.
    pub fn down(&self) -> Vec<&'static str> {
        let ups = self.ups().into_iter();
        ups.filter(|(_, up)| !up).map(|(name, _)| name).collect()
    }
}
