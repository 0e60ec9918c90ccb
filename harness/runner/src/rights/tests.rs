use std::collections::BTreeMap;

use shakedown_scenarios::plan::*;

use super::*;
use crate::testing;

const AGENTS: &str = "agents";

fn cluster() -> KubernetesPlan {
    KubernetesPlan {
        context: None,
        namespace: "stg".to_string(),
        parts: BTreeMap::new(),
        entry: KubernetesEntry::Urls(Vec::new()),
        nodes: NodeCommands::default(),
        api_server: None,
        agent: Some(AgentPlan {
            image: "it".to_string(),
            namespace: AGENTS.to_string(),
            service_account: "agent".to_string(),
        }),
        drills: "drills".to_string(),
        cluster_uids: Vec::new(),
        not_production: Vec::new(),
    }
}

fn fault(kind: FaultKind, to: Selector) -> FaultPlan {
    FaultPlan {
        id: "it".to_string(),
        kind,
        to,
        when: Trigger::At { at_ns: 0 },
        hold_ns: 0,
        repeat: Repeat {
            times: 1,
            every_ns: 0,
            jitter_ns: 0,
        },
    }
}

fn plan(cluster: KubernetesPlan, faults: Vec<FaultPlan>) -> Plan {
    Plan {
        environment: EnvironmentPlan::Kubernetes(Box::new(cluster)),
        faults,
        ..testing::plan(&["http://127.0.0.1:1".to_string()])
    }
}

fn leader() -> Selector {
    Selector::Role("leader".to_string())
}

fn said(rights: &[Right]) -> Vec<String> {
    rights.iter().map(ToString::to_string).collect()
}

fn of(kind: FaultKind, to: Selector) -> Vec<String> {
    said(&of_kind(&fault(kind, to), &cluster()))
}

/// Who makes a pod anew is looked up before anything is done by the API.
fn with_owners(more: &[&str]) -> Vec<String> {
    let owners = ["deployments", "replicasets", "statefulsets"];
    let owners = owners.map(|it| format!("get {it}.apps in stg"));
    let more = more.iter().map(|it| (*it).to_string());
    owners.into_iter().chain(more).collect()
}

/// Verbs and resources of what every run needs where drills are kept.
fn of_drills() -> Vec<String> {
    let plan = plan(cluster(), Vec::new());
    said(&crate::drill::rights(&plan))
}

#[test]
fn a_run_holds_one_lease_and_keeps_its_journal_where_drills_are_kept() {
    let all = of_drills();
    for (right, verb) in all.iter().zip(["create", "get", "update", "delete"]) {
        let lease = format!("{verb} leases.coordination.k8s.io shakedown-drill-");
        assert!(
            right.starts_with(&lease) && right.ends_with(" in drills"),
            "{right}"
        );
    }
    assert_eq!(
        all[4..],
        [
            "create configmaps in drills",
            "delete configmaps in drills",
            "get configmaps in drills",
            "list configmaps in drills",
            "patch configmaps in drills",
        ]
    );
}

#[test]
fn a_run_without_faults_only_looks_and_says_that_it_goes_on() {
    let mut plain = cluster();
    let watching = [
        "list pods in stg",
        "watch pods in stg",
        "list nodes",
        "watch nodes",
    ];
    let rights = |cluster: &KubernetesPlan| -> Vec<String> {
        let all = in_cluster(&plan(cluster.clone(), Vec::new()), cluster);
        all.iter().map(|need| need.right.to_string()).collect()
    };
    let drills = of_drills();
    let drills: Vec<&str> = drills.iter().map(String::as_str).collect();
    assert_eq!(rights(&plain), [&watching[..], &drills].concat());
    plain.entry = KubernetesEntry::Service {
        name: "orders".to_string(),
        port: 80,
    };
    plain.cluster_uids = vec!["1".to_string()];
    let more = ["get services orders in stg", "get namespaces kube-system"];
    assert_eq!(rights(&plain), [&watching[..], &more, &drills].concat());
}

