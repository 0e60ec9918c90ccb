use serde_json::{Value, json};

use super::*;
use crate::submit::Apart;

fn submission() -> Submission {
    Submission {
        name: "run-quick-1".to_string(),
        namespace: "shakedown".to_string(),
        account: "shakedown-runner".to_string(),
        image: "localhost/shakedown:local".to_string(),
        run_id: "20260131T093000123Z-quick".to_string(),
        files: BTreeMap::from([
            ("scenario.yaml".to_string(), "scenario: quick\n".to_string()),
            ("system.yaml".to_string(), "system: acme\n".to_string()),
            (
                "calendars/us.yaml".to_string(),
                "calendar: us\n".to_string(),
            ),
        ]),
        arguments: vec!["--yes".to_string()],
        operator: Some("ada".to_string()),
        env_from: vec!["engine-token".to_string()],
        apart: vec![Apart {
            namespace: "stg".to_string(),
            labels: BTreeMap::from([("app".to_string(), "engine".to_string())]),
        }],
        must_be_apart: false,
        longest_s: 90,
    }
}

#[test]
fn a_submission_becomes_this_job() {
    let job = serde_json::to_value(job(&submission())).unwrap();
    let wanted: Value = serde_json::from_str(include_str!("golden.json")).unwrap();
    let text = serde_json::to_string_pretty(&job).unwrap();
    assert_eq!(job, wanted, "{text}");
}

/// What Pod Security `restricted` asks of a pod, as its documentation lists it: what is wrong with this one.
fn restricted(pod: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for forbidden in ["hostNetwork", "hostPID", "hostIPC", "hostUsers"] {
        if !pod[forbidden].is_null() {
            wrong.push(forbidden.to_string());
        }
    }
    let allowed = ["name", "configMap", "emptyDir"];
    for volume in pod["volumes"].as_array().into_iter().flatten() {
        let keys = volume.as_object().unwrap().keys();
        wrong.extend(keys.filter(|key| !allowed.contains(&key.as_str())).cloned());
    }
    let of_pod = &pod["securityContext"];
    if of_pod["seccompProfile"]["type"] != "RuntimeDefault" {
        wrong.push("seccompProfile".to_string());
    }
    if of_pod["runAsNonRoot"] != true || of_pod["runAsUser"] == 0 {
        wrong.push("runAsNonRoot".to_string());
    }
    for container in pod["containers"].as_array().into_iter().flatten() {
        let context = &container["securityContext"];
        if context["allowPrivilegeEscalation"] != false {
            wrong.push("allowPrivilegeEscalation".to_string());
        }
        if context["capabilities"] != json!({"drop": ["ALL"]}) {
            wrong.push("capabilities".to_string());
        }
        for key in ["privileged", "runAsUser", "seccompProfile", "procMount"] {
            if !context[key].is_null() {
                wrong.push(key.to_string());
            }
        }
        if !container["ports"].is_null() {
            wrong.push("ports".to_string());
        }
    }
    wrong
}

#[test]
fn its_pod_keeps_the_rules_of_pod_security_restricted() {
    let job = serde_json::to_value(job(&submission())).unwrap();
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(restricted(pod), Vec::<String>::new());
    for container in pod["containers"].as_array().unwrap() {
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    }
    for (path, value) in [
        ("/securityContext/runAsNonRoot", json!(false)),
        ("/securityContext/seccompProfile/type", json!("Unconfined")),
        (
            "/containers/1/securityContext/allowPrivilegeEscalation",
            json!(true),
        ),
        ("/containers/0/securityContext/capabilities/drop", json!([])),
        (
            "/volumes/1",
            json!({"name": "x", "hostPath": {"path": "/"}}),
        ),
    ] {
        let mut broken = pod.clone();
        *broken.pointer_mut(path).unwrap() = value;
        assert_ne!(restricted(&broken), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn a_run_that_breaks_nodes_does_not_run_on_theirs() {
    let mut of = submission();
    let kinds = |of: &Submission| {
        let job = serde_json::to_value(job(of)).unwrap();
        let away = &job["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"];
        let keys = away.as_object().unwrap().keys();
        keys.cloned().collect::<Vec<_>>()
    };
    assert_eq!(
        kinds(&of),
        ["preferredDuringSchedulingIgnoredDuringExecution"]
    );
    of.must_be_apart = true;
    assert_eq!(
        kinds(&of),
        ["requiredDuringSchedulingIgnoredDuringExecution"]
    );
}

#[test]
fn files_go_with_the_job_and_are_found_by_their_paths() {
    let of = submission();
    let files = config_map(&of, "uid-1").unwrap();
    let owner = &files.metadata.owner_references.clone().unwrap()[0];
    assert_eq!((owner.kind.as_str(), owner.uid.as_str()), ("Job", "uid-1"));
    let volumes = job(&of).spec.unwrap().template.spec.unwrap().volumes;
    let volume = volumes.unwrap().into_iter().find_map(|it| it.config_map);
    let data = files.data.unwrap();
    for item in volume.unwrap().items.unwrap() {
        assert_eq!(data[&item.key], of.files[&item.path]);
    }
    assert_eq!(data.len(), 3);
}

#[test]
fn files_that_no_config_map_holds_are_refused() {
    let mut of = submission();
    let room = LARGEST_BYTES - 30;
    of.files
        .insert("scenario.yaml".to_string(), "x".repeat(room));
    assert!(config_map(&of, "").is_ok());
    of.files
        .insert("scenario.yaml".to_string(), "x".repeat(room + 10));
    let refused = config_map(&of, "").unwrap_err();
    assert_eq!(refused.exit().code(), 64);
    assert!(refused.to_string().contains("scenario.yaml"), "{refused}");
}

#[test]
fn secrets_are_named_and_never_carried() {
    let of = submission();
    let text = serde_json::to_string(&config_map(&of, "").unwrap()).unwrap();
    assert!(!text.contains("engine-token"), "{text}");
    let job = serde_json::to_value(job(&of)).unwrap();
    let containers = &job["spec"]["template"]["spec"]["containers"];
    let wanted = json!([{"secretRef": {"name": "engine-token", "optional": false}}]);
    assert_eq!(containers[0]["envFrom"], wanted);
    assert_eq!(
        containers[1]["envFrom"],
        Value::Null,
        "the courier needs none"
    );
}
