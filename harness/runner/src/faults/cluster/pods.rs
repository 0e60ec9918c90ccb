//! Pods that go: what was seen, and what it means. Pure.

use crate::environment::HttpAnswer;
use crate::mechanisms::kubernetes::WatchState;
use crate::mechanisms::kubernetes::act::Drainable;
use crate::mechanisms::kubernetes::look::{BudgetLook, PodLook};

/// What has become of a pod, by its UID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    There,
    Terminating,
    Gone,
}

/// Who is at the address that it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AtAddress {
    /// It never had one.
    None,
    /// Another pod has it now; its name.
    Another(String),
    Heard(HttpAnswer),
}

pub(super) fn fate(pod: &PodLook, state: &WatchState) -> Fate {
    match state.pods.get(&pod.name) {
        Some(now) if now.uid != pod.uid => Fate::Gone,
        // One that was being ended before has to be gone.
        Some(now) if now.terminating_since.is_some() && pod.terminating_since.is_none() => {
            Fate::Terminating
        }
        // A kubelet that ends a pod for its own reasons leaves it there, ended for good.
        Some(now) if now.phase.is_over() => Fate::Gone,
        Some(_) => Fate::There,
        None => Fate::Gone,
    }
}

/// The other pod that has this pod's address now.
pub(super) fn heir_of_address(pod: &PodLook, state: &WatchState) -> Option<String> {
    // A node's own address belongs to many; there only its like can have taken its port.
    let is_like = |it: &&PodLook| !it.host_network || it.owner == pod.owner;
    let mut others = state
        .pods
        .values()
        .filter(|it| it.uid != pod.uid)
        .filter(is_like);
    let heir = others.find(|it| it.ip.is_some() && it.ip == pod.ip && !it.phase.is_over());
    heir.map(|it| it.name.clone())
}

/// Whether it does not serve any more, in words either way.
pub(super) fn judge(
    who: &str,
    fate: Fate,
    at: &AtAddress,
    since_ms: u64,
    successor: Option<&str>,
) -> Result<String, String> {
    let fate = match fate {
        Fate::There => return Err(format!("{who} is still there, and nobody ends it")),
        Fate::Terminating => "is being ended",
        Fate::Gone => "is gone",
    };
    let silence = match at {
        AtAddress::None => "it had no address".to_string(),
        AtAddress::Another(name) => format!("pod {name} has its address now"),
        AtAddress::Heard(HttpAnswer::Status(status)) => {
            return Err(format!(
                "{who} {fate}, but its address still answers with status {status}"
            ));
        }
        AtAddress::Heard(answer) => format!("its address {answer}"),
    };
    let text = format!("{who} {fate} {since_ms} ms after the injection, and {silence}");
    Ok(match successor {
        Some(successor) => format!("{text}; {successor}"),
        None => text,
    })
}

/// What took its place, if anything has.
pub(super) fn successor(replica: &str, old: &PodLook, now: Option<&PodLook>) -> Option<String> {
    let now = now.filter(|now| now.uid != old.uid)?;
    let place = match &now.node {
        Some(node) => format!("on {node}"),
        None => "on no node yet".to_string(),
    };
    let ready = match now.ready {
        true => "ready",
        false => "not ready yet",
    };
    Some(format!(
        "{replica} is pod {} {place} now, {ready}",
        now.full_name()
    ))
}

/// Why an eviction did nothing.
pub(super) fn not_evicted(pod: &PodLook, message: &str) -> String {
    format!(
        "the eviction of {} was refused (429): {message}",
        pod.full_name()
    )
}

/// Why ending a pod would be for ever.
pub(super) fn lost_for_good(pod: &PodLook) -> Option<String> {
    let name = pod.full_name();
    match (pod.mirror, &pod.owner) {
        (true, _) => Some(format!(
            "a kubelet runs pod {name} from a file, and the API cannot end it"
        )),
        (false, None) => Some(format!(
            "nobody would make pod {name} again: it has no owner"
        )),
        (false, Some(_)) => None,
    }
}

/// Why a drain would pass over a pod.
pub(super) fn not_drained(pod: &PodLook, drained: Drainable) -> Option<String> {
    let why = match drained {
        Drainable::Yes => return None,
        Drainable::DaemonSet => "its daemon set would put it back",
        Drainable::Mirror => "its kubelet runs it from a file",
        Drainable::Bare => "nobody would make it again",
        Drainable::Over => "it has ended",
    };
    Some(format!(
        "a drain leaves pod {} where it is: {why}",
        pod.full_name()
    ))
}

/// What a budget says of the targets that it covers.
pub(super) fn budget_note(
    budget: &BudgetLook,
    covered: &[PodLook],
    targets: &[&PodLook],
) -> Option<String> {
    let covers = |target: &&&PodLook| covered.iter().any(|pod| pod.uid == target.uid);
    let count = targets.iter().filter(covers).count();
    (count > 0).then(|| {
        let (name, allowed) = (&budget.name, budget.disruptions_allowed);
        let (healthy, wanted) = (budget.current_healthy, budget.desired_healthy);
        format!(
            "budget {name} allows {allowed} disruptions now ({healthy} healthy, {wanted} wanted)"
        )
    })
}

