//! Market data that was published: how much of it, how fast, and what became of it.

use std::collections::BTreeMap;

use shakedown_record::points::{PointsReport, PointsRow, ROW_NS};
use shakedown_record::run_record::{PointRates, PointsRecord};
use shakedown_record::{Phase, PhaseWindows, Window};

use crate::input::Input;

/// What was published, by the publisher's own account.
#[derive(Debug, Default)]
pub(crate) struct PointsMeasured {
    pub report: Option<PointsReport>,
    /// Of phases with a whole row at least.
    pub rates: BTreeMap<Phase, PointRates>,
}

/// Measures what was published.
pub(crate) fn measure(input: &Input, windows: &PhaseWindows) -> PointsMeasured {
    let rows = input.points.as_deref().unwrap_or_default();
    let phases = [
        Phase::WarmUp,
        Phase::Steady,
        Phase::Impact,
        Phase::Recovery,
        Phase::Run,
    ];
    let rate = |phase: Phase| Some((phase, rates(rows, &windows.windows(phase))?));
    PointsMeasured {
        report: input.facts.points.clone(),
        rates: phases.into_iter().filter_map(rate).collect(),
    }
}

/// Over the rows that lie wholly in a window.
fn rates(rows: &[PointsRow], windows: &[Window]) -> Option<PointRates> {
    let inside = |row: &&PointsRow| {
        let (from_ns, to_ns) = (row.from_ns as i64, (row.from_ns + ROW_NS) as i64);
        let holds = |window: &Window| window.from_ns <= from_ns && to_ns <= window.to_ns;
        windows.iter().any(holds)
    };
    let inside: Vec<&PointsRow> = rows.iter().filter(inside).collect();
    let seconds = inside.len() as f64 * ROW_NS as f64 / 1e9;
    let per_s =
        |of: fn(&PointsRow) -> u64| inside.iter().map(|row| of(row)).sum::<u64>() as f64 / seconds;
    (seconds > 0.0).then(|| PointRates {
        offered_per_s: per_s(|row| row.counts.offered),
        acknowledged_per_s: per_s(|row| row.counts.acknowledged),
    })
}

impl PointsMeasured {
    /// As it stands in `record.json`; absent without any.
    pub fn record(&self) -> Option<PointsRecord> {
        let report = self.report.as_ref()?;
        Some(PointsRecord {
            counts: report.counts,
            write_lag_p99_ns: report.write_lag_p99_ns,
            connected: report.connected,
            rates: self.rates.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use shakedown_record::points::PointCounts;

    use super::*;

    #[test]
    fn only_whole_rows_count() {
        let row = |number: u64| PointsRow {
            from_ns: number * ROW_NS,
            counts: PointCounts {
                offered: 10,
                acknowledged: number,
                ..PointCounts::default()
            },
        };
        let rows: Vec<PointsRow> = (0..10).map(row).collect();
        let half_ns = ROW_NS as i64 / 2;
        let window = |from: i64, to: i64| Window {
            from_ns: from * half_ns,
            to_ns: to * half_ns,
        };
        let found = rates(&rows, &[window(3, 7), window(10, 14)]).unwrap();
        // Rows 2, 5 and 6.
        assert!((found.offered_per_s - 100.0).abs() < 1e-9);
        assert!((found.acknowledged_per_s - 13.0 / 0.3).abs() < 1e-9);
        assert!(rates(&rows, &[window(1, 3)]).is_none());
    }
}
