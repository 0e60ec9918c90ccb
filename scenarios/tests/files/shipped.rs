//! Every shipped file validates, says what it promises, and its schemas are fresh.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::common::{QUICKSTART, REFERENCE, compile_both, file, shipped, with};
use shakedown_scenarios::calendar::Calendar;
use shakedown_scenarios::plan::{DataClass, EnvironmentPlan, RuleKind};
use shakedown_scenarios::suite::{Draft, Member};
use shakedown_scenarios::{
    FileKind, SchemaKind, checkable, compile_profile, file_kind, library, schema, starter,
    system_reference,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_shipped_file_compiles_without_a_word() {
    for shipped in library::all() {
        let source = file(shipped.path, shipped.text);
        assert_eq!(
            file_kind(&source).unwrap(),
            shipped.kind,
            "{}",
            shipped.path
        );
        match shipped.kind {
            FileKind::Profile => {
                let compiled =
                    compile_profile(&source, None).unwrap_or_else(|told| panic!("{told}"));
                assert_eq!(compiled.plan.system.name, shipped.name);
                assert!(compiled.plan.rules.is_empty() && compiled.plan.faults.is_empty());
            }
            FileKind::Calendar => {
                let calendar = Calendar::parse(&source).unwrap_or_else(|told| panic!("{told}"));
                assert_eq!(calendar.name, shipped.name);
            }
            FileKind::Suite => {
                let draft = Draft::read(&source).unwrap_or_else(|told| panic!("{told}"));
                let folder = Path::new(shipped.path).parent().unwrap();
                let members: Vec<Member> = (draft.files().iter())
                    .map(|file| member(&folder.join(file)))
                    .collect();
                let suite = draft
                    .against(&members)
                    .unwrap_or_else(|told| panic!("{told}"));
                assert_eq!(suite.name, shipped.name);
            }
            FileKind::Scenario => {
                let (system, _) = system_reference(&source).unwrap();
                assert!(
                    library::find(&system).is_some_and(|found| found.kind == FileKind::Profile)
                );
                let compiled = with(shipped.name, &[]).unwrap_or_else(|told| panic!("{told}"));
                assert_eq!(compiled.plan.scenario, shipped.name);
                assert!(!compiled.plan.about.is_empty());
            }
        }
    }
}

/// A scenario of a shipped suite.
pub fn member(path: &Path) -> Member {
    let path = path.to_string_lossy();
    let scenario = library::find(&path).unwrap_or_else(|| panic!("{path} is not shipped"));
    let compiled = with(scenario.name, &[]).unwrap_or_else(|told| panic!("{told}"));
    let rules = compiled.plan.rules.iter();
    Member {
        scenario: compiled.plan.scenario.clone(),
        checks: rules.map(|rule| rule.id.clone()).collect(),
    }
}

#[test]
fn what_init_writes_compiles() {
    let profile = file("system.yaml", starter::PROFILE);
    let scenario = file("scenario.yaml", starter::SCENARIO);
    compile_profile(&profile, None).unwrap_or_else(|told| panic!("{told}"));
    compile_both(&scenario, &profile, &[]).unwrap_or_else(|told| panic!("{told}"));
}

#[test]
fn every_shipped_file_names_its_schema() {
    for one in library::all() {
        let first = one.text.lines().next().unwrap();
        let (_, schema) = first
            .split_once("yaml-language-server: $schema=")
            .expect("the first line names the schema");
        let folder = root().join("library").join(one.path);
        let schema = folder.parent().unwrap().join(schema);
        assert!(schema.is_file(), "{} names {}", one.path, schema.display());
    }
}

#[test]
fn the_quickstart_has_the_rules_that_others_rely_on() {
    let plan = with(QUICKSTART, &[]).unwrap().plan;
    let ids: Vec<&str> = plan.rules.iter().map(|rule| rule.id.as_str()).collect();
    for id in [
        "steady-p99",
        "steady-rate",
        "failover",
        "lost",
        "divergent",
        "phantom",
        "duplicate",
        "corrupt",
    ] {
        assert!(ids.contains(&id), "{id} is missing from {ids:?}");
    }
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        ids.len(),
        "ids are unique"
    );
    let unresolved = plan
        .rules
        .iter()
        .find(|rule| rule.id == "unresolved")
        .unwrap();
    assert_eq!(unresolved.source.as_deref(), Some("implied"));
    let kind = RuleKind::Orders {
        class: DataClass::Unresolved,
        at_most: 0,
    };
    assert_eq!(unresolved.kind, kind);
    let longest_s = 20 + 10 + 8 + 40;
    assert!(longest_s < 90);
    assert!(
        plan.notes[0].contains(&format!("{longest_s} s at most")),
        "{:?}",
        plan.notes
    );
    assert!(matches!(plan.environment, EnvironmentPlan::Local { .. }));
    let all_provable = checkable(&plan.system)
        .iter()
        .all(|(_, provable)| provable.is_ok());
    assert!(all_provable);
}

