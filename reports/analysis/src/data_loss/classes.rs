//! From fates and copies to classes: plain set arithmetic over slots.

use std::collections::BTreeMap;

use shakedown_record::readback::ReadKind;
use shakedown_scenarios::checkable;
use shakedown_scenarios::plan::{DataClass, Identity, Plan};

use super::copy_read::CopyRead;
use super::fates::Fates;
use crate::bits::Bits;
use crate::input::Input;

/// The orders of one class, and how much is known of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Class {
    pub found: Bits,
    /// What is no order of any slot: rows that nobody sent, sentinels that are gone.
    pub strangers: u64,
    /// Why more may be undiscovered; `None`: every order of the class was found.
    pub incomplete: Option<String>,
    /// False: this profile cannot show the class at all.
    pub not_checkable: bool,
}

impl Class {
    /// Orders that were found to be of this class.
    pub fn proven(&self) -> u64 {
        self.found.len() + self.strangers
    }

    /// The figure of the record: null when nothing was found and not everything was looked at.
    pub fn value(&self) -> Option<u64> {
        (self.incomplete.is_none() || self.proven() > 0).then(|| self.proven())
    }

    fn merge(&mut self, other: Class) {
        self.found.union(&other.found);
        self.strangers = self.strangers.max(other.strangers);
        self.incomplete = self.incomplete.take().or(other.incomplete);
        self.not_checkable |= other.not_checkable;
    }
}

/// All classes by name.
pub(crate) type Classes = BTreeMap<DataClass, Class>;

/// Orders that were lost in an outage: there before it, and gone after it.
#[derive(Debug, Clone)]
pub(crate) struct Gone {
    pub read: ReadKind,
    pub orders: Bits,
    /// Sentinels among what is gone, which have no slot.
    pub sentinels: u64,
}

impl Gone {
    /// What a read after an outage shows to be lost that no read before it did.
    pub fn of(read: ReadKind, before: &Classes, now: &Classes) -> Option<Gone> {
        let lost = now
            .get(&DataClass::Lost)
            .filter(|_| read.is_after_outage())?;
        let earlier = before.get(&DataClass::Lost);
        let earlier = earlier.map(|lost| lost.found.clone()).unwrap_or_default();
        Some(Gone {
            read,
            orders: lost.found.without(&earlier),
            sentinels: lost.strangers,
        })
    }
}

/// Adds what a further read found.
pub(crate) fn merge(all: &mut Classes, more: Classes) {
    for (name, class) in more {
        match all.get_mut(&name) {
            Some(known) => known.merge(class),
            None => {
                all.insert(name, class);
            }
        }
    }
}

/// Every class as unknown, for one reason.
pub(crate) fn unknown(why: &str, not_checkable: bool) -> Classes {
    let class = Class {
        incomplete: Some(why.to_string()),
        not_checkable,
        ..Class::default()
    };
    DataClass::ALL
        .into_iter()
        .map(|name| (name, class.clone()))
        .collect()
}

/// One read of all copies, sorted into classes.
pub(crate) struct Sorter<'a> {
    pub input: &'a Input,
    pub plan: &'a Plan,
    pub fates: &'a Fates,
    pub read: ReadKind,
    pub copies: &'a [CopyRead],
    /// Some had ended before this read, by an earlier one.
    pub had_ended: bool,
    /// What no read is needed for.
    pub reordered: &'a Class,
}

