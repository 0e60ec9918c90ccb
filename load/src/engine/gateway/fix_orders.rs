//! Orders as FIX messages: which tags a new order, a cancel and a replace have.

use std::collections::VecDeque;

use shakedown_record::ledger::{OrderKind, Side};

use super::said::Letter;
use super::texts::OrderTexts;
use crate::fix::{Pen, UtcTime, tags};

/// Orders whose last name is remembered, for each session; more than live at a time.
const REMEMBERED: usize = 256;

/// What orders are called by now: after a replace, a FIX engine knows an order by the ClOrdID of that replace.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The slot of an order and of its last replace, newest last.
    renamed: VecDeque<(u64, u64)>,
}

impl Names {
    /// An order was replaced by the message of this slot.
    pub fn renamed(&mut self, order: u64, slot: u64) {
        self.renamed.retain(|(known, _)| *known != order);
        if self.renamed.len() == REMEMBERED {
            self.renamed.pop_front();
        }
        self.renamed.push_back((order, slot));
    }

    /// The slot whose ClOrdID an order has now.
    fn of(&self, order: u64) -> u64 {
        let found = self.renamed.iter().rev().find(|(known, _)| *known == order);
        found.map_or(order, |(_, slot)| *slot)
    }
}

/// The type of the message that asks this.
pub(super) fn kind_of(kind: OrderKind) -> &'static [u8] {
    match kind {
        OrderKind::New | OrderKind::Oversized | OrderKind::Request => b"D",
        OrderKind::Cancel => b"F",
        OrderKind::Replace => b"G",
    }
}

/// The fields of a letter, after the header.
pub(super) fn fill(
    letter: &Letter<'_>,
    names: &Names,
    texts: &mut OrderTexts,
    now: &UtcTime,
    pen: &mut Pen,
) {
    pen.text(tags::CL_ORD_ID, texts.id_of_slot(letter.slot));
    if let Some(target) = &letter.job.target {
        pen.text(
            tags::ORIG_CL_ORD_ID,
            texts.id_of_slot(names.of(target.slot)),
        );
        pen.text(tags::CL_ORD_LINK_ID, texts.id_of_slot(target.slot));
        if let Some(id) = &target.server_id {
            pen.text(tags::ORDER_ID, id);
        }
    }
    let order = texts.of(letter);
    if let Some(account) = order.account {
        pen.text(tags::ACCOUNT, account);
    }
    if letter.job.kind != OrderKind::Cancel {
        pen.number(tags::HANDL_INST, 1);
    }
    pen.text(tags::SYMBOL, order.symbol.unwrap_or_default());
    pen.number(
        tags::SIDE,
        match letter.job.side {
            Side::Buy => 1,
            Side::Sell => 2,
        },
    );
    pen.time(tags::TRANSACT_TIME, now);
    pen.text(tags::ORDER_QTY, order.quantity.unwrap_or_default());
    if letter.job.kind != OrderKind::Cancel {
        pen.number(tags::ORD_TYPE, 2);
        pen.text(tags::PRICE, order.price.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_the_name_of_its_last_replace() {
        let mut names = Names::default();
        names.renamed(1, 7);
        names.renamed(2, 8);
        names.renamed(1, 9);
        assert_eq!([1, 2, 3].map(|order| names.of(order)), [9, 8, 3]);
        for order in 10..1_000 {
            names.renamed(order, order);
        }
        assert_eq!(names.renamed.len(), REMEMBERED);
    }
}
