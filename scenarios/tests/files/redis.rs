//! Redis: what a profile says of it, and each mistake where it stands.

use crate::common::{compile_both, file, shipped, with};
use shakedown_scenarios::compile_profile;
use shakedown_scenarios::plan::{
    EnvironmentPlan, GatewayPlan, LocalStandIn, Request, TemplatePart, Variable,
};

const SYSTEM: &str = "redis-sentinel-wait";
const SCENARIO: &str = "redis-wait";

#[test]
fn a_command_has_words_and_a_wait_goes_with_it() {
    let plan = with(SCENARIO, &[]).unwrap().plan;
    let new = &plan.system.orders.new;
    assert_eq!(new.send.method, Request::COMMAND);
    let body = new.send.body.as_ref().unwrap();
    assert_eq!(body.variables().count(), 6);
    assert_eq!(body.variables().next(), Some(&Variable::Id));
    let first = TemplatePart::Text("HSET".to_string());
    assert_eq!(body.parts[0], first);
    let wait = format!(
        "{}WAIT{word}1{word}500",
        Request::NEXT_COMMAND,
        word = Request::NEXT_WORD
    );
    assert_eq!(body.parts.last(), Some(&TemplatePart::Text(wait)));
    assert_eq!(
        (new.acked.status.as_slice(), new.acked.conditions.len()),
        (&[200][..], 1)
    );
    let GatewayPlan::Redis(gateway) = &plan.system.gateway else {
        panic!("{:?}", plan.system.gateway);
    };
    assert_eq!(gateway.master.as_deref(), Some("orders"));
    let EnvironmentPlan::Local {
        stand_in: LocalStandIn::Redis(servers),
    } = &plan.environment
    else {
        panic!("{:?}", plan.environment);
    };
    assert_eq!(servers.settings["appendfsync"], "everysec");
    let sentinels = servers.sentinels.as_ref().unwrap();
    assert_eq!((sentinels.master.as_str(), sentinels.quorum), ("orders", 2));
}

#[test]
fn sentinels_of_somebody_else_are_entries_and_servers_are_parts() {
    let text = shipped(SYSTEM).text;
    let begin = text.find("  local:").unwrap();
    let end = text.find("gateway:").unwrap();
    let external = "  external:\n    entry: [redis://127.0.0.1:26379]\n    parts: { redis: [redis://127.0.0.1:6379, \
                    redis://127.0.0.1:6380, redis://localhost:6381/] }\n";
    let text = format!("{}{external}{}", &text[..begin], &text[end..]);
    let plan = |text: &str| compile_profile(&file("p.yaml", text), None);
    let endpoints = |text: &str| {
        let plan = plan(text).unwrap_or_else(|told| panic!("{told}")).plan;
        match plan.environment {
            EnvironmentPlan::External(endpoints) => endpoints,
            other => panic!("{other:?}"),
        }
    };
    let led = endpoints(&text);
    assert_eq!(led.entry, ["redis+sentinel://127.0.0.1:26379/orders"]);
    assert_eq!(led.parts["redis"][2], "redis://localhost:6381");
    let direct = endpoints(&text.replace("  redis:\n    master: orders", "  redis: {}\n    #"));
    assert_eq!(direct.entry, ["redis://127.0.0.1:26379"]);
    for bad in ["http://127.0.0.1:1", "redis://127.0.0.1", "redis://u:p@h:1"] {
        let text = text.replace(
            "entry: [redis://127.0.0.1:26379]",
            &format!("entry: [\"{bad}\"]"),
        );
        let told = plan(&text).unwrap_err().to_string();
        assert!(told.contains("no address of a store"), "{bad}: {told}");
    }
}

#[test]
fn each_mistake_is_told_where_it_stands_with_what_to_write_instead() {
    let wait = "wait: { replicas: 1, within: 500ms }";
    for (from, to, said, hint) in [
        (
            "replicas: 1, within",
            "replicas: 0, within",
            "nobody is waited for",
            "at least 1",
        ),
        (
            "within: 500ms",
            "within: 500us",
            "whole milliseconds",
            "500ms",
        ),
        (
            "command: [PING]",
            "command: []",
            "there is no command",
            "SET",
        ),
        (
            "command: [PING]",
            "command: [multi]",
            "`MULTI` is about the connection",
            "a script",
        ),
        (
            "{ command: [PING] }",
            "/health",
            "knows no paths",
            "{ command:",
        ),
        (
            "{ command: [PING] }",
            "{ sql: select 1 }",
            "no SQL",
            "{ command:",
        ),
        (
            "command: [PING]",
            "command: [PING], wait: { replicas: 1, within: 1s }",
            "only orders wait",
            "take it out",
        ),
        (
            "{ where: { /reply: 5 } }",
            "{ status: [200] }",
            "replies or errors",
            "/reply: OK",
        ),
        (
            "{ where: { /reply: 5 } }",
            "{}",
            "every reply would do",
            "/reply: OK",
        ),
        (
            "    level: durable",
            "    rejected: { error: [wrong type] }\n    level: durable",
            "no error of Redis",
            "WRONGTYPE",
        ),
        ("appendfsync:", "port:", "sets `port` itself", "take it out"),
        ("everysec", "\"'always'\"", "no quotes", "without quotes"),
        ("quorum: 2", "quorum: 4", "4 of 3 sentinels", "2 of 3"),
        (
            "down-after: 2s",
            "down-after: 1ms",
            "sooner than it answers",
            "100ms",
        ),
        (
            "part: sentinel,",
            "part: sentry,",
            "no part `sentry`",
            "sentinel",
        ),
        (
            "part: sentinel,",
            "part: redis,",
            "the servers themselves",
            "another part",
        ),
        (
            "  redis:\n    master: orders",
            "  redis: {}\n    #",
            "does not ask them",
            "master: orders",
        ),
        (
            "sentinels: { part: sentinel, quorum: 2, down-after: 2s }",
            "part: redis",
            "there are none",
            "quorum: 2",
        ),
        ("accounts:", "tls: {}\naccounts:", "TLS to a store", ""),
    ] {
        let text = shipped(SYSTEM).text;
        assert!(text.contains(from), "{from}");
        assert!(text.contains(wait));
        let text = text.replace(from, to);
        let told = compile_profile(&file("p.yaml", &text), None)
            .expect_err(to)
            .to_string();
        assert!(
            told.contains(said) && told.contains(hint) && told.contains("p.yaml:"),
            "{to}\n{told}"
        );
    }
}

#[test]
fn a_command_is_none_over_http() {
    let text = shipped("reference").text;
    let text = text.replace("get: /version", "get: { command: [PING] }");
    let told = compile_profile(&file("p.yaml", &text), None)
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("this is a command") && told.contains("gateway: { redis"),
        "{told}"
    );
}

#[test]
fn faults_that_were_never_tried_on_these_servers_are_refused() {
    let profile = shipped(SYSTEM);
    let text = shipped(SCENARIO).text;
    let (before, after) = text.split_once("    do: { partition: {} }\n").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    let text = format!(
        "{before}    do: {{ clock-skew: {{ ahead: 5s }} }}\n    to: {{ role: leader }}\n{after}"
    );
    let told = compile_both(&file("s.yaml", &text), &profile, &[])
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("servers of Redis") && told.contains("kill, restart"),
        "{told}"
    );
}