/// Who else has to leave a node.
pub(super) fn drain_note(
    node: &str,
    planned: &[(PodLook, Drainable)],
    targets: &[&PodLook],
) -> String {
    let leaving = planned
        .iter()
        .filter(|(_, drained)| *drained == Drainable::Yes);
    let is_target = |pod: &PodLook| targets.iter().any(|target| target.uid == pod.uid);
    let others: Vec<String> = leaving
        .map(|(pod, _)| pod)
        .filter(|pod| !is_target(pod))
        .map(PodLook::full_name)
        .collect();
    match others.as_slice() {
        [] => format!("only targets have to leave {node}"),
        others => format!("{} have to leave {node}, too", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::pod;
    use super::*;

    fn state(pods: &[PodLook]) -> WatchState {
        WatchState {
            pods: pods
                .iter()
                .map(|pod| (pod.name.clone(), pod.clone()))
                .collect(),
            ..WatchState::default()
        }
    }

    #[test]
    fn a_pod_of_the_same_name_is_another() {
        let old = pod("engine-0", "u1");
        assert_eq!(fate(&old, &state(std::slice::from_ref(&old))), Fate::There);
        assert_eq!(fate(&old, &state(&[pod("engine-0", "u2")])), Fate::Gone);
        assert_eq!(fate(&old, &state(&[])), Fate::Gone);
        let mut going = old.clone();
        going.terminating_since = Some(jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(fate(&old, &state(&[going.clone()])), Fate::Terminating);
        assert_eq!(fate(&going, &state(&[going.clone()])), Fate::There);
    }

    #[test]
    fn an_address_that_is_given_away_is_not_asked() {
        let old = pod("gate-a", "u1");
        let mut new = pod("gate-b", "u2");
        assert_eq!(
            heir_of_address(&old, &state(&[old.clone(), new.clone()])).as_deref(),
            Some("gate-b")
        );
        new.ip = Some([10, 0, 0, 8].into());
        assert_eq!(heir_of_address(&old, &state(&[old.clone(), new])), None);
    }

    #[test]
    fn only_a_pod_that_goes_and_does_not_serve_is_an_effect() {
        let heard = AtAddress::Heard;
        let refuses = heard(HttpAnswer::Refused);
        let there = judge("engine-1", Fate::There, &refuses, 5, None).unwrap_err();
        assert_eq!(there, "engine-1 is still there, and nobody ends it");
        let serves = heard(HttpAnswer::Status(200));
        let serves = judge("engine-1", Fate::Terminating, &serves, 5, None).unwrap_err();
        assert!(serves.contains("still answers with status 200"), "{serves}");
        let gone = judge(
            "engine-1",
            Fate::Gone,
            &refuses,
            812,
            Some("engine-1 is pod b"),
        )
        .unwrap();
        assert_eq!(
            gone,
            "engine-1 is gone 812 ms after the injection, and its address refuses connections; engine-1 is pod b"
        );
        assert!(
            judge(
                "engine-1",
                Fate::Terminating,
                &heard(HttpAnswer::Silent),
                5,
                None
            )
            .is_ok()
        );
        assert!(judge("e", Fate::Gone, &AtAddress::Another("b".into()), 5, None).is_ok());
    }

    #[test]
    fn who_follows_is_told_with_its_place() {
        let old = pod("engine-0", "u1");
        assert_eq!(successor("engine-1", &old, Some(&old)), None);
        let mut new = pod("engine-0", "u2");
        let text = successor("engine-1", &old, Some(&new)).unwrap();
        assert_eq!(text, "engine-1 is pod stg/engine-0 on node-1 now, ready");
        (new.node, new.ready) = (None, false);
        let text = successor("engine-1", &old, Some(&new)).unwrap();
        assert_eq!(
            text,
            "engine-1 is pod stg/engine-0 on no node yet now, not ready yet"
        );
    }

    #[test]
    fn a_pod_that_nobody_makes_again_is_not_ended() {
        let mut bare = pod("engine-0", "u1");
        assert_eq!(lost_for_good(&bare), None);
        bare.owner = None;
        assert!(lost_for_good(&bare).unwrap().contains("nobody would make"));
        bare.mirror = true;
        assert!(lost_for_good(&bare).unwrap().contains("from a file"));
        assert_eq!(not_drained(&bare, Drainable::Yes), None);
        assert!(
            not_drained(&bare, Drainable::DaemonSet)
                .unwrap()
                .contains("daemon set")
        );
    }

    #[test]
    fn budgets_and_neighbours_are_named() {
        let target = pod("engine-0", "u1");
        let budget = BudgetLook {
            name: "engine".into(),
            namespace: "stg".into(),
            selector: String::new(),
            disruptions_allowed: 0,
            current_healthy: 2,
            desired_healthy: 2,
            expected_pods: 3,
            up_to_date: true,
        };
        let note = budget_note(&budget, std::slice::from_ref(&target), &[&target]).unwrap();
        assert_eq!(
            note,
            "budget engine allows 0 disruptions now (2 healthy, 2 wanted)"
        );
        assert_eq!(
            budget_note(&budget, &[pod("other", "u9")], &[&target]),
            None
        );
        let other = pod("other", "u9");
        let planned = [(target.clone(), Drainable::Yes), (other, Drainable::Yes)];
        let note = drain_note("node-1", &planned, &[&target]);
        assert_eq!(note, "stg/other have to leave node-1, too");
        assert_eq!(
            drain_note("node-1", &planned[..1], &[&target]),
            "only targets have to leave node-1"
        );
        let refused = not_evicted(
            &target,
            "Cannot evict pod as it would violate the pod's disruption budget.",
        );
        assert!(
            refused.starts_with("the eviction of stg/engine-0 was refused (429): Cannot evict"),
            "{refused}"
        );
    }
}
