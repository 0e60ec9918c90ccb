//! Of a window that no order explains, the least that can be told.

use std::ops::Range;

use super::{Halt, State, Unexplained, Windows};
use crate::operation::{Learned, Operation};
use crate::reading::Misfit;
use crate::search::Span;

impl Windows<'_> {
    /// The smallest beginning of a window that no order explains: what explains a history explains each of its beginnings.
    pub(super) fn smallest(
        &self,
        states: &[State],
        of: Range<usize>,
        nearest: Option<Misfit>,
    ) -> Unexplained {
        let mut answers: Vec<(u64, usize)> = states
            .iter()
            .flat_map(|state| state.waiting.iter().copied())
            .chain(of.clone())
            .filter(|at| self.sorted[*at].learned != Learned::Nothing)
            .filter_map(|at| Some((self.sorted[at].answered_ns?, at)))
            .collect();
        answers.sort_unstable();
        answers.dedup();
        for (answered_ns, at) in answers {
            let seen: Vec<Operation> = self
                .sorted
                .iter()
                .map(|one| seen(one, answered_ns))
                .collect();
            let mut then = Windows {
                sorted: seen.iter().collect(),
                made: self.made.clone(),
                named: self.named.clone(),
                searched: self.searched.clone(),
                spent: 0,
                ..*self
            };
            let sent = |at: &usize| self.sorted[*at].sent_ns <= answered_ns;
            let end = of.clone().take_while(sent).count() + of.start;
            let span = Span::Before(answered_ns.saturating_add(1));
            if let Err(Halt::Unexplained(nearest)) =
                then.advance(&mut states.to_vec(), of.start..end, span)
            {
                return self.unexplained(of.start..end, Some(at), nearest);
            }
        }
        self.unexplained(of, None, nearest)
    }

    fn unexplained(
        &self,
        of: Range<usize>,
        last: Option<usize>,
        nearest: Option<Misfit>,
    ) -> Unexplained {
        let number = |at: usize| self.sorted[at].number;
        let mut places: Vec<usize> = of.collect();
        if let Some(last) = last.filter(|last| !places.contains(last)) {
            places.insert(0, last);
        }
        Unexplained {
            requests: places.into_iter().map(number).collect(),
            last: last.map(number),
            nearest,
        }
    }
}

/// A request as its client saw it at a moment: what was not answered yet may have been done or not.
fn seen(one: &Operation, at_ns: u64) -> Operation {
    match one.answered_ns {
        Some(answered_ns) if answered_ns <= at_ns => *one,
        Some(_) | None => Operation {
            answered_ns: None,
            learned: Learned::Nothing,
            ..*one
        },
    }
}
