//! What each copy holds, row by row, and whether it was read to the end.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use shakedown_record::event::ReadBackDone;
use shakedown_record::readback::{ReadKind, RowReader, RowView};
use shakedown_record::side_by_side::{cores, side_by_side};
use shakedown_scenarios::plan::{Identity, Plan, ReadBack};

use super::copy_read::{CopyRead, KEPT};
use super::expected::difference;
use super::fates::Fates;
use crate::bits::Bits;
use crate::input::{Input, Whose};

/// Sets of every order that are only kept where somebody asks for them, since each takes memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keeps {
    pub ended: bool,
    pub filled: bool,
}

/// Everything that a row is held against.
pub(crate) struct Reader<'a> {
    pub input: &'a Input,
    pub plan: &'a Plan,
    pub fates: &'a Fates,
    /// Orders that had ended before this read, by an earlier one.
    pub ended: &'a Bits,
    pub keeps: Keeps,
}

impl Reader<'_> {
    /// The copies that one read must have covered, each with what it held.
    pub fn copies(&self, read: ReadKind) -> Vec<CopyRead> {
        self.copies_in(read, cores() as u64)
    }

    /// The same, the rows of each copy taken in so many parts at the same time: the parts are not to be seen in what is found.
    fn copies_in(&self, read: ReadKind, parts: u64) -> Vec<CopyRead> {
        let expected = expected_replicas(self.plan).unwrap_or_else(|| self.replicas_seen(read));
        let all: Vec<(&String, u64)> = expected
            .iter()
            .flat_map(|replica| (0..parts).map(move |part| (replica, part)))
            .collect();
        let taken = side_by_side(&all, cores(), |(replica, part)| {
            let done = self.done(read, replica)?;
            Some(self.part(done, (*part, parts)))
        });
        let mut taken = taken.into_iter();
        let copy = |replica: &String| {
            let own: Vec<Part> = taken.by_ref().take(parts as usize).flatten().collect();
            self.copy(read, replica, own)
        };
        expected.iter().map(copy).collect()
    }

    /// Where copies cannot be told apart: whatever was read, and one at least.
    fn replicas_seen(&self, read: ReadKind) -> Vec<String> {
        let done = self
            .input
            .facts
            .reads
            .iter()
            .filter(|done| done.read == read);
        let names: BTreeSet<String> = done.map(|done| done.replica.clone()).collect();
        match names.is_empty() {
            true => vec!["entry".to_string()],
            false => names.into_iter().collect(),
        }
    }

    /// The last read of a copy.
    fn done(&self, read: ReadKind, replica: &str) -> Option<&ReadBackDone> {
        let mut reads = self.input.facts.reads.iter().rev();
        reads.find(|done| done.read == read && done.replica == replica)
    }

    /// A copy of its parts, in the order of its rows.
    fn copy(&self, read: ReadKind, replica: &str, parts: Vec<Part>) -> CopyRead {
        let Some(done) = self.done(read, replica) else {
            let why = format!("{replica} was not read back ({})", read.name());
            return CopyRead::unread(replica, why);
        };
        let mut copy = self.empty(done);
        let mut broken = None;
        for part in parts {
            copy.append(part.rows);
            broken = part.broken;
            // What lies behind a row that cannot be read is not known, on however many threads it was looked for.
            if broken.is_some() {
                break;
            }
        }
        copy.present.share(&self.fates.acked);
        copy.unread = broken
            .map(|error| format!("the rows of {replica} cannot be read: {error}"))
            .or_else(|| self.why_no_outage(read))
            .or_else(|| self.why_incomplete(done, &copy));
        copy
    }

    fn empty(&self, done: &ReadBackDone) -> CopyRead {
        CopyRead {
            replica: done.replica.clone(),
            asked: done.by_id.then(Bits::default),
            ..CopyRead::default()
        }
    }

    /// What one of some parts of the rows of a copy holds.
    fn part(&self, done: &ReadBackDone, part: (u64, u64)) -> Part {
        let mut rows = self.empty(done);
        let broken = self.take_rows(done, part, &mut rows).err();
        Part { rows, broken }
    }

    fn take_rows(
        &self,
        done: &ReadBackDone,
        part: (u64, u64),
        copy: &mut CopyRead,
    ) -> io::Result<()> {
        let mut rows = RowReader::open_part(&self.input.root, done.read, &done.replica, part)?;
        let mut last = 0;
        while let Some(row) = rows.next_row()? {
            let Some(slot) = self.take(copy, &row) else {
                continue;
            };
            // Rows lie about in the order of the slots: what one of these chunks lacks now it will hardly get.
            if !Bits::are_near(last, slot) {
                copy.present.share_around(last, &self.fates.acked);
            }
            last = slot;
        }
        copy.present.share(&self.fates.acked);
        Ok(())
    }

    /// A read after an outage shows something only if there was one.
    fn why_no_outage(&self, read: ReadKind) -> Option<String> {
        let mut outages = self.input.facts.outages.iter();
        let over = outages.rfind(|over| over.read == read);
        let was = over.is_some_and(|over| over.down_after_ns.is_some() && over.failed.is_none());
        (read.is_after_outage() && !was).then(|| {
            format!(
                "the copies were not all down and up again ({})",
                read.name()
            )
        })
    }

    fn why_incomplete(&self, done: &ReadBackDone, copy: &CopyRead) -> Option<String> {
        let replica = &done.replica;
        if !done.complete {
            let why = done.reason.as_deref().unwrap_or("no reason was given");
            let when = match done.read {
                ReadKind::Converged => String::new(),
                read => format!(" {}", read.moment()),
            };
            return Some(format!("{replica} was not completely read{when}: {why}"));
        }
        if done.rows != copy.rows {
            return Some(format!(
                "{replica} was read with {} rows, and its file holds {}",
                done.rows, copy.rows
            ));
        }
        match &copy.asked {
            Some(asked) => {
                let known = |slot: &u64| self.is_known_by_id(*slot);
                let left_out = self.fates.acked.without(asked).iter().filter(known).count();
                (left_out > 0).then(|| {
                    format!("{replica} was not asked for {left_out} of the acknowledged orders")
                })
            }
            None => self.why_no_sentinel(done.read, copy),
        }
    }

    /// A list that is short, or empty, looks like any other: only the sentinel at its end tells.
    fn why_no_sentinel(&self, read: ReadKind, copy: &CopyRead) -> Option<String> {
        let replica = &copy.replica;
        let none = BTreeMap::new();
        let sentinels = self.input.facts.sentinels.get(&read).unwrap_or(&none);
        if let Some((id, Err(reason))) = sentinels.iter().find(|(_, word)| word.is_err()) {
            return Some(format!(
                "sentinel order {id} was not acknowledged: {reason}"
            ));
        }
        if sentinels.is_empty() {
            return Some("no sentinel order was sent before the read".to_string());
        }
        let absent = sentinels.keys().find(|id| !copy.sentinels.contains(*id));
        absent
            .filter(|_| self.plan.system.copies_are_equal())
            .map(|id| {
                format!("{replica} does not hold the sentinel order {id}: its list ends too early")
            })
    }

    /// Orders of an engine that makes the ids can only be asked for where the id is known.
    fn is_known_by_id(&self, slot: u64) -> bool {
        match self.plan.system.orders.identity {
            Identity::Client => true,
            Identity::Server => self.input.server_ids.id_of.contains_key(&slot),
        }
    }

    /// Takes a row; the slot, where it holds an order of ours.
    #[inline]
    fn take(&self, copy: &mut CopyRead, row: &RowView<'_>) -> Option<u64> {
        copy.rows += 1;
        let slot = match self.input.whose(row.id) {
            Whose::Slot(slot) => slot,
            Whose::Sentinel(_) => {
                if row.found {
                    copy.sentinels.insert(row.id.to_string());
                }
                return None;
            }
            Whose::Stranger => {
                self.take_stranger(copy, row);
                return None;
            }
            Whose::Foreign => return None,
        };
        if slot >= self.input.orders.slots_end {
            // Slots behind damaged ones may have been sent; of an intact ledger we know that they were not.
            if self.input.orders.damaged == 0 {
                self.take_stranger(copy, row);
            }
            return None;
        }
        if let Some(asked) = &mut copy.asked {
            asked.insert(slot);
        }
        if !row.found {
            return None;
        }
        self.take_found(copy, slot, row);
        Some(slot)
    }

    fn take_stranger(&self, copy: &mut CopyRead, row: &RowView<'_>) {
        if !row.found {
            return;
        }
        copy.strangers += 1;
        if copy.named_strangers.len() < KEPT {
            copy.named_strangers.push(row.id.to_string());
        }
    }

    /// What the state of a row says.
    fn take_state(&self, copy: &mut CopyRead, slot: u64, row: &RowView<'_>) {
        let fields = match &self.plan.system.read_back {
            Some(ReadBack::List { fields, .. } | ReadBack::ById { fields, .. }) => fields,
            None => return,
        };
        let Some(state) = row.state else {
            return;
        };
        let is_among = |states: &[String]| states.iter().any(|known| known == state);
        if self.keeps.filled && is_among(&fields.filled_states) {
            copy.filled.insert(slot);
        }
        if is_among(&fields.open_states) {
            if self.fates.cancelled.contains(slot) || self.ended.contains(slot) {
                copy.revived.insert(slot);
            }
        } else if !fields.open_states.is_empty() {
            copy.has_ended = true;
            if self.keeps.ended {
                copy.ended.insert(slot);
            }
        }
    }

    fn take_found(&self, copy: &mut CopyRead, slot: u64, row: &RowView<'_>) {
        if !copy.present.insert(slot) {
            copy.twice.insert(slot);
        }
        self.take_state(copy, slot, row);
        let entry = self.input.orders.get(slot);
        let Fates {
            acked,
            indeterminate,
            rolled,
            ..
        } = self.fates;
        let is_ours = [acked, indeterminate, rolled]
            .iter()
            .any(|orders| orders.contains(slot));
        match entry {
            Some(entry) if is_ours => {
                let changes = self.fates.replaces.of(self.input, slot);
                if let Some(what) = difference(self.plan, &entry, &changes, row) {
                    copy.corrupt.insert(slot);
                    copy.note_difference(slot, what);
                }
            }
            // A slot whose entry is damaged says nothing about what was sent.
            None if self.input.orders.damaged > 0 => {}
            Some(_) | None => {
                copy.phantom.insert(slot);
            }
        }
    }
}

/// What some rows of a copy hold, and why the next one cannot be read.
#[derive(Debug)]
struct Part {
    rows: CopyRead,
    broken: Option<io::Error>,
}

/// Names of the replicas that must be read, or `None` where copies cannot be told apart.
pub(crate) fn expected_replicas(plan: &Plan) -> Option<Vec<String>> {
    let each = match plan.system.read_back.as_ref()? {
        ReadBack::List {
            at_each_replica, ..
        }
        | ReadBack::ById {
            at_each_replica, ..
        } => *at_each_replica,
    };
    let part = plan.system.holder().filter(|_| each)?;
    Some(
        (1..=part.replicas)
            .map(|n| format!("{}-{n}", part.name))
            .collect(),
    )
}

#[cfg(test)]
mod tests;
