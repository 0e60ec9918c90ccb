//! Whether a leader went on acknowledging after it was deposed.
//!
//! Every acknowledgement may tell the term of the leader that made it. Of each term the first acknowledgement and the last sending of
//! a request that was acknowledged with it are enough: whoever was sent after a higher term had acknowledged must not be
//! acknowledged with a lower one. A request that was sent before that may have been decided before it, however late its answer is.

use shakedown_record::control::TermsRecord;
use shakedown_record::ledger::{TermSeen, Terms};
use shakedown_scenarios::plan::{Plan, RuleKind};

use crate::input::Input;
use crate::words::duration_ns;

/// Contradictions that are told in full.
const KEPT: usize = 5;

/// What it came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TermsSeen {
    pub terms: u64,
    pub acknowledged: u64,
    /// Terms with which a leader went on that had been deposed.
    pub contradictions: u64,
    /// The first of them, and the order that was acknowledged last.
    pub first: Vec<(String, Option<u64>)>,
    /// Why there may be more.
    pub open: Option<String>,
}

impl TermsSeen {
    /// As it stands in `record.json`.
    pub fn record(&self) -> TermsRecord {
        TermsRecord {
            terms: self.terms,
            acknowledged: self.acknowledged,
            contradictions: self.contradictions,
            open: self.open.clone(),
            examples: self.first.iter().map(|(text, _)| text.clone()).collect(),
        }
    }
}

/// Holds the terms against each other; `None` when no rule asks.
pub(crate) fn terms(input: &Input, plan: &Plan) -> Option<TermsSeen> {
    let mut rules = plan.rules.iter();
    rules.find(|rule| rule.kind == RuleKind::Terms)?;
    let mut all: Vec<TermSeen> = input.terms.all().to_vec();
    all.sort_by_key(|seen| std::cmp::Reverse(seen.term));
    // Both clocks may be off.
    let error_ns = 2 * input.clock_error_ns();
    let mut found = TermsSeen {
        terms: all.len() as u64,
        acknowledged: all.iter().map(|seen| seen.acked).sum(),
        open: why_open(input, &all),
        ..TermsSeen::default()
    };
    let mut earliest: Option<TermSeen> = None;
    for seen in all {
        if let Some(higher) = earliest
            && seen.last_sent_ns > higher.first_acked_ns + error_ns
        {
            found.contradictions += 1;
            if found.first.len() < KEPT {
                let text = contradiction(input, &seen, &higher);
                found.first.push((text, Some(seen.last_slot)));
            }
        }
        if earliest.is_none_or(|known| seen.first_acked_ns < known.first_acked_ns) {
            earliest = Some(seen);
        }
    }
    Some(found)
}

fn contradiction(input: &Input, lower: &TermSeen, higher: &TermSeen) -> String {
    let after_ns = lower.last_sent_ns - higher.first_acked_ns;
    format!(
        "{} was acknowledged in term {}, and sent {} after the acknowledgement of {} in term {} had come",
        input.message_id(lower.last_slot),
        lower.term,
        duration_ns(after_ns as f64),
        input.message_id(higher.first_slot),
        higher.term
    )
}

fn why_open(input: &Input, all: &[TermSeen]) -> Option<String> {
    if let Some(lost) = input.facts.lost_workers.first() {
        return Some(format!("what worker {} was told is not known", lost.worker));
    }
    match all {
        [] => Some("no acknowledgement told a term".to_string()),
        [one] => Some(format!(
            "all acknowledgements are of term {}: no other leader was seen",
            one.term
        )),
        all if all.len() >= Terms::MOST => Some(format!(
            "{} terms were told, and no more are kept",
            Terms::MOST
        )),
        _ => None,
    }
}
