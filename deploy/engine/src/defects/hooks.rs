//! Where the state of the exchange goes wrong, and what of it is told.
//!
//! Which orders are struck is a matter of their numbers, so that it needs no luck, and every replica strikes the same.

use std::time::Duration;

use super::{Defect, Defects};

/// Orders that trade are few: one in 50 or so.
const MATCH_WRONG_EVERY: u64 = 4;
const LEAVE_CROSSED_FROM: u64 = 500;
const IGNORE_EVERY: u64 = 5;

/// The last orders of a run are those by which it is seen that a replica was read to the end: they are not struck.
const DROP_LATER: u64 = 50;
const DROP_EVERY: u64 = 100;
const MISS_EVERY: u64 = 50;
const MISSED_ON_NODE: u64 = 3;
const NOT_RESTORED: u64 = 20;
const NOT_COPIED_EVERY: u64 = 100;
const MISSTATED_EVERY: u64 = 20;
const DRIFT_EVERY_TICKS: u64 = 20;
const SNAPSHOT_EVERY: u64 = 200;
const GHOST_AFTER_ORDERS: u64 = 500;
const AFTER_PROMOTION: u64 = 20;
const LATE_EVERY: u64 = 20;
const LATE_BY: Duration = Duration::from_millis(300);

impl Defects {
    /// Hook: this order may trade. True to take the youngest of each price first.
    pub fn takes_youngest_first(&self, order_id: u64) -> bool {
        self.has(Defect::PriorityInversion) && order_id.is_multiple_of(MATCH_WRONG_EVERY)
    }

    /// Hook: this order may trade. True to let it rest unmatched.
    pub fn leaves_unmatched(&self, order_id: u64) -> bool {
        self.has(Defect::CrossedBook) && order_id >= LEAVE_CROSSED_FROM
    }

    /// Hook: this order has traded. True to book its trades once more.
    pub fn books_trades_again(&self, order_id: u64) -> bool {
        self.has(Defect::DuplicateFill) && order_id.is_multiple_of(MATCH_WRONG_EVERY)
    }

    /// Hook: a trade is booked. True to leave the resting order out.
    pub fn leaves_maker_out(&self, trade_id: u64) -> bool {
        self.has(Defect::OneSidedFill) && trade_id.is_multiple_of(MATCH_WRONG_EVERY)
    }

    /// Hook: an open order is to be cancelled for the first time. True to acknowledge it and do nothing.
    pub fn ignores_cancel(&self, order_id: u64) -> bool {
        self.has(Defect::IgnoresCancel) && order_id.is_multiple_of(IGNORE_EVERY)
    }

    /// Hook: an open order is to be replaced. True to acknowledge it and do nothing.
    pub fn ignores_replace(&self, order_id: u64) -> bool {
        self.has(Defect::IgnoresReplace) && order_id.is_multiple_of(IGNORE_EVERY)
    }

    /// Hook: a new order has been accepted. Which earlier one to forget, if any.
    pub fn drops_order(&self, order_id: u64) -> Option<u64> {
        let drops = self.has(Defect::DropsOrders) && order_id.is_multiple_of(DROP_EVERY);
        drops.then(|| order_id - DROP_LATER)
    }

    /// Hook: an order is listed, and the next one will be `next`. True to leave it out.
    pub fn misses_order(&self, order_id: u64, next: u64) -> bool {
        self.has(Defect::LostReplicaOrder)
            && self.node == MISSED_ON_NODE
            && order_id.is_multiple_of(MISS_EVERY)
            && order_id + MISS_EVERY < next
    }

    /// Hook: an order was accepted, and the drop copy is to tell of it. True to leave that out.
    pub fn leaves_copy_out(&self, order_id: u64) -> bool {
        self.has(Defect::DropCopyGap) && order_id.is_multiple_of(NOT_COPIED_EVERY)
    }

    /// Hook: there was a new leader, and the feed is to tell of an order that rests. True to tell of too much.
    pub fn misstates(&self, order_id: u64) -> bool {
        self.has(Defect::FeedQuantity) && order_id.is_multiple_of(MISSTATED_EVERY)
    }

    /// Hook: what rests at a price is summed. How many lots to add.
    pub fn drift(&self, price_ticks: u64) -> u64 {
        u64::from(self.has(Defect::DepthDrift) && price_ticks.is_multiple_of(DRIFT_EVERY_TICKS))
    }

    /// Hook: a node has lost all its connections. True to leave their orders open.
    pub fn forgets_lost_node(&self) -> bool {
        self.has(Defect::ForgetsLostNode)
    }

