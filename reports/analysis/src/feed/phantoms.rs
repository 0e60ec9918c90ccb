//! Orders that the feed told of, and that no copy has in the end: lost after they were published.

use std::collections::BTreeSet;

use shakedown_record::feed::FeedRow;
use shakedown_record::feed_book::Named;
use shakedown_record::readback::ReadKind;
use shakedown_scenarios::plan::Plan;

use crate::data_loss::CopyRead;
use crate::input::{Input, Whose};
use crate::words::count;

/// Orders that are told in full.
const KEPT: usize = 5;

/// What of the feed is on no copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Phantoms {
    /// Orders that were looked for.
    pub looked_for: u64,
    pub found: u64,
    /// The first of them, by slot, in words.
    pub first: Vec<(u64, String)>,
    /// Why there may be more.
    pub open: Option<String>,
}

impl Phantoms {
    /// As it stands in `record.json`.
    pub fn value(&self) -> Option<u64> {
        (self.open.is_none() || self.found > 0).then_some(self.found)
    }

    /// What was observed.
    pub fn text(&self) -> String {
        let first = self.first.first();
        let first = first.map_or(String::new(), |(_, text)| format!("; first: {text}"));
        format!(
            "{} of {} that it told of{first}",
            count(self.found),
            count(self.looked_for)
        )
    }
}

/// Looks for every order that was told of before the sentinel was acknowledged: later ones the copies may not have had yet.
pub(super) fn phantoms(
    input: &Input,
    plan: &Plan,
    rows: &[FeedRow],
    reads: &[(ReadKind, Vec<CopyRead>)],
) -> Phantoms {
    let unknown = |why: &str| Phantoms {
        open: Some(why.to_string()),
        ..Phantoms::default()
    };
    let converged = reads.iter().find(|(read, _)| *read == ReadKind::Converged);
    let seen_ns = input.facts.sentinel_seen.get(&ReadKind::Converged);
    let (Some((_, copies)), Some(seen_ns)) = (converged, seen_ns) else {
        return unknown("the copies were not read after the heal");
    };
    if copies.is_empty() {
        return unknown("no copy was read");
    }
    if let Some(why) = copies.iter().find_map(|copy| copy.unread.as_ref()) {
        return unknown(why);
    }
    let told = told(input, rows, *seen_ns);
    let gone = |slot: &&u64| !copies.iter().any(|copy| copy.present.contains(**slot));
    let gone: Vec<u64> = told.iter().filter(gone).copied().collect();
    let unlisted = plan.system.cancel_on_disconnect.as_ref();
    if unlisted.is_some_and(|contract| contract.unlisted) && !gone.is_empty() {
        return unknown("the engine does not list orders that ended with their connection");
    }
    let text = |slot: &u64| {
        let id = input.order_id(*slot);
        (*slot, format!("the feed told of {id}, which is on no copy"))
    };
    Phantoms {
        looked_for: told.len() as u64,
        found: gone.len() as u64,
        first: gone.iter().take(KEPT).map(text).collect(),
        open: told
            .is_empty()
            .then(|| "the feed told of no order of ours".to_string()),
    }
}

/// Orders of ours of which was told by then: by messages of their own, or as what rested in a trade.
fn told(input: &Input, rows: &[FeedRow], seen_ns: u64) -> BTreeSet<u64> {
    let own = rows.iter().filter(|row| row.received_ns <= seen_ns);
    let own = own.filter_map(|row| row.slot);
    let books = input.feed_books.whole.iter().flatten();
    let books = books.filter(|row| row.received_ns <= seen_ns);
    let makers = books.flat_map(|row| row.fills.iter().filter_map(|fill| fill.maker.as_ref()));
    let makers = makers.filter_map(|named| match named {
        Named::Slot(slot) => Some(*slot),
        Named::Sentinel(_) => None,
        Named::Other(id) => match input.whose(id) {
            Whose::Slot(slot) => Some(slot),
            Whose::Sentinel(_) | Whose::Stranger | Whose::Foreign => None,
        },
    });
    own.chain(makers).collect()
}
