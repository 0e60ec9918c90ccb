use std::path::Path;

use shakedown_record::run_dir::RunDir;
use shakedown_scenarios::plan::{DataClass, Plan};

use super::*;
use crate::testing::{Exchange, Fault, SECRET, by_id, plan, target};

async fn lines_of(plan: Plan, exchanges: &[&Exchange]) -> ProbeReport {
    let bases: Vec<String> = exchanges.iter().map(|it| it.base.clone()).collect();
    let folder = tempfile::tempdir().unwrap();
    let run_dir = RunDir::create(&folder.path().join("probe")).unwrap();
    let target = target(plan.clone(), &bases);
    let mut steps = Steps::new(&target, &run_dir, Duration::from_millis(300));
    steps.all().await;
    let checkable = [(DataClass::Lost, Ok(()))];
    ProbeReport::new(&plan, steps.lines, &checkable)
}

fn failed(report: &ProbeReport) -> Vec<&str> {
    let lines = report.lines.iter();
    lines
        .filter(|line| line.state == LineState::Failed)
        .map(|line| line.line.as_str())
        .collect()
}

#[tokio::test]
async fn a_profile_that_fits_has_no_failed_line_and_leaves_nothing() {
    for adapt in [std::convert::identity, by_id] {
        let exchange = Exchange::open().await;
        let twin = exchange.twin().await;
        let plan = adapt(plan(&[exchange.base.clone(), twin.base.clone()]));
        let report = lines_of(plan, &[&exchange, &twin]).await;
        assert!(failed(&report).is_empty(), "{:#?}", report.text());
        assert!(report.passed && report.nothing_left());
        assert_eq!(report.provable, ["lost"]);
        assert!(exchange.orders().iter().all(|order| order.state != "open"));
    }
}

#[tokio::test]
async fn a_line_that_does_not_fit_says_what_was_expected_and_what_came() {
    let exchange = Exchange::open().await;
    let bases = [exchange.base.clone()];
    exchange.misbehave(Fault::Behind);
    let report = lines_of(plan(&bases), &[&exchange]).await;
    assert!(failed(&report).contains(&"read-back at engine-1"));
    assert!(report.provable.is_empty() && !report.passed);
    assert!(
        report.not_provable[0]
            .why
            .contains("read-back at engine-1 failed")
    );

    exchange.misbehave(Fault::RejectsAll);
    let report = lines_of(plan(&bases), &[&exchange]).await;
    let text = report.text().join("\n");
    assert!(text.contains("FAILED  orders.new"), "{text}");
    assert!(text.contains("rejected: status 422: risk limit"), "{text}");
    assert!(
        text.contains("provable with this profile: nothing"),
        "{text}"
    );
}

#[tokio::test]
async fn a_secret_that_is_echoed_is_in_no_line() {
    let exchange = Exchange::open().await;
    exchange.misbehave(Fault::EchoesSecret);
    let bases = [exchange.base.clone()];
    let report = lines_of(by_id(plan(&bases)), &[&exchange]).await;
    let text = report.text().join("\n") + &serde_json::to_string(&report).unwrap();
    assert!(
        text.contains("Bearer ***") && !text.contains(SECRET),
        "{text}"
    );
}

#[test]
fn the_folder_of_a_probe_is_gone_afterwards() {
    let id = new_id();
    let root = {
        let folder = Folder::create(&id).unwrap();
        folder.run_dir.root().to_path_buf()
    };
    assert!(!Path::new(&root).exists());
}
