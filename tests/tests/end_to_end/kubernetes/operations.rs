//! What people do to a cluster, well or badly: a drain, an update that cannot work, a version with a defect.

use shakedown_record::Verdict;
use shakedown_tests::pods::{NAMESPACE, Pods};
use shakedown_tests::shakedown::{Sandbox, alone, check};

use super::{passed, run};

const SET: &str = "statefulset/engine";

/// Changes the arguments of the engine; each member is renewed then.
fn with_arguments(pods: &Pods, arguments: &serde_json::Value) {
    let path = "/spec/template/spec/containers/0/args";
    let patch = serde_json::json!([{"op": "replace", "path": path, "value": arguments}]);
    let patch = patch.to_string();
    let all = ["-n", NAMESPACE, "patch", SET, "--type=json", "-p", &patch];
    pods.kubectl(&all);
    let wait = ["-n", NAMESPACE, "rollout", "status", SET, "--timeout=120s"];
    pods.kubectl(&wait);
}

#[test]
fn a_defect_of_the_engine_is_red_on_a_cluster_too() {
    let _alone = alone();
    let pods = Pods::ready();
    let set = pods.json(&["-n", NAMESPACE, "get", SET]);
    let arguments = set["spec"]["template"]["spec"]["containers"][0]["args"].clone();
    let mut defective = arguments.clone();
    let defect = "--defect=ack-before-quorum".into();
    defective.as_array_mut().unwrap().push(defect);
    let sandbox = Sandbox::new();
    let ran = std::panic::catch_unwind(|| {
        with_arguments(&pods, &defective);
        Pods::ready();
        // Cut off from its peers it acknowledges what nobody else has; killed it would lose only what was under way.
        run(
            &sandbox,
            "kubernetes-leader-partition",
            &["--set", "phases.steady=4s"],
        )
    });
    with_arguments(&pods, &arguments);
    let ran = ran.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let record = ran.expect_code(1);
    assert!(record.faults[0].effect.confirmed, "{:?}", record.faults);
    assert_eq!(check(&record, "lost").verdict, Verdict::Fail);
    assert!(record.data_loss.lost > Some(0), "{:?}", record.data_loss);
}

#[test]
fn a_drained_node_gives_its_member_up_and_gets_it_back() {
    let _alone = alone();
    let pods = Pods::ready();
    let before = pods.picture();
    let sandbox = Sandbox::new();
    let more = [
        "--set",
        "phases.steady=4s",
        "--set",
        "faults.maintenance.for=8s",
    ];
    let ran = run(&sandbox, "kubernetes-node-drain", &more);
    let record = passed(&ran, &pods);
    let effect = &record.faults[0].effect.text;
    assert!(effect.contains("takes no new pods"), "{effect}");
    assert_eq!(pods.picture(), before);
}

#[test]
fn a_rollout_that_hangs_is_taken_back_without_loss() {
    let _alone = alone();
    let pods = Pods::ready();
    let before = pods.picture();
    let uids = || ["engine-0", "engine-1", "engine-2"].map(|pod| pods.uid(pod));
    let were = uids();
    let sandbox = Sandbox::new();
    let more = [
        "--set",
        "phases.steady=4s",
        "--set",
        "faults.bad-update.for=10s",
    ];
    let ran = run(&sandbox, "kubernetes-bad-rollout", &more);
    let record = passed(&ran, &pods);
    let effect = &record.faults[0].effect.text;
    assert!(
        effect.contains("1 of 3 pods are of the new revision"),
        "{effect}"
    );
    assert_eq!(pods.picture(), before);
    // The last one was renewed, and made once more from the template as it was; the others were never touched.
    let are = uids();
    assert_eq!(are[..2], were[..2]);
    assert_ne!(are[2], were[2]);
}
