//! Delay and bandwidth, held against what both mechanisms can do.

use crate::plan::FaultKind;
use crate::spec::scenario::DelaySpec;

use crate::compile::faults::chance;
use crate::compile::human::time_text;
use crate::compile::sheet::{At, Sheet};

const SHORTEST_DELAY_NS: u64 = 100_000;
const LONGEST_DELAY_NS: u64 = 30_000_000_000;
/// What netem and the userspace link both can: 8 kbit/s to 34 Gbit/s.
const RATES: std::ops::RangeInclusive<u64> = 1_000..=4_250_000_000;

pub(super) fn delay(at: &At, spec: &DelaySpec, sheet: &Sheet) -> Option<FaultKind> {
    let (by_ns, jitter_ns) = (spec.by.ns, spec.jitter.map_or(0, |jitter| jitter.ns));
    let sensible = (SHORTEST_DELAY_NS..=LONGEST_DELAY_NS).contains(&by_ns);
    if !sensible {
        sheet.refuse_with(
            &at.to("by"),
            format!("a delay of {} is not sensible", time_text(by_ns)),
            format!(
                "from {} to {}; `partition` lets nothing through",
                time_text(SHORTEST_DELAY_NS),
                time_text(LONGEST_DELAY_NS)
            ),
        );
    }
    let within = jitter_ns <= by_ns;
    if !within {
        sheet.refuse_with(
            &at.to("jitter"),
            format!(
                "a jitter of {} around {} would send what has not come yet",
                time_text(jitter_ns),
                time_text(by_ns)
            ),
            "at most the delay itself",
        );
    }
    let reorder = match spec.reorder {
        None => 0.0,
        Some(share) => {
            let whole = "100% is no delay at all";
            chance(&at.to("reorder"), share.fraction, whole, sheet)?
        }
    };
    (sensible && within).then_some(FaultKind::Delay {
        by_ns,
        jitter_ns,
        reorder,
    })
}

pub(super) fn bandwidth(at: &At, bytes_per_s: u64, sheet: &Sheet) -> Option<FaultKind> {
    if !RATES.contains(&bytes_per_s) {
        sheet.refuse_with(
            at,
            "this rate cannot be kept to",
            "from 1kB/s to 4250MB/s; `partition` lets nothing through",
        );
        return None;
    }
    Some(FaultKind::Bandwidth { bytes_per_s })
}
