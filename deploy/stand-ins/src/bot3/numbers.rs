//! What bot3 counts.

use super::frames::Status;
use super::strategy::Decision;
use crate::metrics::{Counter, Latencies, Page};
use crate::stores::Watch;

/// Counters of one replica; all of its threads share them, a batch at a time.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub decided: Latencies,
    buy: Counter,
    sell: Counter,
    hold: Counter,
    refused: Counter,
    malformed: Counter,
    pub accepted: Counter,
    pub rejected: Counter,
    pub unavailable: Counter,
    pub unknown: Counter,
    pub published: Counter,
    /// Orders of the strategy that found no place to wait.
    pub shed: Counter,
}

/// What a batch came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Batch {
    buy: u64,
    sell: u64,
    hold: u64,
    refused: u64,
    malformed: u64,
}

impl Batch {
    /// One more decision.
    pub(super) fn decided(&mut self, decision: Decision) -> Status {
        let (count, status) = match decision {
            Decision::Buy => (&mut self.buy, Status::Accepted),
            Decision::Sell => (&mut self.sell, Status::Accepted),
            Decision::Hold => (&mut self.hold, Status::Accepted),
            Decision::Refused(_) => (&mut self.refused, Status::Rejected),
        };
        *count += 1;
        status
    }

    /// One more message that is none.
    pub(super) fn malformed(&mut self) {
        self.malformed += 1;
    }

    /// Messages on which something was decided.
    pub(super) fn decisions(&self) -> u64 {
        self.buy + self.sell + self.hold + self.refused
    }
}

impl Numbers {
    /// A batch is done, and took so long from read to answered: no message of it took longer.
    pub(super) fn batch(&self, batch: Batch, took: std::time::Duration) {
        self.decided.observe(batch.decisions(), took);
        self.buy.add(batch.buy);
        self.sell.add(batch.sell);
        self.hold.add(batch.hold);
        self.refused.add(batch.refused);
        self.malformed.add(batch.malformed);
    }

    /// Adds everything to a page.
    pub(super) fn show(&self, page: &mut Page, watch: &Watch, waiting: usize) {
        let decisions = [
            ("buy", &self.buy),
            ("sell", &self.sell),
            ("hold", &self.hold),
            ("refused", &self.refused),
        ];
        let decisions = decisions.map(|(word, count)| (word, count.now()));
        let all = decisions.iter().map(|(_, count)| count).sum();
        page.counter("bot3_decisions_total", "Decisions.", all);
        page.counters(
            "bot3_decisions_by_kind_total",
            "Decisions by what was decided.",
            "decision",
            decisions,
        );
        page.latencies(
            "bot3_decision_latency_seconds",
            "From the read of a batch to its answers, for each decision of it.",
            &self.decided,
        );
        page.counter(
            "bot3_malformed_total",
            "Messages that make no sense.",
            self.malformed.now(),
        );
        let orders = [
            ("accepted", self.accepted.now()),
            ("rejected", self.rejected.now()),
            ("unavailable", self.unavailable.now()),
            ("unknown", self.unknown.now()),
            ("shed", self.shed.now()),
        ];
        page.counters("bot3_orders_total", "Orders by result.", "result", orders);
        let errors = self.unavailable.now() + self.unknown.now();
        page.counter(
            "bot3_errors_total",
            "Orders that a store kept from being answered.",
            errors,
        );
        page.counter(
            "bot3_orders_published_total",
            "Orders that the broker keeps.",
            self.published.now(),
        );
        page.gauge(
            "bot3_orders_waiting",
            "Orders that wait for their turn.",
            waiting,
        );
        let ups = watch
            .ups()
            .into_iter()
            .map(|(name, up)| (name, u8::from(up)));
        page.gauges("store_up", "1 if the store answers.", "store", ups);
    }
}
