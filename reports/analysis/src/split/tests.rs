//! Splits of made-up events, and what must not count.

use super::*;
use PlatformStep::*;

const S: u64 = 1_000_000_000;
/// When the fault strikes.
const T0: u64 = 100 * S;

fn target(role: Option<&str>) -> Vec<FaultTarget> {
    vec![FaultTarget {
        name: "engine-0".into(),
        role: role.map(str::to_string),
        handle: "pod drill/engine-0 (uid 1234abcd) on node-1".into(),
    }]
}

/// A change at a tenth of a second after the injection.
fn change(tenths: i64, subject: &str, step: PlatformStep, detail: &str) -> PlatformChange {
    PlatformChange {
        at_mono_ns: (T0 as i64 + tenths * (S / 10) as i64) as u64,
        subject: subject.into(),
        replica: subject.strip_prefix("pod ").map(str::to_string),
        step,
        detail: (!detail.is_empty()).then(|| detail.to_string()),
        own_time: None,
    }
}

fn pod(tenths: i64, step: PlatformStep) -> PlatformChange {
    change(tenths, "pod engine-0", step, "")
}

fn seen(tenths: i64, replica: &str, role: &str, term: u64) -> RoleSeen {
    RoleSeen {
        mono_ns: change(tenths, "", Blind, "").at_mono_ns,
        replica: replica.into(),
        role: (!role.is_empty()).then(|| role.to_string()),
        term: Some(term),
    }
}

fn split(platform: &[PlatformChange], roles: &[RoleSeen]) -> Option<FailoverSplit> {
    let targets = target(Some("leader"));
    told(&targets, platform, roles).split()
}

fn told<'a>(
    targets: &'a [FaultTarget],
    platform: &'a [PlatformChange],
    roles: &'a [RoleSeen],
) -> Told<'a> {
    Told {
        targets,
        platform,
        roles,
        injected_ns: T0,
        until_ns: Some(T0 + 20 * S),
    }
}

fn share(platform: &[PlatformChange]) -> PlatformShare {
    split(platform, &[]).unwrap().platform
}

fn elected(roles: &[RoleSeen]) -> Option<f64> {
    split(&[pod(-50, Ready)], roles).unwrap().engine.elected_s
}

#[test]
fn a_pod_that_is_deleted_is_put_on_a_node_anew() {
    let share = share(&[
        pod(-500, Scheduled),
        pod(-480, Ready),
        pod(2, Terminating),
        pod(12, NotReady),
        pod(15, Deleted),
        pod(16, Created),
        change(20, "pod engine-0", Scheduled, "on node-2"),
        pod(25, ContainerStarted),
        pod(31, Ready),
    ]);
    let expected = PlatformShare {
        detected_s: Some(0.2),
        not_ready_s: Some(1.2),
        rescheduled_s: Some(2.0),
        rescheduled_how: Some("scheduled on node-2".into()),
        ready_s: Some(3.1),
        blind: false,
    };
    assert_eq!(share, expected);
}

#[test]
fn a_container_that_is_started_again_in_place_says_so() {
    let share = share(&[
        pod(3, ContainerEnded),
        pod(3, NotReady),
        pod(9, ContainerStarted),
        pod(14, Ready),
    ]);
    let how = share.rescheduled_how.as_deref();
    assert_eq!(how, Some("container started again in place"));
    let times = (share.detected_s, share.rescheduled_s, share.ready_s);
    assert_eq!(times, (Some(0.3), Some(0.9), Some(1.4)));
}

#[test]
fn a_pod_that_stays_is_ready_again_and_was_not_rescheduled() {
    let share = share(&[pod(-1, Ready), pod(4, NotReady), pod(70, Ready)]);
    let times = (share.not_ready_s, share.rescheduled_s, share.ready_s);
    assert_eq!(times, (Some(0.4), None, Some(7.0)));
    assert_eq!(share.rescheduled_how, None);
}

