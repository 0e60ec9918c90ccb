//! One task that keeps one kind of object up to date.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::TryStreamExt;
use kube::ResourceExt;
use kube::api::{ListParams, WatchEvent, WatchParams};
use shakedown_record::monotonic_ns;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch as latest;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::super::client::Cluster;
use super::super::error::{Ask, ClusterError};
use super::super::transition::{Dated, Happened, Subject, Transition};
use super::WatchState;
use super::kind::Kind;

/// The API server ends a watch after so many seconds, and it is asked for again.
const WATCH_S: u32 = 4;
/// A watch that has not ended so long after its time is a dead connection.
const GRACE: Duration = Duration::from_secs(2);
/// After an error, and at least between the beginnings of two watches.
const PAUSE: Duration = Duration::from_millis(500);
/// The API server no longer knows what happened since that version.
const TOO_OLD: u16 = 410;

pub(super) struct Task<K> {
    kind: K,
    cluster: Cluster,
    state: latest::Sender<WatchState>,
    transitions: UnboundedSender<Transition>,
    /// The version up to which everything is known.
    version: String,
    /// When the API server was heard last.
    heard_mono_ns: u64,
}

/// Why a watch came to an end before its time.
enum Lost {
    TooOld,
    Error(ClusterError),
}

impl<K: Kind> Task<K> {
    pub fn new(
        kind: K,
        cluster: &Cluster,
        state: latest::Sender<WatchState>,
        transitions: UnboundedSender<Transition>,
    ) -> Task<K> {
        Task {
            kind,
            cluster: cluster.clone(),
            state,
            transitions,
            version: String::new(),
            heard_mono_ns: monotonic_ns(),
        }
    }

    pub async fn run(mut self) {
        loop {
            let begun = Instant::now();
            let lost = match self.watch().await {
                // One that ends at once is not asked for again at once.
                Ok(()) => {
                    sleep_until(begun + PAUSE).await;
                    continue;
                }
                Err(Lost::TooOld) => self.list(false).await.err(),
                Err(Lost::Error(error)) => Some(error),
            };
            if let Some(error) = lost {
                self.recover(error).await;
            }
        }
    }

    /// Blind from when the API server was heard last until everything is listed again.
    async fn recover(&mut self, error: ClusterError) {
        let since = self.heard_mono_ns;
        self.state
            .send_modify(|state| *K::blind(state) = Some(since));
        let blind = Happened::Blind {
            since_mono_ns: since,
            why: error.to_string(),
        };
        self.tell_at(monotonic_ns(), Subject::Watch, (blind, None));
        while let Err(error) = self.list(false).await {
            tracing::debug!("still blind: {error}");
            sleep(PAUSE).await;
        }
        let sees = Happened::Sees {
            blind_since_mono_ns: since,
        };
        self.tell(Subject::Watch, (sees, None));
    }

    /// Takes everything as it is now. What was not known is told, but for the first time.
    pub async fn list(&mut self, first: bool) -> Result<(), ClusterError> {
        let ask = Ask::many("list", K::RESOURCE, self.kind.namespace());
        let params = ListParams::default().labels(self.kind.selector());
        let list = |client| {
            let api = self.kind.api(client);
            async move { api.list(&params).await }
        };
        let found = self.cluster.call(ask, list).await?;
        self.heard_mono_ns = monotonic_ns();
        self.version = found.metadata.resource_version.unwrap_or_default();
        let objects = found.items.iter();
        let now: BTreeMap<String, K::Look> = objects
            .filter_map(|object| Some((object.name_any(), K::look(object)?)))
            .collect();
        let mut before = BTreeMap::new();
        self.state.send_modify(|state| {
            before = std::mem::replace(K::looks(state), now.clone());
            *K::blind(state) = None;
        });
        if !first {
            let gone = before.keys().filter(|name| !now.contains_key(*name));
            for name in gone.chain(now.keys()) {
                self.tell_changes(before.get(name), now.get(name));
            }
        }
        Ok(())
    }

