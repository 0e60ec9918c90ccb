//! What the stand-ins of the systems do wrong, each against a figure of its system's documents (`docs/defects.md`).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Defect, Defects};

const HOLD_PROPOSAL: Duration = Duration::from_millis(5);
const FLAP_EVERY: Duration = Duration::from_secs(4);
const FLAP_FOR: Duration = Duration::from_millis(2_500);
const UNREADY_EVERY: Duration = Duration::from_secs(4);
const UNREADY_FOR: Duration = Duration::from_secs(2);
const OTHER_ON_NODE: u64 = 3;
const OTHER_EVERY: u64 = 50;
const HOLD_MATCH: Duration = Duration::from_micros(30);
const MISSHOWN_EVERY: u64 = 10;
const DROP_FROM_QUEUE_EVERY: u64 = 200;
const DROP_FROM_QUEUE_FROM: u64 = 20_000;

const TAKEN_BACK_EVERY: u64 = 5;
const LOOK_AT_MARKET_EVERY: Duration = Duration::from_secs(2);
const HOLD_INFERENCE: Duration = Duration::from_millis(5);
const DATABASE_EVERY: Duration = Duration::from_secs(8);
const DATABASE_LOST_FOR: Duration = Duration::from_secs(4);

/// The first order that came to this process when it was switched to; 0 while none has.
static SWITCHED_AT: AtomicU64 = AtomicU64::new(0);

impl Defects {
    /// Hook: commands are about to be proposed. How long to wait before, if at all.
    pub fn proposal_hold(&self) -> Option<Duration> {
        self.has(Defect::SlowTrading).then_some(HOLD_PROPOSAL)
    }

    /// Hook: a batch of log entries is about to be sent. True not to send it.
    pub fn loses_appends(&self) -> bool {
        // Not at once: the cluster is to be formed first.
        self.has(Defect::ConsensusFlaps) && is_late_in(FLAP_EVERY, FLAP_FOR)
    }

    /// Hook: an order is accepted. The quantity that it has asked for, as this replica sees it.
    pub fn heard_lots(&self, order_id: u64, lots: u64) -> u64 {
        let other = self.has(Defect::InconsistentData) && self.node == OTHER_ON_NODE;
        lots + u64::from(other && order_id.is_multiple_of(OTHER_EVERY))
    }

    /// Hook: a node says whether it is ready. True to deny it.
    pub fn denies_ready(&self) -> bool {
        self.has(Defect::Unready) && is_late_in(UNREADY_EVERY, UNREADY_FOR)
    }

