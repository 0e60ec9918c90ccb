//! What each copy holds, row by row, and whether it was read to the end.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use shakedown_record::event::ReadBackDone;
use shakedown_record::readback::{ReadKind, Row, RowReader};
use shakedown_scenarios::plan::{DataLayout, Identity, Plan, ReadBack};

use super::expected::difference;
use super::fates::Fates;
use crate::bits::Bits;
use crate::input::{Input, Whose};
use crate::side_by_side::side_by_side;

/// Examples that are kept of each finding on one copy.
const KEPT: usize = 5;

/// One copy as one read found it.
#[derive(Debug, Default)]
pub(crate) struct CopyRead {
    pub replica: String,
    /// Why it counts as not completely read; `None`: every order that it holds was seen.
    pub unread: Option<String>,
    /// Orders of ours that it holds.
    pub present: Bits,
    /// Orders that it holds more than once.
    pub twice: Bits,
    /// Orders that it holds though they cannot have executed.
    pub phantom: Bits,
    /// Rows that bear our prefix and are no order of ours: how many, and the first of them.
    pub strangers: u64,
    pub named_strangers: Vec<String>,
    /// Orders that it holds with other values than were sent.
    pub corrupt: Bits,
    /// What differs, for the first of them.
    pub differences: BTreeMap<u64, String>,
    /// Orders of which all was traded, by what the copy says.
    pub filled: Bits,
    /// Orders that can still trade, and orders that cannot, by what the copy says.
    pub open: Bits,
    pub ended: Bits,
    /// Where orders are read by id: those that it was asked for.
    pub asked: Option<Bits>,
    rows: u64,
    /// Sentinels that it holds, of whatever read.
    pub sentinels: BTreeSet<String>,
}

impl CopyRead {
    fn unread(replica: &str, why: String) -> Self {
        Self {
            replica: replica.to_string(),
            unread: Some(why),
            ..Self::default()
        }
    }

    pub fn is_complete(&self) -> bool {
        self.unread.is_none()
    }
}

/// Everything that a row is held against.
pub(crate) struct Reader<'a> {
    pub input: &'a Input,
    pub plan: &'a Plan,
    pub fates: &'a Fates,
}

impl Reader<'_> {
    /// The copies that one read must have covered, each with what it held.
    pub fn copies(&self, read: ReadKind) -> Vec<CopyRead> {
        let expected = expected_replicas(self.plan).unwrap_or_else(|| self.replicas_seen(read));
        side_by_side(&expected, |replica| self.copy(read, replica))
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

    fn copy(&self, read: ReadKind, replica: &str) -> CopyRead {
        let reads = &self.input.facts.reads;
        let last = reads
            .iter()
            .rev()
            .find(|done| done.read == read && done.replica == replica);
        let Some(done) = last else {
            let why = format!("{replica} was not read back ({})", read.name());
            return CopyRead::unread(replica, why);
        };
        let mut copy = CopyRead {
            replica: replica.to_string(),
            asked: done.by_id.then(Bits::default),
            ..CopyRead::default()
        };
        let broken = self.take_rows(read, &mut copy).err();
        copy.unread = broken
            .map(|error| format!("the rows of {replica} cannot be read: {error}"))
            .or_else(|| self.why_no_outage(read))
            .or_else(|| self.why_incomplete(done, &copy));
        copy
    }

    fn take_rows(&self, read: ReadKind, copy: &mut CopyRead) -> io::Result<()> {
        let mut rows = RowReader::open(&self.input.root, read, &copy.replica)?;
        while let Some(row) = rows.next_row()? {
            self.take(copy, row);
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
        absent.filter(|_| copies_are_equal(self.plan)).map(|id| {
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

    fn take(&self, copy: &mut CopyRead, row: &Row) {
        copy.rows += 1;
        let slot = match self.input.whose(&row.id) {
            Whose::Slot(slot) => slot,
            Whose::Sentinel(_) => {
                if row.found {
                    copy.sentinels.insert(row.id.clone());
                }
                return;
            }
            Whose::Stranger => return self.take_stranger(copy, row),
            Whose::Foreign => return,
        };
        if slot >= self.input.orders.slots_end {
            // Slots behind damaged ones may have been sent; of an intact ledger we know that they were not.
            if self.input.orders.damaged == 0 {
                self.take_stranger(copy, row);
            }
            return;
        }
        if let Some(asked) = &mut copy.asked {
            asked.insert(slot);
        }
        if row.found {
            self.take_found(copy, slot, row);
        }
    }

    fn take_stranger(&self, copy: &mut CopyRead, row: &Row) {
        if !row.found {
            return;
        }
        copy.strangers += 1;
        if copy.named_strangers.len() < KEPT {
            copy.named_strangers.push(row.id.clone());
        }
    }

    /// What the state of a row says.
    fn take_state(&self, copy: &mut CopyRead, slot: u64, row: &Row) {
        let fields = match &self.plan.system.read_back {
            Some(ReadBack::List { fields, .. } | ReadBack::ById { fields, .. }) => fields,
            None => return,
        };
        let Some(state) = &row.state else {
            return;
        };
        if fields.filled_states.contains(state) {
            copy.filled.insert(slot);
        }
        if fields.open_states.contains(state) {
            copy.open.insert(slot);
        } else if !fields.open_states.is_empty() {
            copy.ended.insert(slot);
        }
    }

    fn take_found(&self, copy: &mut CopyRead, slot: u64, row: &Row) {
        if !copy.present.insert(slot) {
            copy.twice.insert(slot);
        }
        self.take_state(copy, slot, row);
        let entry = self.input.orders.get(slot);
        let is_ours = self.fates.acked.contains(slot) || self.fates.indeterminate.contains(slot);
        match entry {
            Some(entry) if is_ours => {
                let changes = self.fates.replaces.of(self.input, slot);
                if let Some(what) = difference(self.plan, &entry, &changes, row) {
                    copy.corrupt.insert(slot);
                    if copy.differences.len() < KEPT {
                        copy.differences.insert(slot, what);
                    }
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

/// Every copy must hold every order.
pub(crate) fn copies_are_equal(plan: &Plan) -> bool {
    match plan.system.data {
        DataLayout::Replicated => true,
        DataLayout::Sharded { .. } | DataLayout::Store { .. } | DataLayout::Memory => false,
    }
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
    let part = plan.system.parts.first().filter(|_| each)?;
    Some(
        (1..=part.replicas)
            .map(|n| format!("{}-{n}", part.name))
            .collect(),
    )
}
