//! How much of its CPU, memory or disk a replica used, as values at looks.

use shakedown_record::series::{
    CPU_IN_USE, CPU_LIMIT, CPU_USED, DISK_LIMIT, DISK_USED, MEMORY_LIMIT, MEMORY_USED,
};
use shakedown_scenarios::plan::Resource;

use super::store::{Looks, Point};

/// CPU time is counted in hundredths of a second: over a shorter time a share would be noise.
const SHORTEST_NS: i64 = 500_000_000;

/// Shares of 1, at the looks at which they are known. CPU time is known between two looks at the same process, and stands at
/// the later one.
pub(crate) fn shares(target: &Looks, of: Resource) -> Vec<Point> {
    match of {
        Resource::Cpu if only(target, CPU_IN_USE).is_empty() => cpu_shares(target),
        Resource::Cpu => divided(target, CPU_IN_USE, CPU_LIMIT),
        Resource::Memory => divided(target, MEMORY_USED, MEMORY_LIMIT),
        Resource::Disk => divided(target, DISK_USED, DISK_LIMIT),
    }
}

fn only<'a>(target: &'a Looks, name: &str) -> &'a [Point] {
    target.named(name).next().map_or(&[], |(_, points)| points)
}

fn value_at(points: &[Point], look: usize) -> Option<f64> {
    let found = points.binary_search_by_key(&look, |point| point.look);
    found.ok().map(|at| points[at].value)
}

fn divided(target: &Looks, used: &str, limit: &str) -> Vec<Point> {
    let limits = only(target, limit);
    let used = only(target, used).iter();
    used.filter_map(|point| {
        let limit = value_at(limits, point.look).filter(|limit| *limit > 0.0)?;
        Some(Point {
            look: point.look,
            value: point.value / limit,
        })
    })
    .collect()
}

fn cpu_shares(target: &Looks) -> Vec<Point> {
    let limits = only(target, CPU_LIMIT);
    let used = only(target, CPU_USED);
    let share = |(at, point): (usize, &Point)| {
        let after = &target.looks[point.look];
        let apart_ns = |earlier: &Point| after.asked_ns - target.looks[earlier.look].asked_ns;
        let mut earlier = used[..at].iter().rev();
        let earlier = earlier.find(|earlier| apart_ns(earlier) >= SHORTEST_NS)?;
        let same = target.looks[earlier.look].is_other(after) == Some(false);
        let (used_s, passed_s) = (point.value - earlier.value, apart_ns(earlier) as f64 / 1e9);
        let cpus = value_at(limits, point.look).filter(|cpus| *cpus > 0.0)?;
        (same && used_s >= 0.0).then(|| Point {
            look: point.look,
            value: used_s / passed_s / cpus,
        })
    };
    used.iter().enumerate().filter_map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::super::store::testing::target;
    use super::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn cpu_time_is_taken_between_looks_at_one_process() {
        let at = [
            (0, Some(1.0)),
            (S, Some(1.0)),
            (3 * S, Some(1.0)),
            (4 * S, Some(9.0)),
            (5 * S, Some(9.0)),
        ];
        let used = [(0, 10.0), (1, 11.0), (2, 11.5), (3, 0.2), (4, 1.2)];
        let limits = [(0, 2.0), (1, 2.0), (2, 0.5), (3, 2.0), (4, 2.0)];
        let looks = target(&at, CPU_USED, &used).with(CPU_LIMIT, &[], &limits);
        let shares: Vec<(usize, f64)> = shares(&looks, Resource::Cpu)
            .iter()
            .map(|point| (point.look, point.value))
            .collect();
        assert_eq!(shares, [(1, 0.5), (2, 0.5), (4, 0.5)]);
    }

    #[test]
    fn where_cpus_in_use_are_told_they_count() {
        let at = [(0, None), (S, None)];
        let looks = target(&at, CPU_IN_USE, &[(0, 0.5), (1, 1.0)]).with(
            CPU_LIMIT,
            &[],
            &[(0, 2.0), (1, 2.0)],
        );
        let shares = shares(&looks, Resource::Cpu);
        assert_eq!((shares[0].value, shares[1].value), (0.25, 0.5));
    }

    #[test]
    fn memory_is_a_share_of_its_limit_where_there_is_one() {
        let at = [(0, None), (S, None), (2 * S, None)];
        let looks = target(&at, MEMORY_USED, &[(0, 50.0), (1, 80.0), (2, 10.0)]).with(
            MEMORY_LIMIT,
            &[],
            &[(0, 100.0), (1, 100.0), (2, 0.0)],
        );
        let shares: Vec<f64> = shares(&looks, Resource::Memory)
            .iter()
            .map(|point| point.value)
            .collect();
        assert_eq!(shares, [0.5, 0.8]);
        assert!(super::shares(&looks, Resource::Disk).is_empty());
    }
}