    /// Hook: a node has lost all its connections. True to cancel what is bound to those of others too.
    pub fn ends_bystanders(&self) -> bool {
        self.has(Defect::EndsBystanders)
    }

    /// Hook: there is a new leader. True to forget the limits of all sessions.
    pub fn resets_limits(&self) -> bool {
        self.has(Defect::ResetsLimits)
    }

    /// Hook: there is a new leader. True to forget every kill switch that was pulled.
    pub fn forgets_kill_switch(&self) -> bool {
        self.has(Defect::ForgetsKillSwitch)
    }

    /// Hook: there is a new leader. True to have no stop order waiting any more.
    pub fn forgets_stops(&self) -> bool {
        self.has(Defect::ForgetsStops)
    }

    /// Hook: there is a new leader. True to let no order end at its time any more.
    pub fn forgets_timers(&self) -> bool {
        self.has(Defect::ForgetsTimers)
    }

    /// Hook: a replica is restored from a snapshot. How many of its last orders to leave out.
    pub fn not_restored(&self) -> u64 {
        match self.has(Defect::PartialSnapshot) {
            true => NOT_RESTORED,
            false => 0,
        }
    }

    /// Hook: the number of entries between two snapshots.
    pub fn snapshot_every(&self, entries: u64) -> u64 {
        match self.has(Defect::PartialSnapshot) {
            true => entries.min(SNAPSHOT_EVERY),
            false => entries,
        }
    }

    /// Hook: a limit has refused an order. After how many more orders to enter it all the same.
    pub fn enter_rejected_after(&self) -> Option<u64> {
        self.has(Defect::LateGhost).then_some(GHOST_AFTER_ORDERS)
    }

    /// Hook: there is a new leader. How many cancelled orders to open again.
    pub fn reopened_on_promotion(&self) -> u64 {
        match self.has(Defect::ResurrectCancelled) {
            true => AFTER_PROMOTION,
            false => 0,
        }
    }

    /// Hook: there is a new leader. How many sequence numbers to give again.
    pub fn sequences_again_on_promotion(&self) -> u64 {
        match self.has(Defect::SequenceReuse) {
            true => AFTER_PROMOTION,
            false => 0,
        }
    }

    /// Hook: a new order with this number has been accepted. How long to hold the answer back, if at all.
    pub fn answer_hold(&self, order_id: u64) -> Option<Duration> {
        let is_late = self.has(Defect::SlowTail) && order_id.is_multiple_of(LATE_EVERY);
        is_late.then_some(LATE_BY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_switch_nothing_is_different() {
        let none = Defects::default().on_node(MISSED_ON_NODE);
        let number = 500;
        assert!(!none.takes_youngest_first(number) && !none.leaves_unmatched(number));
        assert!(!none.books_trades_again(number) && !none.leaves_maker_out(number));
        assert!(!none.leaves_copy_out(number) && !none.misstates(number));
        assert_eq!(none.drift(number), 0);
        assert!(!none.ignores_cancel(number) && !none.ignores_replace(number));
        assert!(none.drops_order(number).is_none() && !none.misses_order(number, 1000));
        assert_eq!(
            (none.not_restored(), none.snapshot_every(20_000)),
            (0, 20_000)
        );
        assert!(!none.forgets_lost_node() && !none.ends_bystanders() && !none.resets_limits());
        assert!(!none.forgets_kill_switch());
        assert!(!none.forgets_stops() && !none.forgets_timers());
        assert_eq!(none.reopened_on_promotion(), 0);
        assert_eq!(none.sequences_again_on_promotion(), 0);
        assert!(none.enter_rejected_after().is_none() && none.answer_hold(number).is_none());
    }

    #[test]
    fn only_the_third_node_misses_orders() {
        let defects = Defects::new([Defect::LostReplicaOrder]);
        let missed = |node| {
            let defects = defects.clone().on_node(node);
            (1..=200)
                .filter(|order| defects.misses_order(*order, 201))
                .count()
        };
        assert_eq!([0, 1, 2, 3].map(missed), [0, 0, 0, 3]);
    }

    #[test]
    fn every_twentieth_answer_is_late_and_snapshots_are_taken_soon() {
        let defects = Defects::new([Defect::SlowTail, Defect::PartialSnapshot]);
        let late = (1..=100).filter(|order| defects.answer_hold(*order).is_some());
        assert_eq!(late.count(), 5);
        assert_eq!(
            (defects.snapshot_every(20_000), defects.snapshot_every(60)),
            (200, 60)
        );
    }
}
