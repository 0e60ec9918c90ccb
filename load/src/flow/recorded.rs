//! What a recording asks, slot by slot.

use std::sync::Arc;

use shakedown_record::ledger::OrderKind;
use shakedown_scenarios::plan::{Arrival, LoadPlan, Recorded, Recording};

/// The recording that a plan replays.
#[derive(Debug, Clone)]
pub(super) struct Replayed {
    recording: Arc<Recording>,
}

impl Replayed {
    /// The replay of a plan; `None` when it replays nothing.
    pub(super) fn new(plan: &LoadPlan) -> Option<Replayed> {
        match &plan.arrival {
            Arrival::Replay(replay) if !replay.recording.messages().is_empty() => Some(Replayed {
                recording: Arc::clone(&replay.recording),
            }),
            Arrival::Replay(_)
            | Arrival::Constant { .. }
            | Arrival::Poisson { .. }
            | Arrival::Ramp { .. }
            | Arrival::Steps { .. }
            | Arrival::Spike(_)
            | Arrival::Bursts(_)
            | Arrival::Hawkes(_) => None,
        }
    }

    /// The message of a slot, and the slot whose order a cancel or replace means.
    pub(super) fn message(&self, slot: u64) -> (Recorded, Option<u64>) {
        let messages = self.recording.messages();
        let number = slot % messages.len() as u64;
        let message = messages[number as usize];
        let aim = match message.kind {
            OrderKind::Cancel | OrderKind::Replace => {
                Some(slot - number + u64::from(message.order))
            }
            OrderKind::New | OrderKind::Oversized | OrderKind::Request => None,
        };
        (message, aim)
    }
}
