//! Sending again under the same id, as a client does that lost the answer: the engine must not execute it twice.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use shakedown_record::event::Event;
use shakedown_record::ledger::{Entry, OrderKind, Retry, ServerId, read_server_ids};
use shakedown_record::run_dir::RunDir;
use shakedown_record::{Outcome, RunZero, monotonic_ns};
use shakedown_scenarios::plan::RetryPolicy;

use crate::error::RunError;
use crate::probes::Target;
use crate::probes::together::spread;
use crate::readback::Ours;
use crate::sentinel::Sentinels;

/// Retries under way at once.
const AT_ONCE: usize = 8;

/// How long all retries together may take.
const AT_MOST: Duration = Duration::from_secs(60);

/// Tries of one order before its answer is taken as it is.
const TRIES: u32 = 3;

/// The orders that are sent again: every indeterminate new order, and the last acknowledged one of each session.
pub fn choose(entries: impl Iterator<Item = (u64, Entry)>) -> BTreeMap<u64, Entry> {
    let mut chosen = BTreeMap::new();
    let mut last_acked: BTreeMap<u16, (u64, Entry)> = BTreeMap::new();
    for (slot, entry) in entries.filter(|(_, entry)| entry.kind == OrderKind::New) {
        let outcome = entry.settled();
        if outcome.is_indeterminate() {
            chosen.insert(slot, entry);
        } else if outcome == Outcome::Acked {
            last_acked.insert(entry.session, (slot, entry));
        }
    }
    chosen.extend(last_acked.into_values());
    chosen
}

/// Sends again what the policy says, writes `ledger/retries.jsonl`, and returns the event.
///
/// # Errors
/// When the ledger cannot be read or written.
pub async fn retry(
    target: &Arc<Target>,
    run_dir: &RunDir,
    zero: RunZero,
) -> Result<Option<Event>, RunError> {
    match target.plan.system.session.retry {
        RetryPolicy::Never => return Ok(None),
        RetryPolicy::SameIdAfterHeal => {}
    }
    let none = Sentinels::none("not sent yet");
    let ours = Ours::open(target, run_dir, none)?;
    let mut damage = None;
    let entries = ours.entries().map_while(|entry| match entry {
        Ok(entry) => Some(entry),
        Err(error) => {
            damage = Some(error);
            None
        }
    });
    let chosen = choose(entries);
    if let Some(damage) = damage {
        return Err(damage.into());
    }
    let asked = chosen.len() as u64;
    let deadline = Instant::now() + AT_MOST;
    let shared = Arc::clone(target);
    let done = spread(chosen.into_iter().collect(), AT_ONCE, deadline, move |it| {
        let target = Arc::clone(&shared);
        async move { again(&target, zero, it.0, &it.1).await }
    })
    .await;
    let mut results = done.results;
    results.sort_by_key(|(retry, _)| retry.slot);
    let resolved = results.iter().filter(|it| it.0.outcome.is_served()).count() as u64;
    let retries: Vec<Retry> = results.iter().map(|(retry, _)| retry.clone()).collect();
    let folder = run_dir.ledger();
    let written = write_lines(&folder.join("retries.jsonl"), &retries)
        .and_then(|()| write_ids(&folder, results.into_iter().filter_map(|it| it.1).collect()));
    written.map_err(|source| RunError::Write {
        what: "the retries".to_string(),
        source,
    })?;
    Ok(Some(Event::RetriesDone { asked, resolved }))
}

async fn again(
    target: &Target,
    zero: RunZero,
    slot: u64,
    entry: &Entry,
) -> (Retry, Option<ServerId>) {
    let words = target.words(slot, entry);
    let action = &target.plan.system.orders.new;
    let now_ns = || zero.since_ns(monotonic_ns()).max(0) as u64;
    let mut retry = Retry {
        slot,
        sent_ns: now_ns(),
        done_ns: 0,
        outcome: Outcome::NotSent,
        sequence: None,
    };
    let mut server_id = None;
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
        }
        let number = usize::from(entry.session) + attempt as usize;
        let answer = target.order(action, &words, &words.id, number).await;
        retry.done_ns = now_ns();
        retry.outcome = answer.outcome;
        retry.sequence = answer.sequence;
        let definite = answer.is_definite();
        server_id = answer.server_id.or(server_id);
        if definite {
            break;
        }
    }
    let id = server_id.map(|id| ServerId { slot, id });
    (retry, id)
}

/// Keeps ids that are new for their slot in a file of their own, beside those of the load threads. A second id for
/// one order is what a duplicate looks like from outside.
fn write_ids(ledger: &Path, ids: Vec<ServerId>) -> io::Result<()> {
    let known = read_server_ids(ledger).map_err(io::Error::other)?;
    let new: Vec<ServerId> = ids.into_iter().filter(|id| !known.contains(id)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let free = (0..).map(|thread| ledger.join(format!("server-ids-{thread}.jsonl")));
    match free.into_iter().find(|path| !path.exists()) {
        Some(path) => write_lines(&path, &new),
        None => Ok(()),
    }
}

fn write_lines<T: Serialize>(path: &Path, lines: &[T]) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for line in lines {
        serde_json::to_writer(&mut out, line)?;
        out.write_all(b"\n")?;
    }
    out.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_data()
}

#[cfg(test)]
mod tests {
    use shakedown_record::ledger::{Side, read_retries};

    use super::*;

    fn entry(kind: OrderKind, session: u16, outcome: Option<Outcome>) -> Entry {
        Entry {
            intended_ns: 0,
            sent_ns: Some(0),
            done_ns: None,
            lag_ns: 0,
            kind,
            side: Side::Buy,
            symbol: 0,
            account: 0,
            session,
            price_ticks: 1,
            quantity_lots: 1,
            target: None,
            sequence: None,
            served_by: 0,
            outcome,
        }
    }

    #[test]
    fn what_may_have_executed_and_each_sessions_last_acknowledged_order_are_chosen() {
        use OrderKind::{Cancel, New, Oversized};
        let entries = [
            entry(New, 0, Some(Outcome::Acked)),
            entry(New, 1, Some(Outcome::Acked)),
            entry(New, 0, Some(Outcome::Acked)),
            entry(New, 0, Some(Outcome::Timeout)),
            entry(New, 1, None),
            entry(Cancel, 1, Some(Outcome::Timeout)),
            entry(Oversized, 1, Some(Outcome::Rejected)),
            entry(New, 1, Some(Outcome::Refused)),
            entry(New, 2, Some(Outcome::Rejected)),
        ];
        let chosen = choose((0..).zip(entries));
        assert_eq!(chosen.into_keys().collect::<Vec<u64>>(), [1, 2, 3, 4]);
    }

    #[test]
    fn only_new_ids_are_kept_and_the_files_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let id = |slot, id: &str| ServerId {
            slot,
            id: id.to_string(),
        };
        write_lines(&folder.path().join("server-ids-0.jsonl"), &[id(1, "a")]).unwrap();
        write_ids(folder.path(), vec![id(1, "a"), id(1, "b"), id(2, "c")]).unwrap();
        assert_eq!(
            read_server_ids(folder.path()).unwrap(),
            [id(1, "a"), id(1, "b"), id(2, "c")]
        );
        let retry = Retry {
            slot: 3,
            sent_ns: 1,
            done_ns: 2,
            outcome: Outcome::Acked,
            sequence: Some(9),
        };
        let lines = std::slice::from_ref(&retry);
        write_lines(&folder.path().join("retries.jsonl"), lines).unwrap();
        assert_eq!(read_retries(folder.path()).unwrap(), [retry]);
    }
}