#[test]
fn a_scenario_without_agents_needs_nothing_where_agents_are_made() {
    let kinds = [
        ClusterKind::Delete { grace_ns: None },
        ClusterKind::Evict,
        ClusterKind::Drain,
        ClusterKind::Scale { replicas: 1 },
    ];
    let faults = kinds.map(|kind| fault(FaultKind::Cluster(kind), leader()));
    let needs = needs(&plan(cluster(), faults.into())).unwrap();
    let there = |need: &&Need| need.right.namespace.as_deref() == Some(AGENTS);
    assert_eq!(needs.iter().find(there), None);
    let crash = FaultKind::Kill {
        signal: Signal::Kill,
    };
    let needs = super::needs(&plan(cluster(), vec![fault(crash, leader())])).unwrap();
    assert!(needs.iter().any(|need| there(&need)));
}

#[test]
fn agents_are_made_heard_and_removed() {
    let common = [
        "create pods in agents",
        "get pods in agents",
        "delete pods in agents",
        "create leases.coordination.k8s.io in agents",
        "get leases.coordination.k8s.io in agents",
        "update leases.coordination.k8s.io in agents",
        "delete leases.coordination.k8s.io in agents",
    ];
    let by_log = [&common[..], &["get pods/log in agents"]].concat();
    let ports = Vec::new;
    for kind in [
        FaultKind::Kill {
            signal: Signal::Kill,
        },
        FaultKind::Freeze {
            by: FreezeBy::Signal,
        },
        FaultKind::Cpu { milli_cpus: 1 },
        FaultKind::CpuStress { workers: 1 },
        FaultKind::Memory { bytes: 1 },
        FaultKind::OutOfMemory,
        FaultKind::Partition { ports: ports() },
        FaultKind::Loss {
            share: 0.5,
            ports: ports(),
        },
        FaultKind::Reset { ports: ports() },
        FaultKind::Delay {
            by_ns: 1,
            jitter_ns: 0,
            reorder: 0.0,
        },
        FaultKind::Bandwidth { bytes_per_s: 1 },
        FaultKind::Dns,
    ] {
        assert_eq!(of(kind.clone(), leader()), by_log, "{}", kind.name());
    }
    let board = [
        "create configmaps in agents",
        "get configmaps in agents",
        "delete configmaps in agents",
    ];
    let by_board = [&common[..], &board].concat();
    for kind in [ClusterKind::KubeletStop, ClusterKind::RuntimeStop] {
        assert_eq!(of(FaultKind::Cluster(kind), leader()), by_board);
    }
}

#[test]
fn what_is_done_by_commands_or_not_at_all_needs_nothing() {
    let hook = Hook {
        inject: Vec::new(),
        confirm: Vec::new(),
        heal: Vec::new(),
        clean: None,
        deadline_ns: 1,
    };
    for kind in [
        FaultKind::Hook(hook),
        FaultKind::Restart { grace_ns: 0 },
        FaultKind::Stop { grace_ns: 0 },
        FaultKind::Disconnect,
        FaultKind::ClockSkew { by_ns: 1 },
        FaultKind::SlowDisk { sync_ns: 1 },
        FaultKind::FailingDisk { share: 0.5 },
        FaultKind::DiskFull { leave_bytes: 1 },
        FaultKind::PowerCut,
        FaultKind::HalfOpen,
    ] {
        assert_eq!(of(kind, leader()), [""; 0]);
    }
    for kind in [
        ClusterKind::NodeStop,
        ClusterKind::NodeReboot,
        ClusterKind::ApiServerStop,
    ] {
        assert_eq!(of(FaultKind::Cluster(kind), leader()), with_owners(&[]));
    }
}

#[test]
fn pods_are_deleted_or_evicted_and_no_more() {
    let delete = ClusterKind::Delete { grace_ns: None };
    assert_eq!(
        of(FaultKind::Cluster(delete), leader()),
        with_owners(&["get pods in stg", "delete pods in stg"])
    );
    assert_eq!(
        of(FaultKind::Cluster(ClusterKind::Evict), leader()),
        with_owners(&[
            "get pods in stg",
            "create pods/eviction in stg",
            "list pods in stg",
            "list poddisruptionbudgets.policy in stg",
        ])
    );
}

