//! Cancelling what is still open of ours, and proving that nothing is left.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use shakedown_record::Outcome;
use shakedown_record::event::Event;
use shakedown_scenarios::plan::{CleanUp, EnvironmentPlan, OrderAction, ReadBack};

use crate::probes::together::spread;
use crate::probes::{Answered, Copy, OrderWords, Target};
use crate::readback::by_id::{self, ByIdSpec, Told};
use crate::readback::list;
use crate::readback::{OrderIds, Ours, ReadSpec};

/// Requests under way at once: engines that commit in groups do so.
const AT_ONCE: usize = 24;

/// Rounds of cancelling and looking again.
const ROUNDS: u32 = 3;

/// Followers apply a cancel a moment after its acknowledgement.
const SETTLE: Duration = Duration::from_millis(300);

/// How long the whole clean-up may take.
const AT_MOST: Duration = Duration::from_secs(90);

/// What the clean-up came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CleanedUp {
    pub cancelled: u64,
    /// `None`: could not be told.
    pub orders_open: Option<u64>,
    pub reason: Option<String>,
}

impl From<CleanedUp> for Event {
    fn from(done: CleanedUp) -> Self {
        Event::CleanedUp {
            cancelled: done.cancelled,
            orders_open: done.orders_open,
            reason: done.reason,
        }
    }
}

/// Cancels every open order of ours and looks again until none is left.
///
/// `open` are the open orders that the last read showed; `None` when there was none, or it could not tell.
pub async fn clean_up(
    target: &Arc<Target>,
    ours: &Arc<Ours>,
    open: Option<BTreeSet<OrderIds>>,
) -> CleanedUp {
    let cancel = match target.plan.system.clean_up {
        CleanUp::CancelOurs => target.plan.system.orders.cancel.clone(),
        CleanUp::Nothing => return left_as_they_are(target),
    };
    let Some(cancel) = cancel else {
        return CleanedUp {
            reason: Some("the profile has no cancel, so our orders stay open".to_string()),
            ..CleanedUp::default()
        };
    };
    let deadline = Instant::now() + AT_MOST;
    let known = match open {
        Some(open) => Ok(open),
        None => ours.maybe_open(target).map(BTreeSet::from_iter),
    };
    let mut open = match known {
        Ok(open) => open,
        Err(error) => {
            return CleanedUp {
                reason: Some(format!("which orders are ours cannot be told: {error}")),
                ..CleanedUp::default()
            };
        }
    };
    let mut done = CleanedUp::default();
    for _ in 0..ROUNDS {
        let round = cancel_all(target, ours, &cancel, &open, deadline).await;
        done.cancelled += round.cancelled;
        done.reason = round.reason;
        tokio::time::sleep(SETTLE).await;
        match still_open(target, ours, &open, deadline).await {
            Ok(left) => {
                done.orders_open = Some(left.len() as u64);
                open = left;
            }
            Err(why) => {
                done.orders_open = round.left;
                done.reason = Some(why);
                break;
            }
        }
        if open.is_empty() || Instant::now() >= deadline {
            break;
        }
    }
    if done.orders_open == Some(0) {
        done.reason = None;
    }
    done
}

fn left_as_they_are(target: &Target) -> CleanedUp {
    let (orders_open, reason) = match target.plan.environment {
        EnvironmentPlan::Local { .. } => (
            Some(0),
            "the local environment is thrown away with its orders",
        ),
        EnvironmentPlan::External(_)
        | EnvironmentPlan::Docker(_)
        | EnvironmentPlan::Kubernetes(_) => (None, "the profile leaves our orders as they are"),
    };
    CleanedUp {
        cancelled: 0,
        orders_open,
        reason: Some(reason.to_string()),
    }
}

/// One round of cancels.
struct Round {
    cancelled: u64,
    /// Orders of which the answers do not say that they are done; `None` when that cannot be told from answers.
    left: Option<u64>,
    reason: Option<String>,
}

async fn cancel_all(
    target: &Arc<Target>,
    ours: &Arc<Ours>,
    cancel: &OrderAction,
    open: &BTreeSet<OrderIds>,
    deadline: Instant,
) -> Round {
    let orders: Vec<OrderIds> = open.iter().cloned().collect();
    let (shared, book, cancel) = (Arc::clone(target), Arc::clone(ours), cancel.clone());
    let dead = Arc::new(Mutex::new(BTreeSet::new()));
    let done = spread(orders, AT_ONCE, deadline, move |ids: OrderIds| {
        let (target, ours, cancel) = (Arc::clone(&shared), Arc::clone(&book), cancel.clone());
        let dead = Arc::clone(&dead);
        async move {
            let words = ours.words(&target, &ids.client).unwrap_or_default();
            let answer = cancel_one(&target, &cancel, &words, &ids.engine, &dead).await;
            (ids, answer)
        }
    })
    .await;
    let (mut cancelled, mut settled, mut reason) = (0, 0, None);
    for (ids, answer) in done.results {
        cancelled += u64::from(answer.outcome == Outcome::Acked);
        if answer.outcome == Outcome::Acked || answer.too_late {
            settled += 1;
        } else {
            reason.get_or_insert(format!(
                "{} cannot be cancelled: {}",
                ids.client, answer.said
            ));
        }
    }
    Round {
        cancelled,
        left: Some(open.len() as u64 - settled),
        reason,
    }
}

