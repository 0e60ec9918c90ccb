//! Doors between pods: open without a network policy, shut with one, and nothing is known where the friend is shut out as well.

use shakedown_record::Verdict;
use shakedown_tests::pods::{NAMESPACE, Pods};
use shakedown_tests::shakedown::{Sandbox, alone, check, within_s, workspace};

/// The shipped scenario without its fault, and a second wall whose friend nobody lets in.
const SCENARIO: &str = "\
base: kubernetes-isolation
scenario: walls
phases: { steady: 6s, recovery: null }
faults: null
sla:
  failover: null
  friendless:
    isolation:
      to: { part: { name: engine } }
      intruder: { labels: { app: stranger } }
      friend: { labels: { app: foreigner } }
      control: { service: { name: kubernetes, namespace: default, port: 443 } }
    severity: warning
";

fn policy(pods: &Pods, does: &str) {
    let folder = workspace().join("deploy/kubernetes/walls");
    pods.kubectl(&["-n", NAMESPACE, does, "-k", &folder.to_string_lossy()]);
}

/// Jobs and pods of guests.
fn guests(pods: &Pods) -> String {
    let label = "shakedown.dev/guest";
    pods.kubectl(&[
        "-n",
        NAMESPACE,
        "get",
        "jobs,pods",
        "-l",
        label,
        "-o",
        "name",
    ])
}

#[test]
fn a_wall_is_there_when_a_policy_is_and_the_friend_shows_it() {
    let _alone = alone();
    let pods = Pods::ready();
    let sandbox = Sandbox::new();
    let scenario = sandbox.write("walls.yaml", SCENARIO);
    let without = sandbox.run_soundly(&scenario, &[]).expect_code(1);
    let open = check(&without, "walls");
    assert_eq!(open.verdict, Verdict::Fail, "{open:?}");
    assert!(open.observed.value > Some(0.0), "{open:?}");
    let text = &open.observed.text;
    assert!(
        text.contains("got through, the first at ") && text.contains(":8080 (connected)"),
        "{text}"
    );

    policy(&pods, "apply");
    let with = std::panic::catch_unwind(|| sandbox.run_soundly(&scenario, &[]));
    policy(&pods, "delete");
    let with = with.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let with = with.expect_code(0);
    let shut = check(&with, "walls");
    assert_eq!(shut.verdict, Verdict::Pass, "{shut:?}");
    assert!(shut.observed.text.starts_with("none of "), "{shut:?}");
    let unknown = check(&with, "friendless");
    assert_eq!(unknown.verdict, Verdict::Inconclusive, "{unknown:?}");
    assert!(
        unknown
            .why
            .contains("the friend did not get through either"),
        "{unknown:?}"
    );

    let gone = within_s(30.0, || guests(&pods).is_empty());
    assert!(gone, "left: {}", guests(&pods));
    assert_eq!(pods.drills(), Vec::<String>::new());
}
