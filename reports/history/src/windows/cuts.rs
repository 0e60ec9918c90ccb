//! Where a history is cut: where nothing is in flight, or little.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::Limits;
use crate::operation::{Learned, Operation};
use crate::search::Span;

/// Requests up to a moment; `None`: it does not close.
pub(super) struct Cut {
    pub of: Range<usize>,
    pub span: Option<Span>,
}

/// Cuts a history, sorted by the time of sending, into windows. The last one that does not close is the last of all.
pub(super) fn cuts(sorted: &[&Operation], limits: &Limits) -> Vec<Cut> {
    let mut cuts = Vec::new();
    let mut start = 0;
    let mut flying: BinaryHeap<Reverse<u64>> = BinaryHeap::new();
    for (at, one) in sorted.iter().enumerate() {
        while let Some(Reverse(answered_ns)) = flying.peek()
            && *answered_ns < one.sent_ns
        {
            flying.pop();
        }
        let length = at - start;
        let is_calm = flying.is_empty() || (length >= limits.ripe && flying.len() <= limits.flying);
        if length > 0 && is_calm {
            let span = Some(Span::Before(one.sent_ns));
            cuts.push(Cut {
                of: start..at,
                span,
            });
            start = at;
        } else if length == limits.longest {
            cuts.push(Cut {
                of: start..at,
                span: None,
            });
            return cuts;
        }
        if one.learned != Learned::Nothing
            && let Some(answered_ns) = one.answered_ns
        {
            flying.push(Reverse(answered_ns));
        }
    }
    cuts.push(Cut {
        of: start..sorted.len(),
        span: Some(Span::ToTheEnd),
    });
    cuts
}
