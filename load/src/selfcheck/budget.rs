//! The generator's budgets: how much of each shortage a run may have and still speak of time. `docs/self-check.md` has the
//! same numbers for people, and a test holds the two together.

/// P99 of the release lag, in nanoseconds. Half of the lag that voids a 100 ms slot.
pub const SEND_LAG_P99_NS: u64 = 10_000_000;

/// A distance between two releases is as intended when it is this near, in nanoseconds.
pub const GAP_TOLERANCE_NS: u64 = 2_000_000;

/// Share of the distances between releases that may be others than intended.
pub const DISPLACED: f64 = 0.05;

/// Share of CPU time that the hypervisor may take away.
pub const STEAL: f64 = 0.05;

/// Share of the run for which the cgroup may throttle us.
pub const THROTTLED: f64 = 0.01;

/// So long may a load thread that is ready wait for a core each time, in nanoseconds: waking up takes that long.
pub const WAKE_UP_NS: u64 = 100_000;

/// Share of the run that a load thread may wait for a core beyond that.
pub const QUEUED: f64 = 0.1;

/// A thread that only sleeps and is woken this late has been kept from running, in nanoseconds.
pub const STALL_NS: u64 = 50_000_000;

/// So many stalls may happen.
pub const STALLS: u64 = 5;

/// A load thread whose loop comes round this much later than it had to has stood still, in nanoseconds.
pub const GAP_OF_LOOP_NS: u64 = 25_000_000;

/// Share of the run that may be lost in stalls.
pub const STALLED: f64 = 0.02;

/// Pages that a load thread may have to wait for, in each second of the run: of its program, its stack, its ledger.
pub const MAJOR_FAULTS_PER_S: f64 = 20.0;

/// Share of its time that a closed-loop thread may be busy before its rate is its own limit.
pub const BUSY: f64 = 0.95;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_the_same_budgets() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/self-check.md");
        let text = std::fs::read_to_string(path).unwrap();
        let row = |sensor: &str| {
            let begins = format!("| {sensor} |");
            text.lines()
                .find(|line| line.starts_with(&begins))
                .unwrap_or_else(|| panic!("docs/self-check.md has no row '{sensor}'"))
        };
        let percent = |share: f64| format!("{:.0} % of", share * 100.0);
        let ms = |ns: u64| format!("{} ms", ns / 1_000_000);
        let said = [
            ("CPU quota", percent(THROTTLED)),
            ("steal", percent(STEAL)),
            ("memory", format!("| {MAJOR_FAULTS_PER_S} each second |")),
            ("run queue", percent(QUEUED)),
            ("run queue", format!("{} ms", WAKE_UP_NS as f64 / 1e6)),
            ("own stalls", percent(STALLED)),
            ("own stalls", ms(GAP_OF_LOOP_NS)),
            ("own stalls, at rest", ms(STALL_NS)),
            (
                "own stalls, at rest",
                format!("{STALLS} times, and {}", percent(STALLED)),
            ),
            ("send lag", format!("| {} at P99 |", ms(SEND_LAG_P99_NS))),
            ("inter-arrival error", percent(DISPLACED)),
            ("inter-arrival error", ms(GAP_TOLERANCE_NS)),
            ("busy", percent(BUSY)),
        ];
        for (sensor, budget) in said {
            let row = row(sensor);
            assert!(row.contains(&budget), "'{budget}' is not in {row}");
        }
    }
}
