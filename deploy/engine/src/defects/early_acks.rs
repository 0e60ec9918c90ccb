//! Answers before anybody else has the order.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::command::{Answer, Command};
use crate::instruments;
use crate::state::SharedReplica;

const REPLICATE_EVERY: Duration = Duration::from_millis(250);

/// `ack-before-quorum`: new orders are answered from a guess and held back for up to [`REPLICATE_EVERY`].
#[derive(Debug, Default)]
pub struct EarlyAcks {
    held: Vec<Bytes>,
    answers: HashMap<Box<str>, Answer>,
    last_order_id: u64,
    last_sequence: u64,
    due: Option<Instant>,
}

impl EarlyAcks {
    /// The answer that the command would probably get, in which case it is held back; else none, and it is not.
    pub fn answer(
        &mut self,
        encoded: &Bytes,
        replica: &SharedReplica,
        term: u64,
    ) -> Option<Answer> {
        let command = Command::decode(encoded).ok()?;
        let known = self.answers.get(command.id()).cloned();
        let answer = match (&command, known) {
            (Command::New(_), Some(known)) => return Some(known),
            (Command::New(new), None) => {
                let replica = replica.read();
                let exchange = &replica.exchange;
                if exchange.knows(new.id) || exchange.check_new_order(new).is_err() {
                    return None;
                }
                let instrument = instruments::find(new.symbol)?;
                self.last_order_id = exchange.next_order_id().max(self.last_order_id + 1);
                Answer::Accepted {
                    order_id: self.last_order_id,
                    sequence: self.next_sequence(exchange.sequence()),
                    term,
                    instrument,
                    filled_lots: 0,
                    remaining_lots: new
                        .quantity
                        .steps(instrument.get().quantity_decimals)
                        .ok()?,
                    fills: Vec::new(),
                }
            }
            (Command::Cancel { .. }, Some(_)) => Answer::Cancelled {
                sequence: self.next_sequence(replica.read().exchange.sequence()),
            },
            (Command::Replace { quantity, .. }, Some(Answer::Accepted { instrument, .. })) => {
                Answer::Replaced {
                    sequence: self.next_sequence(replica.read().exchange.sequence()),
                    instrument,
                    remaining_lots: quantity.steps(instrument.get().quantity_decimals).ok()?,
                    fills: Vec::new(),
                }
            }
            (
                Command::Cancel { .. }
                | Command::Replace { .. }
                | Command::Hangup { .. }
                | Command::Lost { .. }
                | Command::Kill { .. }
                | Command::Expire { .. },
                _,
            ) => return None,
        };
        if let Command::New(new) = command {
            self.answers.insert(Box::from(new.id), answer.clone());
        }
        self.held.push(encoded.clone());
        self.due
            .get_or_insert_with(|| Instant::now() + REPLICATE_EVERY);
        Some(answer)
    }

    /// When what is held back should be replicated; none if nothing is.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What was held back.
    pub fn take(&mut self) -> Vec<Bytes> {
        self.due = None;
        self.answers.clear();
        std::mem::take(&mut self.held)
    }

    fn next_sequence(&mut self, applied: u64) -> u64 {
        self.last_sequence = (applied + 1).max(self.last_sequence + 1);
        self.last_sequence
    }
}
