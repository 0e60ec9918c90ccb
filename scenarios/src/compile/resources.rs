//! What a process has: CPU time, memory, a clock, a disk; held against what can be taken from it.

use crate::plan::FaultKind;
use crate::spec::scenario::{ClockSkewSpec, CpuSpec};

use super::human::time_text;
use super::sheet::{At, Sheet};

const LEAST_MILLI_CPUS: u32 = 10;
const MOST_WORKERS: std::ops::RangeInclusive<u32> = 1..=256;
const LEAST_BYTES: u64 = 1 << 20;
const LONGEST_SKEW_NS: i64 = 3_650 * 86_400_000_000_000;
const LONGEST_SYNC_NS: u64 = 60_000_000_000;

pub(super) fn cpu(at: &At, spec: &CpuSpec, sheet: &Sheet) -> Option<FaultKind> {
    match (spec.limit, spec.stress) {
        (Some(limit), None) => cpu_limit(&at.to("limit"), limit.fraction, sheet),
        (None, Some(workers)) if MOST_WORKERS.contains(&workers) => {
            Some(FaultKind::CpuStress { workers })
        }
        (None, Some(_)) => {
            sheet.refuse_with(
                &at.to("stress"),
                "so many busy processes are not offered",
                "from 1 to 256",
            );
            None
        }
        (Some(_), Some(_)) | (None, None) => {
            sheet.refuse_with(
                at,
                "either a limit or stress",
                "such as cpu: { limit: 10% } or cpu: { stress: 2 }",
            );
            None
        }
    }
}

fn cpu_limit(at: &At, of_one: f64, sheet: &Sheet) -> Option<FaultKind> {
    let milli_cpus = (of_one * 1000.0).round() as u32;
    if milli_cpus < LEAST_MILLI_CPUS {
        sheet.refuse_with(
            at,
            "the kernel limits no further than to 1 % of one CPU",
            "from 1% to 100%",
        );
        return None;
    }
    Some(FaultKind::Cpu { milli_cpus })
}

pub(super) fn memory(at: &At, bytes: u64, sheet: &Sheet) -> Option<FaultKind> {
    if bytes < LEAST_BYTES {
        sheet.refuse_with(
            at,
            "nothing runs with so little memory",
            "1MiB at least; `out-of-memory` ends a process",
        );
        return None;
    }
    Some(FaultKind::Memory { bytes })
}

pub(super) fn clock_skew(at: &At, spec: &ClockSkewSpec, sheet: &Sheet) -> Option<FaultKind> {
    let (by_ns, sign) = match (spec.ahead, spec.behind) {
        (Some(ahead), None) => (ahead.ns, 1),
        (None, Some(behind)) => (behind.ns, -1),
        (Some(_), Some(_)) | (None, None) => {
            sheet.refuse_with(
                at,
                "exactly one of `ahead` and `behind` must be given",
                "such as clock-skew: { ahead: 30s }",
            );
            return None;
        }
    };
    match i64::try_from(by_ns) {
        Ok(by_ns) if (1..=LONGEST_SKEW_NS).contains(&by_ns) => Some(FaultKind::ClockSkew {
            by_ns: sign * by_ns,
        }),
        Ok(_) | Err(_) => {
            sheet.refuse_with(
                at,
                "this is no sensible skew",
                "from 1ns to 3650d; 30s is usual",
            );
            None
        }
    }
}

pub(super) fn slow_disk(at: &At, sync_ns: u64, sheet: &Sheet) -> Option<FaultKind> {
    if !(1_000..=LONGEST_SYNC_NS).contains(&sync_ns) {
        sheet.refuse_with(
            at,
            format!("{} for each sync is not sensible", time_text(sync_ns)),
            format!("from 1us to {}", time_text(LONGEST_SYNC_NS)),
        );
        return None;
    }
    Some(FaultKind::SlowDisk { sync_ns })
}
