//! How a scheduled slot ended. Exactly one outcome for each slot: `scheduled = sum(outcomes)`, always.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The one way in which a scheduled slot ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Outcome {
    /// The engine acknowledged it as the profile defines.
    Acked = 1,
    /// The engine said, definitely, that it did not execute it.
    Rejected = 2,
    /// The engine refused it for load (HTTP 429 and the like); definitely not executed.
    Throttled = 3,
    /// An answer that the profile does not list: it may have executed.
    BadResponse = 4,
    /// Written, and no answer within the timeout: it may have executed.
    Timeout = 5,
    /// Written, and the connection broke before the answer: it may have executed.
    ResetAfterSend = 6,
    /// The connection was refused: definitely absent.
    Refused = 7,
    /// The host or network could not be reached: definitely absent.
    Unreachable = 8,
    /// Never written: definitely absent.
    NotSent = 9,
    /// Still open when the run ended: it may have executed.
    Unresolved = 10,
}

impl Outcome {
    /// Every outcome, in the order in which reports list them.
    pub const ALL: [Outcome; 10] = [
        Outcome::Acked,
        Outcome::Rejected,
        Outcome::Throttled,
        Outcome::BadResponse,
        Outcome::Timeout,
        Outcome::ResetAfterSend,
        Outcome::Refused,
        Outcome::Unreachable,
        Outcome::NotSent,
        Outcome::Unresolved,
    ];

    /// The outcome with this code in the ledger: the codes count [`Outcome::ALL`] from 1.
    #[inline]
    pub fn from_code(code: u8) -> Option<Outcome> {
        let index = usize::from(code).checked_sub(1)?;
        Outcome::ALL.get(index).copied()
    }

    /// The name used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Acked => "acked",
            Outcome::Rejected => "rejected",
            Outcome::Throttled => "throttled",
            Outcome::BadResponse => "bad-response",
            Outcome::Timeout => "timeout",
            Outcome::ResetAfterSend => "reset-after-send",
            Outcome::Refused => "refused",
            Outcome::Unreachable => "unreachable",
            Outcome::NotSent => "not-sent",
            Outcome::Unresolved => "unresolved",
        }
    }

    /// It may have executed: the order may be there or not, once.
    pub fn is_indeterminate(self) -> bool {
        match self {
            Outcome::BadResponse
            | Outcome::Timeout
            | Outcome::ResetAfterSend
            | Outcome::Unresolved => true,
            Outcome::Acked
            | Outcome::Rejected
            | Outcome::Throttled
            | Outcome::Refused
            | Outcome::Unreachable
            | Outcome::NotSent => false,
        }
    }

    /// It cannot have executed: an order found nevertheless is a phantom.
    pub fn is_definitely_absent(self) -> bool {
        self != Outcome::Acked && !self.is_indeterminate()
    }

    /// The engine served the client: an acknowledgement, or a business reject. Everything else counts as an error.
    #[inline]
    pub fn is_served(self) -> bool {
        matches!(self, Outcome::Acked | Outcome::Rejected)
    }
}

/// How many slots ended in each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OutcomeCounts {
    pub acked: u64,
    pub rejected: u64,
    pub throttled: u64,
    pub bad_response: u64,
    pub timeout: u64,
    pub reset_after_send: u64,
    pub refused: u64,
    pub unreachable: u64,
    pub not_sent: u64,
    pub unresolved: u64,
}

impl OutcomeCounts {
    /// The counter of one outcome.
    pub fn get(&self, outcome: Outcome) -> u64 {
        let mut copy = *self;
        *copy.slot(outcome)
    }

    /// Counts `n` more slots with this outcome.
    pub fn add(&mut self, outcome: Outcome, n: u64) {
        *self.slot(outcome) += n;
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &OutcomeCounts) {
        for outcome in Outcome::ALL {
            self.add(outcome, other.get(outcome));
        }
    }

    /// All slots that ended.
    pub fn total(&self) -> u64 {
        Outcome::ALL
            .into_iter()
            .map(|outcome| self.get(outcome))
            .sum()
    }

    /// Slots that may have executed without an answer.
    pub fn indeterminate(&self) -> u64 {
        Outcome::ALL
            .into_iter()
            .filter(|o| o.is_indeterminate())
            .map(|o| self.get(o))
            .sum()
    }

    /// Slots that were neither acknowledged nor rejected by the engine's rules.
    pub fn errors(&self) -> u64 {
        self.total() - self.acked - self.rejected
    }

    fn slot(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Acked => &mut self.acked,
            Outcome::Rejected => &mut self.rejected,
            Outcome::Throttled => &mut self.throttled,
            Outcome::BadResponse => &mut self.bad_response,
            Outcome::Timeout => &mut self.timeout,
            Outcome::ResetAfterSend => &mut self.reset_after_send,
            Outcome::Refused => &mut self.refused,
            Outcome::Unreachable => &mut self.unreachable,
            Outcome::NotSent => &mut self.not_sent,
            Outcome::Unresolved => &mut self.unresolved,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_code_is_no_outcome() {
        for code in 0..=u8::MAX {
            let mut all = Outcome::ALL.into_iter();
            let same = all.find(|outcome| *outcome as u8 == code);
            assert_eq!(Outcome::from_code(code), same, "{code}");
        }
    }

    #[test]
    fn codes_round_trip_and_every_outcome_is_counted_once() {
        let mut counts = OutcomeCounts::default();
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_code(outcome as u8), Some(outcome));
            counts.add(outcome, 1);
        }
        assert_eq!(counts.total(), Outcome::ALL.len() as u64);
        assert_eq!(Outcome::from_code(0), None);
        assert_eq!(Outcome::from_code(11), None);
    }

    #[test]
    fn an_outcome_is_acked_absent_or_indeterminate_and_nothing_else() {
        for outcome in Outcome::ALL {
            let kinds = [
                outcome == Outcome::Acked,
                outcome.is_definitely_absent(),
                outcome.is_indeterminate(),
            ];
            assert_eq!(kinds.iter().filter(|kind| **kind).count(), 1, "{outcome:?}");
        }
    }

    #[test]
    fn names_in_code_and_in_files_agree() {
        for outcome in Outcome::ALL {
            let json = serde_json::to_value(outcome).unwrap();
            assert_eq!(json, outcome.name());
        }
    }
}