#[test]
fn nodes_are_any_unless_the_scenario_names_one() {
    let taint = |effect| ClusterKind::Taint {
        key: "k".to_string(),
        value: String::new(),
        effect,
    };
    let of = |kind, to| of(FaultKind::Cluster(kind), to);
    let any = with_owners(&["get nodes", "patch nodes"]);
    assert_eq!(of(ClusterKind::Cordon, leader()), any);
    assert_eq!(of(taint(TaintEffect::NoSchedule), leader()), any);
    assert_eq!(of(taint(TaintEffect::PreferNoSchedule), leader()), any);
    assert_eq!(
        of(taint(TaintEffect::NoExecute), leader()),
        with_owners(&["get pods in stg", "get nodes", "patch nodes"])
    );
    let one = Selector::Placed(Placed::Node("node-1".to_string()));
    assert_eq!(
        of(ClusterKind::Cordon, one.clone()),
        with_owners(&["get nodes node-1", "patch nodes node-1"])
    );
    assert_eq!(
        of(ClusterKind::Drain, one),
        with_owners(&[
            "list pods in stg",
            "list poddisruptionbudgets.policy in stg",
            "get nodes node-1",
            "patch nodes node-1",
            "get pods",
            "list pods",
            "create pods/eviction",
        ])
    );
}

#[test]
fn workloads_are_of_both_kinds_unless_the_scenario_names_one() {
    let of = |kind, to| of(FaultKind::Cluster(kind), to);
    let set = || Selector::Placed(Placed::StatefulSet("engine".to_string()));
    let deployment = || Selector::Placed(Placed::Deployment("gate".to_string()));
    assert_eq!(
        of(ClusterKind::Scale { replicas: 1 }, leader()),
        with_owners(&[
            "list pods in stg",
            "list horizontalpodautoscalers.autoscaling in stg",
            "get deployments/scale.apps in stg",
            "patch deployments/scale.apps in stg",
            "get statefulsets/scale.apps in stg",
            "patch statefulsets/scale.apps in stg",
        ])
    );
    assert_eq!(
        of(ClusterKind::RollingUpdate { image: None }, set()),
        with_owners(&[
            "list pods in stg",
            "get statefulsets.apps engine in stg",
            "patch statefulsets.apps engine in stg",
        ])
    );
    let image = || ClusterKind::RollingUpdate {
        image: Some("it:2".to_string()),
    };
    assert_eq!(
        of(image(), set()),
        with_owners(&[
            "list pods in stg",
            "get statefulsets.apps engine in stg",
            "patch statefulsets.apps engine in stg",
            "get pods in stg",
            "delete pods in stg",
        ])
    );
    let changed = [
        "list pods in stg",
        "get deployments.apps gate in stg",
        "patch deployments.apps gate in stg",
    ];
    assert_eq!(of(image(), deployment()), with_owners(&changed));
    let revisions = ["list replicasets.apps in stg"];
    let back = [&changed[..], &revisions].concat();
    assert_eq!(of(ClusterKind::Rollback, deployment()), with_owners(&back));
    let switch = ClusterKind::Switch {
        service: "orders".to_string(),
        selector: BTreeMap::new(),
    };
    assert_eq!(
        of(switch, Selector::System),
        with_owners(&[
            "list pods in stg",
            "get services in stg",
            "list endpointslices.discovery.k8s.io in stg",
            "get services orders in stg",
            "patch services orders in stg",
        ])
    );
}

