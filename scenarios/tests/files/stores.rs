//! Stores: what a profile says of them, and each mistake where it stands.

use crate::common::{compile_both, file, shipped, with};
use shakedown_scenarios::compile_profile;
use shakedown_scenarios::plan::{
    EnvironmentPlan, Expected, GatewayPlan, LocalStandIn, Request, Variable,
};

const SYSTEM: &str = "postgres-sync";
const SCENARIO: &str = "postgresql-sync";

#[test]
fn a_statement_has_holes_and_an_answer_an_sqlstate() {
    let plan = with(SCENARIO, &[]).unwrap().plan;
    let new = &plan.system.orders.new;
    assert_eq!(new.send.method, Request::SQL);
    let body = new.send.body.as_ref().unwrap();
    assert_eq!(body.variables().count(), 6);
    assert_eq!(body.variables().next(), Some(&Variable::Id));
    let sqlstate = &new.rejected.as_ref().unwrap().conditions[0];
    assert_eq!(sqlstate.pointer.0, "/sqlstate");
    assert!(matches!(&sqlstate.expected, Expected::AnyOf(codes) if codes.len() == 3));
    let GatewayPlan::PostgreSql(gateway) = &plan.system.gateway else {
        panic!("{:?}", plan.system.gateway);
    };
    assert_eq!(
        (gateway.database.as_str(), &gateway.elsewhere[..]),
        ("trading", &["25006".to_string()][..])
    );
    let EnvironmentPlan::Local {
        stand_in: LocalStandIn::PostgreSql(servers),
    } = &plan.environment
    else {
        panic!("{:?}", plan.environment);
    };
    assert_eq!(servers.settings["synchronous_standby_names"], "ANY 1 (*)");
    assert_eq!(servers.promote_after_ns, Some(1_000_000_000));
}

#[test]
fn a_store_that_somebody_else_runs_is_reached_with_its_database() {
    let text = shipped(SYSTEM).text;
    let begin = text.find("  local:").unwrap();
    let end = text.find("gateway:").unwrap();
    let external = "  external:\n    entry: [postgresql://127.0.0.1:5432]\n    parts: { postgres: [postgresql://127.0.0.1:5432, \
                    postgresql://127.0.0.1:5433, postgresql://localhost:5434/] }\n";
    let text = format!("{}{external}{}", &text[..begin], &text[end..]);
    let plan = compile_profile(&file("p.yaml", &text), None)
        .unwrap_or_else(|told| panic!("{told}"))
        .plan;
    let EnvironmentPlan::External(endpoints) = plan.environment else {
        panic!("{:?}", plan.environment);
    };
    assert_eq!(endpoints.entry, ["postgresql://127.0.0.1:5432/trading"]);
    assert_eq!(
        endpoints.parts["postgres"][2],
        "postgresql://localhost:5434/trading"
    );
    for bad in [
        "http://127.0.0.1:5432",
        "postgresql://127.0.0.1",
        "postgresql://u:p@h:1",
    ] {
        let text = text.replace(
            "entry: [postgresql://127.0.0.1:5432]",
            &format!("entry: [\"{bad}\"]"),
        );
        let told = compile_profile(&file("p.yaml", &text), None)
            .unwrap_err()
            .to_string();
        assert!(told.contains("no address of a store"), "{bad}: {told}");
    }
}

#[test]
fn each_mistake_is_told_where_it_stands_with_what_to_write_instead() {
    for (from, to, said, hint) in [
        (
            "values ({{id}}",
            "values ('{{id}}'",
            "no parameter stands in quotes",
            "leave the quotes out",
        ),
        (
            "order by id limit 5000",
            "order by id limit 5000; delete from orders",
            "several statements",
            "one for each",
        ),
        (
            "{ sql: show server_version }",
            "/version",
            "knows no paths",
            "{ sql: select",
        ),
        ("[\"25006\"]", "[read-only]", "no SQLSTATE", "\"23505\""),
        (
            "acked: { sqlstate: [\"00000\"],",
            "acked: { status: [200],",
            "and no status",
            "00000",
        ),
        (
            "acked: { sqlstate: [\"00000\"],",
            "acked: {",
            "no SQLSTATE is named",
            "00000",
        ),
        (
            "settings:",
            "settings:\n          port: \"1\"",
            "sets `port` itself",
            "take it out",
        ),
        ("ANY 1 (*)", "ANY 1 ('a')", "no quotes", "without quotes"),
        ("promote-after: 1s", "promote-after: 2m", "too long", "60 s"),
        (
            "replicas: 3",
            "replicas: 1",
            "no standby to promote",
            "replicas: 2",
        ),
        (
            "replicas: 3",
            "replicas: 6",
            "6 servers on one machine",
            "at most 5",
        ),
        (
            "postgresql:                    #",
            "postgresql:\n        part: nobody #",
            "no part `nobody`",
            "postgres",
        ),
        (
            "gateway:\n  postgresql:\n    database: trading\n    elsewhere: [\"25006\"]",
            "x-gone:\n  - 1",
            "this is a statement",
            "method, path",
        ),
        ("accounts:", "tls: {}\naccounts:", "TLS to a store", ""),
    ] {
        let text = shipped(SYSTEM).text;
        assert!(text.contains(from), "{from}");
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
fn what_is_done_to_one_process_is_not_done_to_servers_of_several() {
    let profile = shipped(SYSTEM);
    for (kind, said, instead) in [
        ("freeze: {}", "several processes", "by: cgroup"),
        (
            "clock-skew: { ahead: 5s }",
            "servers of PostgreSQL",
            "kill, restart",
        ),
        ("out-of-memory: {}", "several processes", "kill ends all"),
    ] {
        let text = shipped(SCENARIO)
            .text
            .replace("kill: { signal: KILL }", kind);
        let told = compile_both(&file("s.yaml", &text), &profile, &[])
            .unwrap_err()
            .to_string();
        assert!(
            told.contains(said) && told.contains(instead),
            "{kind}: {told}"
        );
    }
}
