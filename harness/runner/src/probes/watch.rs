//! Watching roles and readiness while the run goes on, one request per replica at a time.

use std::sync::Arc;
use std::time::Duration;

use shakedown_record::event::Event;
use tokio::task::JoinSet;

use super::roles::{self, RoleSeen};
use super::state::ready;
use super::target::Target;
use super::together::panics;
use crate::environment::Replica;
use crate::run::EventLog;

/// How often each replica is asked.
const EVERY: Duration = Duration::from_millis(150);

/// How long an answer may take: a frozen replica is to be seen as one within half a second.
const TIMEOUT: Duration = Duration::from_millis(300);

/// The part of the ceiling on queries that watching may use.
const SHARE_OF_CEILING: f64 = 0.25;

/// Puts changes of roles and readiness on the timeline until it is dropped.
#[derive(Debug)]
pub struct Watch {
    tasks: JoinSet<()>,
}

impl Watch {
    /// Begins to watch every replica.
    pub fn begin(target: &Arc<Target>, events: &Arc<EventLog>) -> Self {
        let mut tasks = JoinSet::new();
        let every = interval(target);
        for replica in target.replicas.clone() {
            let (target, events) = (Arc::clone(target), Arc::clone(events));
            tasks.spawn(async move {
                let mut last = Seen::default();
                loop {
                    let now = look(&target, &replica).await;
                    for event in changes(&replica, &last, &now) {
                        events.emit(event);
                    }
                    last = now;
                    tokio::time::sleep(every).await;
                }
            });
        }
        Self { tasks }
    }

    /// What its tasks said if they panicked: bugs.
    pub fn bugs(&mut self) -> Vec<String> {
        panics(&mut self.tasks)
    }
}

/// What was seen of one replica.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen {
    role: Option<RoleSeen>,
    ready: Option<bool>,
}

fn interval(target: &Target) -> Duration {
    let queries = 2.0 * target.replicas.len() as f64;
    match target.plan.system.ceilings.queries_per_s {
        Some(ceiling) if ceiling > 0.0 => EVERY.max(Duration::from_secs_f64(
            queries / (ceiling * SHARE_OF_CEILING),
        )),
        Some(_) | None => EVERY,
    }
}

async fn look(target: &Target, replica: &Replica) -> Seen {
    let ready = ready(target, replica, TIMEOUT).await;
    let role = roles::ask(target, replica, TIMEOUT).await;
    Seen {
        role: Some(role.unwrap_or_default()),
        ready,
    }
}

fn changes(replica: &Replica, last: &Seen, now: &Seen) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(role) = now.role.as_ref().filter(|_| now.role != last.role) {
        events.push(Event::RoleChanged {
            replica: replica.name.clone(),
            role: role.first(),
            term: role.term,
        });
    }
    if let Some(ready) = now.ready.filter(|_| now.ready != last.ready) {
        events.push(Event::ReplicaReady {
            replica: replica.name.clone(),
            ready,
        });
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_events() {
        let replica = Replica {
            name: "engine-1".into(),
            part: "engine".into(),
            base_url: "http://127.0.0.1:1".into(),
        };
        let leader = Seen {
            role: Some(RoleSeen {
                roles: vec!["leader".into()],
                term: Some(3),
            }),
            ready: Some(true),
        };
        assert_eq!(changes(&replica, &Seen::default(), &leader).len(), 2);
        assert!(changes(&replica, &leader, &leader).is_empty());
        let gone = Seen {
            role: Some(RoleSeen::default()),
            ready: Some(false),
        };
        assert!(matches!(
            changes(&replica, &leader, &gone).as_slice(),
            [
                Event::RoleChanged { role: None, .. },
                Event::ReplicaReady { ready: false, .. }
            ]
        ));
    }
}