#[test]
fn whoever_is_meant_by_a_service_or_a_workload_is_looked_up() {
    let placed = Selector::Placed;
    let service = || placed(Placed::Service("orders".to_string()));
    let of = |to: &Selector| said(&of_selector(to, "stg"));
    assert_eq!(of(&service()), ["get services orders in stg"]);
    let set = placed(Placed::StatefulSet("engine".to_string()));
    assert_eq!(of(&set), ["get replicasets.apps in stg"]);
    let link = Selector::Link {
        from: Box::new(set),
        to: LinkEnd::Replicas(Box::new(service())),
        direction: Direction::Both,
    };
    // And by which services the second end is spoken to.
    let ways = [
        "list services in stg",
        "list endpointslices.discovery.k8s.io in stg",
    ];
    let both = ["get replicasets.apps in stg", "get services orders in stg"];
    assert_eq!(of(&link), [both, ways].concat());
    let to = |to: LinkEnd| Selector::Link {
        from: Box::new(Selector::Name("engine-1".to_string())),
        to,
        direction: Direction::Both,
    };
    assert_eq!(of(&to(LinkEnd::Service("store".to_string()))), ways);
    assert_eq!(of(&to(LinkEnd::Peers)), ways);
    assert_eq!(of(&to(LinkEnd::Clients)), [""; 0]);
    assert_eq!(of(&placed(Placed::Zone("a".to_string()))), [""; 0]);
}

#[test]
fn what_is_printed_grants_nothing_by_a_wildcard_and_each_need_says_what_it_is_for() {
    let faults = vec![
        fault(FaultKind::OutOfMemory, leader()),
        fault(FaultKind::Cluster(ClusterKind::Drain), leader()),
    ];
    let mut plan = plan(cluster(), faults);
    plan.scenario = "Drill of\nMonday!".to_string();
    let account = "ops/runner".parse().unwrap();
    let text = manifest(&plan, &account).unwrap();
    assert!(!text.contains('*'), "{text}");
    for words in [
        "  name: shakedown-drill-of-monday\n",
        "; fault it (drain).\n",
        "# For fault it (out-of-memory).\n",
        "  namespace: agents\n",
    ] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    assert!(
        text.starts_with("# The least that ops/runner needs to run the scenario Drill of Monday!.")
    );
}

#[test]
fn other_environments_need_no_rights() {
    let elsewhere = testing::plan(&["http://127.0.0.1:1".to_string()]);
    assert_eq!(needs(&elsewhere), None);
    assert_eq!(manifest(&elsewhere, &"a/b".parse().unwrap()), None);
}

#[test]
fn guests_are_made_and_talked_with_where_they_stand_and_services_are_looked_up() {
    use shakedown_scenarios::plan::isolation::{Door, DoorAt, GuestPlan, IsolationRule};

    let guest = |namespace: Option<&str>| GuestPlan {
        labels: BTreeMap::new(),
        namespace: namespace.map(str::to_string),
    };
    let door = |at: DoorAt| Door { at, http: None };
    let wall = IsolationRule {
        to: door(DoorAt::Part {
            part: "engine".to_string(),
            port: None,
        }),
        intruder: guest(Some("other")),
        friend: guest(None),
        control: door(DoorAt::Service {
            namespace: Some("default".to_string()),
            name: "kubernetes".to_string(),
            port: 443,
        }),
        every_ns: 1,
    };
    let of = |namespace: &str| {
        [
            "create jobs.batch",
            "get jobs.batch",
            "delete jobs.batch",
            "list pods",
            "get pods/exec",
            "create pods/exec",
        ]
        .map(|right| format!("{right} in {namespace}"))
    };
    let mut wanted = [of("other"), of("stg")].concat();
    wanted.push("get services kubernetes in default".to_string());
    assert_eq!(said(&crate::isolation::rights(&wall, &cluster())), wanted);
    let mut plan = plan(cluster(), Vec::new());
    plan.rules = vec![Rule {
        id: "walls".to_string(),
        kind: RuleKind::Isolation(Box::new(wall)),
        severity: shakedown_record::run_record::Severity::Critical,
        source: None,
    }];
    let needs = in_cluster(&plan, &cluster());
    let of_wall = needs
        .iter()
        .filter(|need| need.what_for.contains("rule walls"));
    assert_eq!(of_wall.count(), wanted.len());
}
