//! How an agent hangs on its runner: by a Lease that the runner renews, and on which it says what is to be done.
//!
//! Whether the runner lives is told by the time since *we* last saw the Lease change. Its own times are never held
//! against our clock, which may be wrong.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::machine::Event;

/// The annotation of the Lease that says what is to be done.
pub const PHASE_ANNOTATION: &str = "shakedown.dev/phase";

const POLL: Duration = Duration::from_millis(250);
const ONE_LOOK_WITHIN: Duration = Duration::from_secs(1);
/// Whatever was done is to be gone 5 s after the runner died: this leaves a second to notice and to take it back.
pub const LOST_AFTER: Duration = Duration::from_secs(4);

/// What the runner wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing yet.
    #[default]
    Wait,
    Inject,
    Heal,
}

impl Phase {
    /// The text of the annotation.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Wait => "wait",
            Phase::Inject => "inject",
            Phase::Heal => "heal",
        }
    }

    /// From the text of the annotation; a word that is not known is one of a later version, and waits.
    pub fn of(annotation: Option<&str>) -> Phase {
        match annotation {
            Some("inject") => Phase::Inject,
            Some("heal") => Phase::Heal,
            Some(other) => {
                tracing::warn!("{PHASE_ANNOTATION}: {other} is no phase");
                Phase::Wait
            }
            None => Phase::Wait,
        }
    }
}

/// The Lease at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseLook {
    /// Its time of renewal as it is written: another text means that it was renewed.
    pub renewed: String,
    pub phase: Phase,
}

/// The cluster could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LeashError(pub String);

/// Where the Lease is looked at.
pub trait Leash: Send + 'static {
    /// Looks once. Is given up after a second.
    fn look(&mut self) -> impl Future<Output = Result<LeaseLook, LeashError>> + Send;
}

/// What was seen of the Lease until now. Pure: times are given.
#[derive(Debug, Default)]
struct LeaseWatch {
    renewed: Option<String>,
    /// Since the start.
    changed_at: Duration,
    /// It was seen to change: its runner lives, or lived then.
    was_fresh: bool,
    phase: Phase,
}

impl LeaseWatch {
    /// Takes a look in, made at `now` since the start.
    fn take(&mut self, look: LeaseLook, now: Duration) -> Vec<Event> {
        let mut events = Vec::new();
        if self.renewed.as_ref() != Some(&look.renewed) {
            // The first sight may be that of a Lease whose runner has been dead for long.
            self.was_fresh |= self.renewed.is_some();
            self.renewed = Some(look.renewed);
            self.changed_at = now;
            events.push(Event::LeaseSeen);
        }
        let told = match look.phase {
            Phase::Wait => Phase::Wait,
            Phase::Inject if !self.was_fresh => Phase::Wait,
            Phase::Inject => Phase::Inject,
            Phase::Heal => Phase::Heal,
        };
        if told != self.phase {
            self.phase = told;
            events.extend(match told {
                Phase::Wait => None,
                Phase::Inject => Some(Event::Go),
                Phase::Heal => Some(Event::HealAsked),
            });
        }
        events
    }

    /// How long it may still go without a change; zero: it is lost. Not to be seen at all is no change either.
    fn left(&self, now: Duration) -> Duration {
        (self.changed_at + LOST_AFTER).saturating_sub(now)
    }
}

/// Looks at the Lease until it is lost, or nobody listens any more.
pub(super) async fn watch<L: Leash>(mut leash: L, tell: UnboundedSender<Event>) {
    let (begun, mut watch) = (Instant::now(), LeaseWatch::default());
    loop {
        let left = watch.left(begun.elapsed());
        if left.is_zero() {
            // Nobody to tell: the agent is about to end.
            let _ = tell.send(Event::LeaseLost);
            return;
        }
        let look = tokio::time::timeout(left.min(ONE_LOOK_WITHIN), leash.look()).await;
        let events = match look {
            Ok(Ok(look)) => watch.take(look, begun.elapsed()),
            Ok(Err(error)) => {
                tracing::warn!("the lease cannot be seen: {error}");
                Vec::new()
            }
            Err(_) => {
                tracing::warn!("a look at the lease took too long");
                Vec::new()
            }
        };
        for event in events {
            if tell.send(event).is_err() {
                return;
            }
        }
        tokio::time::sleep(POLL.min(watch.left(begun.elapsed()))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(renewed: &str, phase: Phase) -> LeaseLook {
        LeaseLook {
            renewed: renewed.to_string(),
            phase,
        }
    }

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn only_a_change_keeps_it() {
        let mut watch = LeaseWatch::default();
        assert_eq!(
            watch.take(look("a", Phase::Wait), at(100)),
            [Event::LeaseSeen]
        );
        assert_eq!(watch.take(look("a", Phase::Wait), at(3_000)), []);
        assert_eq!(watch.left(at(3_100)), at(1_000));
        // Also a time of renewal that goes backwards is a change.
        assert_eq!(
            watch.take(look("0", Phase::Wait), at(3_200)),
            [Event::LeaseSeen]
        );
        assert_eq!(watch.left(at(7_200)), Duration::ZERO);
    }

    #[test]
    fn a_lease_that_was_never_seen_is_lost_too() {
        let watch = LeaseWatch::default();
        assert_eq!(watch.left(LOST_AFTER), Duration::ZERO);
        assert!(!watch.left(at(3_999)).is_zero());
    }

    #[test]
    fn nothing_is_injected_for_a_runner_that_may_be_dead() {
        let mut watch = LeaseWatch::default();
        assert_eq!(
            watch.take(look("a", Phase::Inject), at(0)),
            [Event::LeaseSeen]
        );
        assert_eq!(
            watch.take(look("b", Phase::Inject), at(900)),
            [Event::LeaseSeen, Event::Go]
        );
        assert_eq!(watch.take(look("b", Phase::Inject), at(1_000)), []);
        assert_eq!(
            watch.take(look("b", Phase::Heal), at(1_200)),
            [Event::HealAsked]
        );
    }

    #[test]
    fn healing_is_done_for_any_runner() {
        let mut watch = LeaseWatch::default();
        assert_eq!(
            watch.take(look("a", Phase::Heal), at(0)),
            [Event::LeaseSeen, Event::HealAsked]
        );
    }

    #[test]
    fn phases_are_words() {
        assert_eq!(Phase::of(Some("inject")), Phase::Inject);
        assert_eq!(Phase::of(Some("heal")), Phase::Heal);
        assert_eq!(Phase::of(Some("Heal!")), Phase::Wait);
        assert_eq!(Phase::of(None), Phase::Wait);
    }

    struct Deaf;

    impl Leash for Deaf {
        async fn look(&mut self) -> Result<LeaseLook, LeashError> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn an_api_that_does_not_answer_is_a_lost_lease() {
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let begun = Instant::now();
        watch(Deaf, tell).await;
        assert_eq!(told.recv().await, Some(Event::LeaseLost));
        let took = begun.elapsed();
        assert!(
            took >= LOST_AFTER && took < LOST_AFTER + ONE_LOOK_WITHIN,
            "{took:?}"
        );
    }
}
