//! Scenarios that are made of others.

use shakedown_scenarios::{
    CompileInput, Compiled, Diagnostics, FileKind, SchemaKind, SourceFile, Written, compile,
    compile_with, file_kind, schema, system_reference,
};

use crate::common::{compile_both, file, only, shipped};

const BASE: &str = "\
system: reference
about: What all of them have.
load:
  arrival: { poisson: { rate: 200/s } }
  mix: { new: 70, cancel: 30 }
  sessions: 16
  timeout: 1s
phases: { warm-up: { at-most: 30s }, steady: 10s }
sla:
  errors: { error-rate: { at-most: 1%, in: steady } }
  lost: { lost-orders: { at-most: 0 } }
";

const CALM: &str = "\
base: _base.yaml
scenario: calm
load: { arrival: { poisson: null, constant: { rate: 100/s } } }
sla:
  errors: null
  lost: { severity: warning }
tags: [ci]
";

fn made(text: &str, bases: &[&str]) -> Result<Compiled, Diagnostics> {
    let scenario = file("suite/calm.yaml", text);
    let bases: Vec<SourceFile> = bases
        .iter()
        .map(|text| file("suite/_base.yaml", text))
        .collect();
    let profile = shipped("reference");
    compile(&CompileInput {
        scenario: Written {
            file: &scenario,
            bases: &bases,
        },
        profile: (&profile).into(),
        overrides: &[],
        environment: None,
        seed: None,
    })
}

#[test]
fn what_is_said_again_counts_and_the_rest_is_the_bases() {
    let compiled = made(CALM, &[BASE]).unwrap();
    let whole = "scenario: calm\nabout: What all of them have.\ntags: [ci]\nsystem: reference\n\
        load:\n  mix: { new: 70, cancel: 30 }\n  sessions: 16\n  timeout: 1s\n  \
        arrival: { constant: { rate: 100/s } }\n\
        phases: { warm-up: { at-most: 30s }, steady: 10s }\n\
        sla: { lost: { lost-orders: { at-most: 0 }, severity: warning } }\n";
    let written_out = compile_both(&file("calm.yaml", whole), &shipped("reference"), &[]).unwrap();
    assert_eq!(compiled.plan.digest, written_out.plan.digest);
    let ids = compiled.plan.rules.iter().map(|rule| rule.id.as_str());
    assert!(!ids.clone().any(|id| id == "errors"), "null takes it out");
    assert!(ids.clone().any(|id| id == "lost"));
}

#[test]
fn a_run_keeps_what_came_of_the_bases() {
    let compiled = made(CALM, &[BASE]).unwrap();
    assert!(!compiled.scenario_yaml.contains("base"));
    let kept = file("scenario.yaml", &compiled.scenario_yaml);
    let again = compile_both(&kept, &shipped("reference"), &[]).unwrap();
    assert_eq!(again.plan.digest, compiled.plan.digest);
    let other = made(CALM, &[&BASE.replace("sessions: 16", "sessions: 17")]).unwrap();
    assert_ne!(other.scenario_yaml, compiled.scenario_yaml);
    assert_ne!(other.plan.digest, compiled.plan.digest);
}

#[test]
fn a_mistake_is_shown_in_the_file_in_which_it_stands() {
    let of_base = BASE.replace("steady: 10s", "steady: ten");
    let of_file = CALM.replace("100/s", "fast");
    let told = made(&of_file, &[&of_base]).unwrap_err();
    let places: Vec<_> = told
        .0
        .iter()
        .map(|it| (it.file.as_str(), it.line))
        .collect();
    assert_eq!(
        places,
        [("suite/calm.yaml", Some(3)), ("suite/_base.yaml", Some(8))],
        "{told}"
    );
    let unknown = BASE.replace("sessions:", "sesions:");
    let told = made(CALM, &[&unknown]).unwrap_err().to_string();
    assert!(told.contains("suite/_base.yaml:6:3"), "{told}");
    assert!(told.contains("did you mean `sessions`?"), "{told}");
    let missing = only(made(&CALM.replace("scenario: calm\n", ""), &[BASE]));
    assert_eq!(missing.file, "suite/calm.yaml", "{missing}");
}

#[test]
fn a_base_that_is_not_there_or_is_its_own_is_told_where_it_is_named() {
    let told = only(made(CALM, &[]));
    assert_eq!(
        (told.file.as_str(), told.line, told.column),
        ("suite/calm.yaml", Some(1), Some(7))
    );
    assert!(
        told.message.contains(
            "base '_base.yaml' is neither a file beside the scenario nor a shipped scenario"
        ),
        "{told}"
    );
    let slip = only(made("base: quikstart\nscenario: mine\n", &[]));
    assert_eq!(slip.hint.as_deref(), Some("did you mean `quickstart`?"));
    let profile = only(made("base: reference\nscenario: mine\n", &[]));
    assert!(
        profile.message.contains("nor a shipped scenario"),
        "{profile}"
    );
    let told = only(made("base: calm.yaml\nscenario: mine\n", &[CALM; 12]));
    assert!(told.message.contains("more than 8 bases"), "{told}");
}

#[test]
fn shipped_scenarios_are_bases_too() {
    let compiled = made("base: quickstart\nscenario: mine\nseed: 3\n", &[]).unwrap();
    assert_eq!(compiled.plan.scenario, "mine");
    assert_eq!(compiled.plan.seed, 3);
    assert_eq!(compiled.plan.faults.len(), 1);
}

#[test]
fn files_that_a_base_names_lie_beside_the_base() {
    let (scenario, base) = (
        file("suite/calm.yaml", "base: ../_base.yaml\nscenario: calm\n"),
        file(
            "_base.yaml",
            &BASE
                .replace("poisson: { rate: 200/s }", "replay: { file: day.csv }")
                .replace("  mix: { new: 70, cancel: 30 }\n", ""),
        ),
    );
    let bases = [base];
    let written = Written {
        file: &scenario,
        bases: &bases,
    };
    let named = system_reference(written).unwrap();
    assert_eq!(named, ("reference".to_string(), "_base.yaml".to_string()));
    let profile = shipped("reference");
    let input = CompileInput {
        scenario: written,
        profile: (&profile).into(),
        overrides: &[],
        environment: None,
        seed: None,
    };
    let told = compile_with(&input, &|path, named_in| {
        Err(format!("{path} of {}", named_in.name))
    });
    let told = told.unwrap_err().to_string();
    assert!(told.contains("day.csv of _base.yaml"), "{told}");
}

#[test]
fn what_has_a_base_is_known_for_what_it_is() {
    let kind = |text| file_kind(&file("x", text)).unwrap();
    assert_eq!(kind(CALM), FileKind::Scenario);
    assert_eq!(kind("base: reference\nsystem: mine\n"), FileKind::Profile);
}

#[test]
fn the_schema_asks_a_file_with_a_base_for_its_name_alone() {
    let schema = schema(SchemaKind::Scenario);
    assert_eq!(schema["properties"]["base"]["type"], "string");
    assert_eq!(schema["then"]["required"], serde_json::json!(["scenario"]));
    let required = schema["else"]["required"].as_array().unwrap();
    assert!(required.iter().any(|it| it == "load"), "{required:?}");
}
