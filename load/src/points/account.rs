//! What becomes of every point. Pure.

use std::collections::VecDeque;

use shakedown_record::histogram::LatencyHistogram;
use shakedown_record::points::{PointCounts, PointsRow, ROW_NS};

use super::way::Heard;

/// A batch that nothing was said of yet.
#[derive(Debug, Clone, Copy)]
struct Batch {
    points: u64,
    /// Where it begins and ends in what is written on this connection, in bytes.
    begins: u64,
    ends: u64,
    first_at_ns: u64,
}

/// What becomes of every point.
#[derive(Debug)]
pub(super) struct Account {
    /// In the order in which they were made; the first has number `gone + 1`.
    open: VecDeque<Batch>,
    /// Batches of this connection that something was said of.
    gone: u64,
    /// How many of `open` are wholly written.
    written: usize,
    total: PointCounts,
    row: PointsRow,
    lag: LatencyHistogram,
}

impl Account {
    /// With room for so many open batches.
    pub(super) fn new(most_open: usize) -> Account {
        Account {
            open: VecDeque::with_capacity(most_open + 1),
            gone: 0,
            written: 0,
            total: PointCounts::default(),
            row: PointsRow {
                from_ns: 0,
                counts: PointCounts::default(),
            },
            lag: LatencyHistogram::default(),
        }
    }

    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// So many points were due, and are left out.
    pub(super) fn left_out(&mut self, points: u64) {
        self.row.counts.offered += points;
        self.row.counts.unsent += points;
    }

    /// A batch was made whose bytes lie there on the connection.
    pub(super) fn made(&mut self, points: u64, bytes: (u64, u64), first_at_ns: u64) {
        self.row.counts.offered += points;
        let (begins, ends) = bytes;
        self.open.push_back(Batch {
            points,
            begins,
            ends,
            first_at_ns,
        });
    }

    /// So many bytes of the connection are with the kernel now.
    pub(super) fn wrote(&mut self, bytes: u64, now_ns: u64) {
        while let Some(batch) = self.open.get(self.written)
            && batch.ends <= bytes
        {
            self.row.counts.written += batch.points;
            self.lag.record(now_ns.saturating_sub(batch.first_at_ns));
            self.written += 1;
        }
    }

    /// The engine said something.
    pub(super) fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::AcknowledgedUpTo(number) => {
                while self.gone < number
                    && let Some(batch) = self.end_first()
                {
                    self.row.counts.acknowledged += batch.points;
                }
            }
            Heard::Refused(_) => {
                if let Some(batch) = self.end_first() {
                    self.row.counts.refused += batch.points;
                }
            }
        }
    }

    fn end_first(&mut self) -> Option<Batch> {
        let batch = self.open.pop_front()?;
        self.gone += 1;
        self.written = self.written.saturating_sub(1);
        Some(batch)
    }

    /// The connection is over; so many of its bytes had been written.
    pub(super) fn cut(&mut self, bytes: u64) {
        for batch in self.open.drain(..) {
            // Half a batch may be in one frame with a whole one: what was begun may have been taken in.
            match batch.begins >= bytes {
                true => self.row.counts.unsent += batch.points,
                false => self.row.counts.unacknowledged += batch.points,
            }
        }
        self.gone = 0;
        self.written = 0;
    }

    /// The row that is over by now, if one is; call until there is none.
    pub(super) fn row(&mut self, now_ns: u64) -> Option<PointsRow> {
        if now_ns < self.row.from_ns + ROW_NS {
            return None;
        }
        Some(self.take_row())
    }

    /// The last row, and the sum of all.
    pub(super) fn end(mut self) -> (PointsRow, PointCounts, Option<u64>) {
        let row = self.take_row();
        (row, self.total, self.lag.quantile_ns(0.99))
    }

    fn take_row(&mut self) -> PointsRow {
        let row = self.row;
        self.total.add(&row.counts);
        self.row = PointsRow {
            from_ns: row.from_ns + ROW_NS,
            counts: PointCounts::default(),
        };
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(account: Account) -> PointCounts {
        account.end().1
    }

    #[test]
    fn every_point_ends_in_one_way() {
        let mut account = Account::new(8);
        account.left_out(3);
        account.made(10, (0, 100), 5);
        account.made(20, (100, 200), 6);
        account.made(30, (200, 300), 7);
        account.made(40, (300, 400), 8);
        account.made(50, (400, 500), 9);
        account.wrote(250, 1_005);
        account.heard(Heard::AcknowledgedUpTo(1));
        account.heard(Heard::Refused(503));
        account.wrote(350, 2_000);
        account.cut(350);
        assert_eq!(account.open(), 0);
        let total = total(account);
        let expected = PointCounts {
            offered: 153,
            written: 60,
            acknowledged: 10,
            refused: 20,
            unsent: 53,
            unacknowledged: 70,
        };
        assert_eq!(total, expected);
        assert_eq!(total.ended(), total.offered);
    }

    #[test]
    fn receipts_count_anew_on_each_connection() {
        let mut account = Account::new(8);
        account.made(1, (0, 10), 0);
        account.heard(Heard::AcknowledgedUpTo(1));
        account.cut(10);
        account.made(2, (0, 10), 0);
        account.made(4, (10, 20), 0);
        account.heard(Heard::AcknowledgedUpTo(1));
        account.heard(Heard::AcknowledgedUpTo(1));
        assert_eq!(account.open(), 1);
        account.heard(Heard::AcknowledgedUpTo(2));
        assert_eq!(total(account).acknowledged, 7);
    }

    #[test]
    fn rows_follow_each_other_without_gaps() {
        let mut account = Account::new(8);
        account.left_out(1);
        assert_eq!(account.row(ROW_NS - 1), None);
        let first = account.row(2 * ROW_NS + 1).unwrap();
        assert_eq!((first.from_ns, first.counts.offered), (0, 1));
        let second = account.row(2 * ROW_NS + 1).unwrap();
        assert_eq!((second.from_ns, second.counts.offered), (ROW_NS, 0));
        assert_eq!(account.row(2 * ROW_NS + 1), None);
        assert_eq!(account.end().0.from_ns, 2 * ROW_NS);
    }
}