    /// Hears everything until the API server ends the watch.
    async fn watch(&mut self) -> Result<(), Lost> {
        let ask = Ask::many("watch", K::RESOURCE, self.kind.namespace());
        let params = WatchParams::default();
        let params = params.labels(self.kind.selector()).timeout(WATCH_S);
        let version = self.version.clone();
        let open = |client| {
            let api = self.kind.api(client);
            async move { Ok(Box::pin(api.watch(&params, &version).await?)) }
        };
        let opened = self.cluster.open(ask.clone(), open).await;
        let (generation, mut stream) = opened.map_err(lost)?;
        self.heard_mono_ns = monotonic_ns();
        let within = Duration::from_secs(u64::from(WATCH_S)) + GRACE;
        let until = Instant::now() + within;
        let server = self.cluster.reach().server.clone();
        loop {
            let event = match timeout_at(until, stream.try_next()).await {
                Ok(Ok(Some(event))) => event,
                Ok(Ok(None)) => {
                    self.heard_mono_ns = monotonic_ns();
                    return Ok(());
                }
                Ok(Err(error)) => {
                    self.cluster.forget(generation);
                    return Err(lost(ClusterError::of(&server, ask, error)));
                }
                Err(_) => {
                    self.cluster.forget(generation);
                    return Err(Lost::Error(ClusterError::Timeout {
                        server,
                        ask,
                        within_ms: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
                    }));
                }
            };
            self.heard_mono_ns = monotonic_ns();
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => self.seen(&object),
                WatchEvent::Deleted(object) => self.gone(&object),
                WatchEvent::Bookmark(mark) => self.version = mark.metadata.resource_version,
                WatchEvent::Error(status) => {
                    let error = kube::Error::Api(status);
                    return Err(lost(ClusterError::of(&server, ask, error)));
                }
            }
        }
    }

    fn seen(&mut self, object: &K::Object) {
        self.version = object.resource_version().unwrap_or_default();
        let Some(look) = K::look(object) else {
            return;
        };
        let mut before = None;
        self.state.send_modify(|state| {
            before = K::looks(state).insert(object.name_any(), look.clone());
        });
        self.tell_changes(before.as_ref(), Some(&look));
    }

    fn gone(&mut self, object: &K::Object) {
        self.version = object.resource_version().unwrap_or_default();
        let mut before = None;
        self.state.send_modify(|state| {
            before = K::looks(state).remove(&object.name_any());
        });
        let last = K::look(object);
        // Its last state may hold what was not heard before, such as how its containers ended.
        if last.is_some() {
            self.tell_changes(before.as_ref(), last.as_ref());
            self.tell_changes(last.as_ref(), None);
        } else {
            self.tell_changes(before.as_ref(), None);
        }
    }

    fn tell_changes(&self, before: Option<&K::Look>, after: Option<&K::Look>) {
        match (before, after) {
            // Two objects of one name, one after the other.
            (Some(old), Some(new)) if K::uid(old) != K::uid(new) => {
                self.tell_changes(Some(old), None);
                self.tell_changes(None, Some(new));
            }
            (before, after) => {
                let Some(look) = after.or(before) else {
                    return;
                };
                for dated in K::changes(before, after) {
                    self.tell(K::subject(look), dated);
                }
            }
        }
    }

    fn tell(&self, subject: Subject, dated: Dated) {
        self.tell_at(self.heard_mono_ns, subject, dated);
    }

    fn tell_at(&self, at_mono_ns: u64, subject: Subject, (what, own_time): Dated) {
        let told = self.transitions.send(Transition {
            at_mono_ns,
            subject,
            what,
            own_time,
        });
        if told.is_err() {
            tracing::trace!("nobody listens to the transitions");
        }
    }
}

fn lost(error: ClusterError) -> Lost {
    match error {
        ClusterError::Other {
            status: Some(TOO_OLD),
            ..
        } => Lost::TooOld,
        error => Lost::Error(error),
    }
}
