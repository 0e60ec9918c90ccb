use super::super::testing::{pod, workload};
use super::*;
use crate::mechanisms::kubernetes::look::ContainerLook;

const UPDATE: ClusterKind = ClusterKind::RollingUpdate { image: None };

#[test]
fn a_rollout_that_would_not_begin_is_refused() {
    let with = |change: fn(&mut WorkloadLook)| {
        let mut look = workload();
        change(&mut look);
        look
    };
    let paused = with(|look| look.paused = true);
    assert!(hindrance(&UPDATE, &paused).unwrap().contains("is paused"));
    let by_hand = with(|look| look.on_delete = true);
    assert!(
        hindrance(&UPDATE, &by_hand)
            .unwrap()
            .contains("somebody deletes")
    );
    let empty = with(|look| look.replicas = 0);
    assert!(hindrance(&UPDATE, &empty).unwrap().contains("no pods"));
    let going = with(|look| look.updated = 1);
    assert!(
        hindrance(&UPDATE, &going)
            .unwrap()
            .contains("under way already")
    );
    assert_eq!(hindrance(&ClusterKind::Rollback, &going), None);
    let scale = ClusterKind::Scale { replicas: 1 };
    assert_eq!(hindrance(&scale, &going), None);
    assert_eq!(hindrance(&UPDATE, &workload()), None);
}

fn container(image: &str, state: ContainerState) -> ContainerLook {
    ContainerLook {
        name: "engine".into(),
        id: None,
        image: image.into(),
        image_id: String::new(),
        restarts: 0,
        ready: false,
        state,
        last_end: None,
        memory_limit_bytes: None,
        cpu_limit_millis: None,
    }
}

fn updated() -> WorkloadLook {
    let mut now = workload();
    (now.generation, now.observed_generation, now.updated) = (2, 2, 1);
    now.revision = Some("engine-2".into());
    now
}

fn of_revision(uid: &str, revision: &str) -> PodLook {
    let mut pod = pod("engine-2", uid);
    pod.labels.insert(REVISION.into(), revision.into());
    pod
}

#[test]
fn a_rollout_is_shown_by_a_pod_of_the_new_revision() {
    let known = [of_revision("u1", "engine-1")];
    let judge =
        |now: &WorkloadLook, pods: &[PodLook]| rolled(&UPDATE, &workload(), &known, now, pods);
    assert!(
        judge(&workload(), &known)
            .unwrap_err()
            .contains("as it was")
    );
    let mut unseen = updated();
    unseen.observed_generation = 1;
    assert!(
        judge(&unseen, &known)
            .unwrap_err()
            .contains("not seen the change")
    );
    let mut none = updated();
    none.updated = 0;
    assert!(
        judge(&none, &known)
            .unwrap_err()
            .contains("no pod of the new revision")
    );
    let replaced = [of_revision("u2", "engine-1")];
    assert!(
        judge(&updated(), &replaced)
            .unwrap_err()
            .contains("none is to be seen")
    );
    let rolled = judge(&updated(), &[of_revision("u2", "engine-2")]).unwrap();
    assert!(
        rolled.text.contains("1 of 3 pods are of the new revision"),
        "{rolled:?}"
    );
}

#[test]
fn an_image_that_is_not_had_shows_in_a_pod_that_waits() {
    let kind = ClusterKind::RollingUpdate {
        image: Some("engine:none".into()),
    };
    let waiting = |reason: &str| {
        let mut pod = of_revision("u2", "engine-2");
        let state = ContainerState::Waiting {
            reason: reason.into(),
        };
        pod.containers = vec![container("engine:none", state)];
        pod.ready = false;
        pod
    };
    let judge = |pod: PodLook| rolled(&kind, &workload(), &[], &updated(), &[pod]);
    let made = judge(waiting("ContainerCreating")).unwrap();
    assert!(!made.settled, "{made:?}");
    let waits = judge(waiting("ImagePullBackOff")).unwrap();
    assert!(
        waits.settled && waits.text.contains("waits (ImagePullBackOff)"),
        "{waits:?}"
    );
    let mut other = waiting("ImagePullBackOff");
    other.containers[0].image = "engine:1".into();
    assert!(judge(other).is_err());
}

#[test]
fn going_back_may_find_pods_that_were_never_renewed() {
    let old = [of_revision("u1", "engine-2")];
    let back = rolled(&ClusterKind::Rollback, &workload(), &old, &updated(), &old);
    assert!(back.is_ok(), "{back:?}");
    assert!(rolled(&UPDATE, &workload(), &old, &updated(), &old).is_err());
}

#[test]
fn a_scale_is_shown_by_the_pods_that_come_or_go() {
    let known = [pod("a", "1"), pod("b", "2")];
    let scaled_to = |replicas: u32| {
        let mut now = workload();
        now.replicas = replicas;
        now
    };
    let three = [pod("a", "1"), pod("b", "2"), pod("c", "3")];
    let up = scaled(4, &known, &scaled_to(4), &three, 9).unwrap();
    assert!(
        up.contains("4 pods are asked for, 2 were there, 3 are"),
        "{up}"
    );
    assert!(scaled(4, &known, &scaled_to(4), &known, 9).is_err());
    assert!(
        scaled(4, &known, &scaled_to(2), &three, 9)
            .unwrap_err()
            .contains("is scaled to 2")
    );
    let mut going = known.clone();
    going[1].terminating_since = Some(jiff::Timestamp::UNIX_EPOCH);
    assert!(scaled(1, &known, &scaled_to(1), &going, 9).is_ok());
    assert!(scaled(1, &known, &scaled_to(1), &known, 9).is_err());
}

#[test]
fn a_switch_is_shown_by_who_stands_behind_the_service() {
    let endpoint = |pod: &str, ready: bool| EndpointLook {
        address: [10, 0, 0, 9].into(),
        ready,
        serving: ready,
        terminating: false,
        node: None,
        pod: Some(pod.into()),
        ports: BTreeMap::new(),
    };
    let green = [pod("green", "2")];
    let judge = |all: &[EndpointLook]| switched("orders", all, &green, 9);
    assert!(judge(&[endpoint("green", true), endpoint("blue", false)]).is_ok());
    let both = judge(&[endpoint("green", true), endpoint("blue", true)]).unwrap_err();
    assert!(both.contains("still means blue"), "{both}");
    assert!(
        judge(&[endpoint("green", false)])
            .unwrap_err()
            .contains("nobody behind it")
    );
}

#[test]
fn a_switch_to_nobody_or_to_the_same_is_refused() {
    let labels = |slot: &str| BTreeMap::from([("slot".to_string(), slot.to_string())]);
    let service = |selector| ServiceLook {
        name: "orders".into(),
        namespace: "stg".into(),
        uid: "1".into(),
        resource_version: "1".into(),
        kind: "ClusterIP".into(),
        cluster_ip: None,
        cluster_ips: Vec::new(),
        ports: Vec::new(),
        selector,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    };
    let (blue, green) = ([pod("blue", "1")], [pod("green", "2")]);
    let orders = service(labels("blue"));
    assert_eq!(no_switch(&orders, &labels("green"), &blue, &green), None);
    let nobody = no_switch(&orders, &labels("green"), &blue, &[]).unwrap();
    assert!(nobody.contains("no pod carries slot=green"), "{nobody}");
    assert!(
        no_switch(&orders, &labels("green"), &blue, &blue)
            .unwrap()
            .contains("the same pods")
    );
    let bare = service(BTreeMap::new());
    assert!(
        no_switch(&bare, &labels("green"), &blue, &green)
            .unwrap()
            .contains("no selector")
    );
}