#[test]
fn the_node_of_a_target_counts_and_another_node_does_not() {
    let own = change(41, "node node-1", NodeNotReady, "NodeStatusUnknown");
    let other = change(8, "node node-11", NodeNotReady, "NodeStatusUnknown");
    let share = share(&[other, own]);
    assert_eq!(
        (share.detected_s, share.not_ready_s),
        (Some(4.1), Some(4.1))
    );
    // Where the handle does not say it: as the pod was put there before the fault.
    let mut targets = target(None);
    targets[0].handle = "by command".into();
    let platform = [
        change(-90, "pod engine-0", Scheduled, "on node-3"),
        change(5, "node node-1", NodeNotReady, ""),
        change(6, "node node-3", NodeNotReady, ""),
    ];
    let split = told(&targets, &platform, &[]).split().unwrap();
    assert_eq!(split.platform.detected_s, Some(0.6));
}

#[test]
fn without_a_platform_that_tells_of_the_targets_there_is_no_split() {
    let roles = [seen(-10, "engine-0", "leader", 1)];
    assert_eq!(split(&[], &roles), None);
    let mut targets = target(None);
    targets[0].handle = "service drill/engine".into();
    let stranger = [change(5, "pod engine-1", NotReady, "")];
    assert_eq!(told(&targets, &stranger, &roles).split(), None);
}

#[test]
fn what_was_before_or_after_the_next_injection_or_of_another_pod_does_not_count() {
    let share = share(&[
        pod(-3, ContainerEnded),
        pod(-2, NotReady),
        pod(0, Scheduled),
        pod(0, Ready),
        change(5, "pod engine-1", NotReady, ""),
        change(6, "pod engine-1", Scheduled, "on node-2"),
        change(7, "pod engine-1", Ready, ""),
        change(8, "node node-1", Cordoned, ""),
        pod(200, NotReady),
        pod(201, Scheduled),
        pod(202, Ready),
    ]);
    assert_eq!(share, PlatformShare::default());
}

#[test]
fn a_platform_that_was_not_heard_is_said() {
    assert!(share(&[pod(-9, Blind), pod(3, Sees)]).blind);
    assert!(share(&[pod(3, Blind), pod(9, Sees)]).blind);
    assert!(!share(&[pod(-9, Blind), pod(-3, Sees), pod(200, Blind)]).blind);
}

#[test]
fn another_replica_with_the_role_is_the_elected_one() {
    let before = [
        seen(-20, "engine-0", "leader", 1),
        seen(-20, "engine-1", "follower", 1),
    ];
    let with = |after: &[RoleSeen]| elected(&[&before[..], after].concat());
    let candidate = seen(6, "engine-1", "candidate", 2);
    let leader = seen(9, "engine-1", "leader", 2);
    assert_eq!(with(&[candidate.clone(), leader]), Some(0.9));
    assert_eq!(with(&[candidate]), None);
    assert_eq!(with(&[seen(-5, "engine-1", "follower", 1)]), None);
    assert_eq!(with(&[seen(200, "engine-1", "leader", 2)]), None);
}

#[test]
fn the_same_replica_counts_after_it_lost_the_role_or_in_a_later_term() {
    let before = seen(-20, "engine-0", "leader", 1);
    let same = |after: &[RoleSeen]| elected(&[std::slice::from_ref(&before), after].concat());
    let gone = seen(2, "engine-0", "", 1);
    assert_eq!(same(&[gone, seen(8, "engine-0", "leader", 1)]), Some(0.8));
    assert_eq!(same(&[seen(8, "engine-0", "leader", 2)]), Some(0.8));
    assert_eq!(same(&[seen(8, "engine-0", "leader", 1)]), None);
}

#[test]
fn nobody_is_elected_to_a_role_that_others_had_as_well() {
    let targets = target(Some("follower"));
    let platform = [pod(-50, Ready)];
    let roles = [
        seen(-20, "engine-0", "follower", 1),
        seen(-20, "engine-1", "follower", 1),
        seen(3, "engine-0", "", 1),
        seen(30, "engine-0", "follower", 1),
    ];
    let split = told(&targets, &platform, &roles).split().unwrap();
    assert_eq!(split.engine.elected_s, None);
}
