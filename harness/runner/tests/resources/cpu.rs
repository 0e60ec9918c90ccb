use std::time::{Duration, Instant};

use shakedown_runner::mechanisms::cgroup::{Controller, CpuLimit, NoEffect, Version};
use shakedown_runner::mechanisms::stress::cpu_time_us;

use super::doubles::{Case, LONG, Target};

/// Share of one CPU, in thousandths.
fn share(target: &Target, over: Duration) -> u64 {
    let (start, before) = (Instant::now(), cpu_time_us(target.handle.pid()).unwrap());
    std::thread::sleep(over);
    let used_us = cpu_time_us(target.handle.pid()).unwrap() - before;
    used_us * 1000 / start.elapsed().as_micros() as u64
}

#[test]
fn a_busy_process_is_held_to_its_limit() {
    let target = Target::busy();
    let case = Case::new(&target, Version::V1, Controller::Cpu, "cpu");
    let limit = CpuLimit::of(case.placement.enter().unwrap());
    let before = limit.counters().unwrap();
    limit.apply(100).unwrap();
    let throttled = limit.confirm(before, LONG).unwrap();
    assert!(throttled.throttled_us > 0);
    let limited = share(&target, Duration::from_secs(1));
    assert!((20..=180).contains(&limited), "{limited}/1000 of a CPU");
    case.finish();
    let free = share(&target, Duration::from_secs(1));
    assert!(
        free > limited,
        "{free}/1000 of a CPU, and {limited} while limited"
    );
}

#[test]
fn a_limit_that_nobody_runs_into_is_not_proven() {
    let target = Target::sleeper();
    let case = Case::new(&target, Version::V1, Controller::Cpu, "cpu-idle");
    let limit = CpuLimit::of(case.placement.enter().unwrap());
    let before = limit.counters().unwrap();
    limit.apply(100).unwrap();
    let error = limit
        .confirm(before, Duration::from_millis(500))
        .unwrap_err();
    assert!(matches!(error, NoEffect::NeverThrottled { .. }), "{error}");
    case.finish();
}