impl Sorter<'_> {
    pub fn classes(&self) -> Classes {
        checkable(&self.plan.system)
            .into_iter()
            .map(|(name, provable)| (name, self.limited(name, provable.err())))
            .collect()
    }

    /// A class as far as the profile can show it: what is found is proof all the same, what is missing is not.
    fn limited(&self, name: DataClass, not_provable: Option<String>) -> Class {
        let class = self.class(name);
        let Some(why) = not_provable else {
            return class;
        };
        let (found, strangers) = match name {
            DataClass::Lost | DataClass::Unresolved | DataClass::Reordered => (Bits::default(), 0),
            DataClass::Divergent
            | DataClass::Phantom
            | DataClass::Resurrected
            | DataClass::Duplicate
            | DataClass::Corrupt
            | DataClass::Stale => (class.found, class.strangers),
        };
        Class {
            found,
            strangers,
            incomplete: Some(why),
            not_checkable: true,
        }
    }

    fn class(&self, name: DataClass) -> Class {
        match name {
            DataClass::Lost => self.lost(),
            DataClass::Divergent => self.divergent(),
            DataClass::Phantom => self.phantom(),
            DataClass::Duplicate => self.found_by_copies(|copy| &copy.twice),
            DataClass::Corrupt => self.found_by_copies(|copy| &copy.corrupt),
            DataClass::Resurrected => self.resurrected(),
            DataClass::Reordered => self.reordered.clone(),
            DataClass::Unresolved => self.unresolved(),
            // No read after the heal shows it.
            DataClass::Stale => Class::default(),
        }
    }

    /// Why absence cannot be believed everywhere.
    fn unread(&self) -> Option<String> {
        let why: Vec<&str> = self
            .copies
            .iter()
            .filter_map(|copy| copy.unread.as_deref())
            .collect();
        (!why.is_empty()).then(|| why.join("; "))
    }

    fn nothing_acknowledged(&self) -> Option<String> {
        self.fates
            .acked
            .is_empty()
            .then(|| "nothing was acknowledged, so nothing could be lost".to_string())
    }

    /// On any copy, complete or not: presence is proof.
    fn anywhere(&self) -> Bits {
        self.over(|copy| &copy.present)
    }

    fn over(&self, set: impl Fn(&CopyRead) -> &Bits) -> Bits {
        let mut all = Bits::default();
        self.copies.iter().for_each(|copy| all.union(set(copy)));
        all
    }

    /// Orders whose id we never learned cannot be looked for.
    fn without_id(&self, orders: &Bits) -> Bits {
        match self.plan.system.orders.identity {
            Identity::Client => Bits::default(),
            Identity::Server => {
                let known = self.input.server_ids.id_of.keys().copied().collect();
                orders.without(&known)
            }
        }
    }

    fn lost(&self) -> Class {
        let nameless = self.without_id(&self.fates.acked);
        let unread = self.unread().or_else(|| self.nothing_acknowledged());
        let found = match &unread {
            None => self
                .fates
                .acked
                .without(&self.anywhere())
                .without(&self.fates.excused)
                .without(&nameless),
            Some(_) => Bits::default(),
        };
        let sentinels_gone = match unread {
            None => self.sentinels_gone(),
            Some(_) => 0,
        };
        let incomplete = unread.or_else(|| {
            (!nameless.is_empty()).then(|| {
                format!(
                    "{} acknowledged orders have no id of the engine",
                    nameless.len()
                )
            })
        });
        Class {
            found,
            strangers: sentinels_gone,
            incomplete,
            ..Class::default()
        }
    }

    /// Sentinels are acknowledged orders too: after an outage, those of the reads before it must be there.
    fn sentinels_gone(&self) -> u64 {
        let reads = self.input.facts.sentinels.iter();
        let earlier = reads.filter(|(read, _)| self.read.is_after_outage() && **read < self.read);
        let acked =
            earlier.flat_map(|(_, sentinels)| sentinels.iter().filter(|(_, it)| it.is_ok()));
        let gone = |id: &String| self.copies.iter().all(|copy| !copy.sentinels.contains(id));
        acked.filter(|(id, _)| gone(id)).count() as u64
    }

    fn divergent(&self) -> Class {
        if !self.plan.system.copies_are_equal() {
            return Class::default();
        }
        let mut missing = Bits::default();
        for copy in self.copies.iter().filter(|copy| copy.is_complete()) {
            missing.union(&self.fates.acked.without(&copy.present));
            missing.union(&self.fates.rolled.without(&copy.present));
        }
        let missing = missing.without(&self.fates.excused);
        Class {
            found: missing.and(&self.anywhere()),
            incomplete: self.unread().or_else(|| self.nothing_acknowledged()),
            ..Class::default()
        }
    }

    /// Where orders are asked for one by one, those that the engine declined must have been asked for too; those
    /// that never left us cannot be there.
    fn phantom(&self) -> Class {
        let asked = || self.copies.iter().filter_map(|copy| copy.asked.as_ref());
        let left_out = asked()
            .map(|asked| self.fates.declined.without(asked).len())
            .max()
            .unwrap_or(0);
        let not_asked = || format!("{left_out} orders that the engine declined were not asked for");
        Class {
            found: self.over(|copy| &copy.phantom),
            strangers: self
                .copies
                .iter()
                .map(|copy| copy.strangers)
                .max()
                .unwrap_or(0),
            incomplete: self.unread().or_else(|| (left_out > 0).then(not_asked)),
            not_checkable: false,
        }
    }

    fn found_by_copies(&self, set: impl Fn(&CopyRead) -> &Bits) -> Class {
        Class {
            found: self.over(set),
            incomplete: self.unread(),
            ..Class::default()
        }
    }

    /// Only of a copy that has caught up: another one may not know of the cancel yet.
    fn resurrected(&self) -> Class {
        let mut found = Bits::default();
        let complete = self.copies.iter().filter(|copy| copy.is_complete());
        complete.for_each(|copy| found.union(&copy.revived));
        let none_ended = self.fates.cancelled.is_empty() && !self.had_ended;
        let nothing = || "no cancel was acknowledged, so nothing could come to life again";
        Class {
            found,
            incomplete: self
                .unread()
                .or_else(|| none_ended.then(|| nothing().to_string())),
            ..Class::default()
        }
    }

    fn unresolved(&self) -> Class {
        let unread = self.unread();
        let found = match (&unread, self.copies.iter().any(CopyRead::is_complete)) {
            (None, _) => self.without_id(&self.fates.indeterminate),
            (Some(_), true) => self.fates.indeterminate.without(&self.anywhere()),
            (Some(_), false) => Bits::default(),
        };
        Class {
            found,
            incomplete: unread,
            ..Class::default()
        }
    }
}
