//! When all replicas have caught up again: until then, a second fault would meet a weaker system.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shakedown_record::event::Event;
use shakedown_record::fault::Firing;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::events::EventLog;
use crate::environment::Replica;
use crate::probes::Target;
use crate::probes::state::ready;
use crate::probes::target::PROBE_TIMEOUT;
use crate::probes::together::panics;
use crate::readback::ReadSpec;
use crate::readback::list::{ListSpec, watermark};

/// Pause between two looks.
const EVERY: Duration = Duration::from_millis(250);

/// Looks, from the moment a fault is clean, whether the replicas are all there again.
#[derive(Debug)]
pub struct Redundancy {
    waiting: Arc<Mutex<Vec<Firing>>>,
    wake: Arc<Notify>,
    task: JoinSet<()>,
}

impl Redundancy {
    /// Begins to look; nothing is asked while no firing waits.
    pub fn begin(target: &Arc<Target>, events: &Arc<EventLog>) -> Self {
        let waiting: Arc<Mutex<Vec<Firing>>> = Arc::default();
        let wake = Arc::new(Notify::new());
        let mut task = JoinSet::new();
        let (target, events) = (target.clone(), events.clone());
        let (shared, woken) = (waiting.clone(), wake.clone());
        task.spawn(async move {
            loop {
                let asked = lock(&shared).clone();
                if asked.is_empty() {
                    woken.notified().await;
                } else if caught_up(&target).await.is_ok() {
                    lock(&shared).retain(|firing| !asked.contains(firing));
                    for firing in asked {
                        events.emit(Event::RedundancyRestored { firing });
                    }
                } else {
                    tokio::time::sleep(EVERY).await;
                }
            }
        });
        Self {
            waiting,
            wake,
            task,
        }
    }

    /// A firing is clean: from now on redundancy may return.
    pub fn wait_for(&self, firing: Firing) {
        lock(&self.waiting).push(firing);
        self.wake.notify_one();
    }

    /// What its task said if it panicked: a bug.
    pub fn bugs(&mut self) -> Vec<String> {
        panics(&mut self.task)
    }

    /// True when no firing waits any more.
    pub fn is_restored(&self) -> bool {
        lock(&self.waiting).is_empty()
    }
}

fn lock(waiting: &Mutex<Vec<Firing>>) -> std::sync::MutexGuard<'_, Vec<Firing>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Are all replicas ready, and has each applied what the foremost had applied a moment ago? Those with books of their own have
/// nothing to catch up with.
///
/// # Errors
/// In words, when not, or when the profile gives no way to tell.
pub async fn caught_up(target: &Target) -> Result<(), String> {
    let replicas = target.holders();
    let mut told = false;
    let mut all = target.engine_replicas();
    all.extend(replicas.iter().cloned());
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all.dedup();
    for replica in &all {
        match ready(target, replica, PROBE_TIMEOUT).await {
            Some(false) => return Err(format!("{} is not ready", replica.name)),
            Some(true) => told = true,
            None => {}
        }
    }
    if told && target.plan.system.books_are_apart() {
        return Ok(());
    }
    let read_back = target.plan.system.read_back.as_ref().map(ReadSpec::of);
    let spec = match read_back {
        Some(ReadSpec::List(spec)) if spec.mark.is_some() => spec,
        _ if told => return Ok(()),
        _ => return Err("the profile knows neither readiness nor a watermark".to_string()),
    };
    let foremost = foremost(target, &spec, &replicas).await?;
    // Only those that were behind are asked again: a page of orders is no small question under load.
    for (replica, mark) in &foremost.behind {
        let now = mark_of(target, &spec, replica).await?;
        if now < foremost.mark {
            return Err(format!(
                "{} is at {now} (a moment ago {mark}), behind {}",
                replica.name, foremost.mark
            ));
        }
    }
    Ok(())
}

/// The highest watermark, and who had a lower one.
struct Foremost {
    mark: u64,
    behind: Vec<(Replica, u64)>,
}

async fn foremost(
    target: &Target,
    spec: &ListSpec,
    replicas: &[Replica],
) -> Result<Foremost, String> {
    let mut marks = Vec::new();
    for replica in replicas {
        let mark = mark_of(target, spec, replica).await?;
        marks.push((replica.clone(), mark));
    }
    let mark = marks.iter().map(|(_, mark)| *mark).max().unwrap_or(0);
    marks.retain(|(_, own)| *own < mark);
    Ok(Foremost {
        mark,
        behind: marks,
    })
}

async fn mark_of(target: &Target, spec: &ListSpec, replica: &Replica) -> Result<u64, String> {
    let mark = watermark(target, spec, &replica.base_url).await;
    mark.map_err(|why| format!("{}: {why}", replica.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Exchange, Fault, plan, target};

    #[tokio::test]
    async fn a_replica_that_is_behind_or_gone_is_not_caught_up() {
        let exchange = Exchange::open().await;
        let twin = exchange.twin().await;
        exchange.put("abc123-0", "open");
        let bases = [exchange.base.clone(), twin.base.clone()];
        let both = target(plan(&bases), &bases);
        assert_eq!(caught_up(&both).await, Ok(()));
        twin.misbehave(Fault::Behind);
        let why = caught_up(&both).await.unwrap_err();
        assert_eq!(why, "engine-2 is at 0 (a moment ago 0), behind 1");
        let gone = [exchange.base.clone(), "http://127.0.0.1:9".to_string()];
        let one = target(plan(&gone), &gone);
        assert_eq!(caught_up(&one).await.unwrap_err(), "engine-2 is not ready");
    }

    #[tokio::test]
    async fn a_profile_that_cannot_tell_never_says_caught_up() {
        let exchange = Exchange::open().await;
        let bases = [exchange.base.clone()];
        let mut blind = plan(&bases);
        blind.system.health = None;
        blind.system.read_back = None;
        let blind = target(blind, &bases);
        assert!(caught_up(&blind).await.is_err());
    }
}