    /// Hook: a client's order came to a node of the colour green. Its engine id will not be below `next`.
    pub fn switched(&self, next: u64) {
        if self.has(Defect::BlueGreenLoses) {
            let _known =
                SWITCHED_AT.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Hook: a node of the colour green lists an order. True to leave it out.
    pub fn loses_before_switch(&self, order_id: u64) -> bool {
        self.has(Defect::BlueGreenLoses) && order_id < SWITCHED_AT.load(Ordering::Relaxed)
    }

    /// Hook: an order is about to be matched in memory. How long to work for nothing, if at all.
    pub fn match_hold(&self) -> Option<Duration> {
        self.has(Defect::SlowMatch).then_some(HOLD_MATCH)
    }

    /// Hook: there are too many orders in a second. True to let them in.
    pub fn has_no_rate_limit(&self) -> bool {
        self.has(Defect::NoRateLimit)
    }

    /// Hook: the book is shown order by order. How many lots to add to this one.
    pub fn misshown_lots(&self, order_id: u64) -> u64 {
        let wrong = self.has(Defect::CorruptOrderbookDebug);
        u64::from(wrong && order_id.is_multiple_of(MISSHOWN_EVERY))
    }

    /// Hook: an account would have more at risk than it may, or has less than before. True to see neither.
    pub fn overruns_risk(&self) -> bool {
        self.has(Defect::RiskOverrun)
    }

    /// Hook: a worker takes the `number`th order from its queue. True to forget it.
    pub fn drops_from_queue(&self, number: u64) -> bool {
        // Not at once: a load with errors is never steady.
        self.has(Defect::QueueDrops)
            && number >= DROP_FROM_QUEUE_FROM
            && number.is_multiple_of(DROP_FROM_QUEUE_EVERY)
    }

    /// Hook: a market maker is about to quote. For how long what it saw of the market last is good enough.
    pub fn market_look_every(&self) -> Duration {
        match self.has(Defect::StaleQuotes) {
            true => LOOK_AT_MARKET_EVERY,
            false => Duration::ZERO,
        }
    }

    /// Hook: a market maker has sent its `number`th quote. True to take it back at once.
    pub fn takes_back(&self, number: u64) -> bool {
        self.has(Defect::LowFillRate) && number.is_multiple_of(TAKEN_BACK_EVERY)
    }

    /// Hook: a market maker knows which share of the baseline it wants as its spread. The share that it takes.
    pub fn spread_share(&self, share: f64) -> f64 {
        match self.has(Defect::WideSpread) {
            true => 1.0,
            false => share,
        }
    }

    /// Hook: an inference begins. How long it takes longer, if at all.
    pub fn inference_hold(&self) -> Option<Duration> {
        self.has(Defect::SlowInference).then_some(HOLD_INFERENCE)
    }

    /// Hook: there is a connection to the database. True to have none.
    pub fn loses_database(&self) -> bool {
        self.has(Defect::LosesDatabase) && is_late_in(DATABASE_EVERY, DATABASE_LOST_FOR)
    }
}

/// Whether this process is in the last part, of this length, of a period; periods count from the first time that anybody asks.
fn is_late_in(every: Duration, last: Duration) -> bool {
    static SINCE: OnceLock<Instant> = OnceLock::new();
    let age = SINCE.get_or_init(Instant::now).elapsed();
    is_in_last(age, every, last)
}

fn is_in_last(age: Duration, every: Duration, last: Duration) -> bool {
    let into = age.as_nanos() % every.as_nanos();
    into >= (every - last).as_nanos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_switch_nothing_is_different() {
        let none = Defects::default().on_node(OTHER_ON_NODE);
        assert!(none.proposal_hold().is_none() && !none.loses_appends());
        assert_eq!(none.heard_lots(OTHER_EVERY, 7), 7);
        assert!(!none.denies_ready());
        none.switched(9);
        assert!(!none.loses_before_switch(1));
        assert!(none.match_hold().is_none() && !none.has_no_rate_limit());
        assert_eq!(none.misshown_lots(MISSHOWN_EVERY), 0);
        assert!(!none.overruns_risk() && !none.drops_from_queue(DROP_FROM_QUEUE_FROM));
        assert!(none.market_look_every().is_zero() && !none.takes_back(TAKEN_BACK_EVERY));
        assert_eq!(none.spread_share(0.7), 0.7);
        assert!(none.inference_hold().is_none() && !none.loses_database());
    }

    #[test]
    fn only_the_third_node_hears_another_quantity() {
        let defects = Defects::new([Defect::InconsistentData]);
        let heard = [1, 2, 3].map(|node| defects.clone().on_node(node).heard_lots(50, 7));
        assert_eq!(heard, [7, 7, 8]);
        assert_eq!(defects.on_node(3).heard_lots(51, 7), 7);
    }

    #[test]
    fn what_comes_and_goes_begins_well() {
        let (every, last) = (Duration::from_secs(4), Duration::from_secs(1));
        let at = |millis| is_in_last(Duration::from_millis(millis), every, last);
        let seen = [0, 2_999, 3_000, 3_999, 4_000, 7_500].map(at);
        assert_eq!(seen, [false, false, true, true, false, true]);
    }

    #[test]
    fn what_came_before_the_switch_is_lost_and_nothing_else() {
        let defects = Defects::new([Defect::BlueGreenLoses]);
        assert!(!defects.loses_before_switch(4));
        defects.switched(5);
        defects.switched(9);
        assert!(defects.loses_before_switch(4) && !defects.loses_before_switch(5));
    }
}