/// Cancels an order by the way in of its session, or by the next one where nobody is, or where the order is not: `dead` are
/// the ways at which nobody was found in this round.
async fn cancel_one(
    target: &Target,
    cancel: &OrderAction,
    words: &OrderWords,
    engine_id: &str,
    dead: &Mutex<BTreeSet<usize>>,
) -> Answered {
    let is_apart = target.plan.system.books_are_apart();
    let count = target.ways_in().len().max(1);
    let first: usize = words.session.parse().unwrap_or(0);
    let known = |at: usize| lock(dead).contains(&at);
    let mut turns = (first..first + count).map(|turn| turn % count);
    let mut at = turns.find(|at| !known(*at)).unwrap_or(first % count);
    loop {
        let answer = target.order(cancel, words, engine_id, at).await;
        let nobody = matches!(answer.outcome, Outcome::Refused | Outcome::Unreachable);
        let elsewhere = is_apart && answer.outcome != Outcome::Acked && !answer.too_late;
        if !nobody && !elsewhere {
            return answer;
        }
        if nobody {
            lock(dead).insert(at);
        }
        match turns.find(|at| !known(*at)) {
            Some(next) => at = next,
            None => return answer,
        }
    }
}

fn lock(dead: &Mutex<BTreeSet<usize>>) -> MutexGuard<'_, BTreeSet<usize>> {
    dead.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which of our orders are still open, by reading back again: the whole list, or every order that was open.
///
/// # Errors
/// In words, when that cannot be told.
async fn still_open(
    target: &Arc<Target>,
    ours: &Arc<Ours>,
    before: &BTreeSet<OrderIds>,
    deadline: Instant,
) -> Result<BTreeSet<OrderIds>, String> {
    let read_back = target.plan.system.read_back.as_ref();
    let read_back = read_back.ok_or("the profile cannot read back")?;
    let each = match read_back {
        ReadBack::List {
            at_each_replica, ..
        }
        | ReadBack::ById {
            at_each_replica, ..
        } => *at_each_replica,
    };
    let mut open = BTreeSet::new();
    for copy in target.copies(each) {
        let left = match ReadSpec::of(read_back) {
            ReadSpec::List(spec) => {
                let base = &copy.base_url;
                let dump = list::dump(target, &spec, base, ours, deadline, |_| Ok(())).await;
                dump.and_then(|dump| dump.open.ok_or_else(unknown_states))
            }
            ReadSpec::ById(spec) => {
                still_open_by_id(target, ours, &spec, &copy, before, deadline).await
            }
        };
        open.extend(left.map_err(|why| format!("{} cannot be read: {why}", copy.name))?);
    }
    Ok(open)
}

async fn still_open_by_id(
    target: &Arc<Target>,
    ours: &Arc<Ours>,
    spec: &ByIdSpec,
    copy: &Copy,
    before: &BTreeSet<OrderIds>,
    deadline: Instant,
) -> Result<Vec<OrderIds>, String> {
    let orders: Vec<OrderIds> = before.iter().cloned().collect();
    let (shared, book, spec) = (Arc::clone(target), Arc::clone(ours), spec.clone());
    let base = copy.base_url.clone();
    let done = spread(orders, AT_ONCE, deadline, move |ids: OrderIds| {
        let (target, ours) = (Arc::clone(&shared), Arc::clone(&book));
        let (spec, base) = (spec.clone(), base.clone());
        async move {
            let words = ours.words(&target, &ids.client);
            let told = by_id::ask(&target, &spec, &base, &ids, words.as_ref()).await;
            (ids, told)
        }
    })
    .await;
    if done.left > 0 {
        return Err(format!(
            "out of time with {} orders not asked for",
            done.left
        ));
    }
    let mut open = Vec::new();
    for (ids, told) in done.results {
        match told {
            Told::Absent => {}
            Told::Found {
                open: Some(false), ..
            } => {}
            Told::Found {
                open: Some(true), ..
            } => open.push(ids),
            Told::Found { open: None, .. } => return Err(unknown_states()),
            Told::Unclear(why) => return Err(why),
        }
    }
    Ok(open)
}

fn unknown_states() -> String {
    "the profile does not say which states are open".to_string()
}

#[cfg(test)]
mod tests;