#[test]
fn the_same_texts_give_the_same_digest() {
    let first = with(QUICKSTART, &[]).unwrap().plan.digest;
    assert_eq!(first.len(), 64);
    for _ in 0..100 {
        assert_eq!(with(QUICKSTART, &[]).unwrap().plan.digest, first);
    }
    let digests: BTreeSet<String> = library::all()
        .iter()
        .filter(|one| one.kind == FileKind::Scenario)
        .map(|one| with(one.name, &[]).unwrap().plan.digest)
        .collect();
    let scenarios = library::all().iter();
    assert_eq!(
        digests.len(),
        scenarios
            .filter(|one| one.kind == FileKind::Scenario)
            .count(),
        "different scenarios have different digests"
    );
}

#[test]
fn layout_and_comments_do_not_change_the_digest() {
    let plain = with(QUICKSTART, &[]).unwrap();
    let mut scenario = shipped(QUICKSTART);
    scenario.text = format!("# a comment\n\n{}\n# the end\n", plain.scenario_yaml);
    let again = compile_both(&scenario, &shipped(REFERENCE), &[]).unwrap();
    assert_eq!(again.plan.digest, plain.plan.digest);
}

/// `UPDATE_SCHEMAS=1 cargo test -p shakedown-scenarios` writes them anew.
#[test]
fn the_schemas_are_fresh() {
    for (kind, name) in [
        (SchemaKind::Scenario, "scenario.schema.json"),
        (SchemaKind::Profile, "profile.schema.json"),
        (SchemaKind::Calendar, "calendar.schema.json"),
        (SchemaKind::Suite, "suite.schema.json"),
    ] {
        let path = root().join("schema").join(name);
        let fresh = format!(
            "{}\n",
            serde_json::to_string_pretty(&sorted(schema(kind))).unwrap()
        );
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &fresh).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == fresh,
            "{name} is stale: set UPDATE_SCHEMAS=1 and run this test again"
        );
    }
}

/// Keys in order, so that the text does not depend on how other crates configure JSON maps.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            let ordered: std::collections::BTreeMap<_, _> = fields.into_iter().collect();
            ordered
                .into_iter()
                .map(|(key, field)| (key, sorted(field)))
                .collect()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[test]
fn schemas_know_what_works_and_hide_what_comes_later() {
    let scenario = schema(SchemaKind::Scenario);
    // Without the root, whose `if` is the schema's own word.
    let scenario = format!("{}{}", scenario["properties"], scenario["$defs"]);
    for there in [
        "kill",
        "freeze",
        "restart",
        "clock-skew",
        "poisson",
        "ramp",
        "steps",
        "spike",
        "bursts",
        "hawkes",
        "replay",
        "steady",
        "without-role",
        "drain",
        "evict",
        "zone",
    ] {
        assert!(scenario.contains(&format!("\"{there}\"")), "{there}");
    }
    for later in ["if", "by-cancel"] {
        assert!(!scenario.contains(&format!("\"{later}\"")), "{later}");
    }
    let profile = schema(SchemaKind::Profile);
    assert_eq!(profile["additionalProperties"], false);
    assert!(profile["properties"]["data"].is_object());
}
