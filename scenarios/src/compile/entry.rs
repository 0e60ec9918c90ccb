//! The whole way: read, decode, hold against each other, write out again.

use jiff::civil::Date;

use crate::decode::{Decoded, decode};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::environment_kind::EnvironmentKind;
use crate::plan::Plan;
use crate::source::{Override, SourceFile, Written};
use crate::spec::profile::ProfileSpec;
use crate::spec::scenario::ScenarioSpec;
use crate::yaml::{Document, Node};

use super::access::refuse_literals;
use super::environment::{Choice, environment};
use super::inputs::{self, Inputs, set_root};
use super::kind::FileKind;
use super::replay::Read;
use super::scenario::{Material, plan};
use super::sheet::{At, Sheet};
use super::stand_ins;
use super::system::describe;

const DEFAULT_SEED: u64 = 1;

/// What a plan is made of.
#[derive(Debug, Clone, Copy)]
pub struct CompileInput<'a> {
    pub scenario: Written<'a>,
    pub profile: Written<'a>,
    /// Applied in order.
    pub overrides: &'a [Override],
    /// Wins over the scenario's `environment`.
    pub environment: Option<EnvironmentKind>,
    /// Wins over the scenario's `seed`.
    pub seed: Option<u64>,
}

/// A plan, and the texts that give the same plan again.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub plan: Plan,
    /// The scenario with its bases and every option applied.
    pub scenario_yaml: String,
    /// The profile with its bases and every option applied; secrets by name only.
    pub system_yaml: String,
}

/// What a saved scenario calls the recording that it replays: a file beside it.
pub const KEPT_RECORDING: &str = "recording.csv";

/// Compiles a scenario against a profile; one that replays a recording needs [`compile_with`].
///
/// # Errors
/// Every mistake of both files and of the options, in order of position.
pub fn compile(input: &CompileInput) -> Result<Compiled, Diagnostics> {
    compile_with(
        input,
        &|_, _| Err("files are out of reach here".to_string()),
    )
}

/// Compiles a scenario that was just written, as [`compile_with`] does, and holds its dates against the day.
///
/// # Errors
/// The same, and figures that are too old or still to come.
pub fn compile_on(
    today: Date,
    input: &CompileInput,
    read: &ReadFile,
) -> Result<Compiled, Diagnostics> {
    compile_files(input, read, Some(today))
}

/// Gives the text of a file, by its path as the scenario has it and the file in which that stands; or says why it cannot be had.
pub type ReadFile<'a> = dyn Fn(&str, &SourceFile) -> Result<String, String> + 'a;

/// Compiles a scenario against a profile.
///
/// # Errors
/// Every mistake of both files, of the options, and of a recording, in order of position.
pub fn compile_with(input: &CompileInput, read: &ReadFile) -> Result<Compiled, Diagnostics> {
    compile_files(input, read, None)
}

fn compile_files(
    input: &CompileInput,
    read: &ReadFile,
    today: Option<Date>,
) -> Result<Compiled, Diagnostics> {
    let (scenario, profile) = (input.scenario, input.profile);
    let inputs = inputs::read(scenario, profile, input.environment, input.overrides)?;
    let named = inputs.scenario.root.find(&RECORDING);
    let recording = named.and_then(|node| {
        let source = &inputs.scenario.sources[node.at.source];
        let base = scenario.bases.iter().find(|base| *base == source);
        Some(read(node.text()?, base.unwrap_or(scenario.file)))
    });
    let around = Around {
        recording: recording.as_ref(),
        today,
        with_rules: true,
    };
    compiled(inputs, input.environment, input.seed, around)
}

/// Where a scenario names its recording.
const RECORDING: [&str; 4] = ["load", "arrival", "replay", "file"];

/// Compiles a profile alone, with one order a second, no faults and no rules: what `probe` and `validate` need.
/// Without `environment`, the first of local, external, docker and kubernetes that the profile has.
///
/// # Errors
/// Every mistake of the profile and its bases, in order of position.
pub fn compile_profile<'a>(
    profile: impl Into<Written<'a>>,
    environment: Option<EnvironmentKind>,
) -> Result<Compiled, Diagnostics> {
    let profile = profile.into();
    let document = inputs::whole(profile, FileKind::Profile)?;
    let has = |kind: EnvironmentKind| document.root.find(&["environments", kind.name()]).is_some();
    let first = [
        EnvironmentKind::Local,
        EnvironmentKind::External,
        EnvironmentKind::Docker,
        EnvironmentKind::Kubernetes,
    ];
    let first = first.into_iter().find(|kind| has(*kind));
    let system = document.root.find(&["system"]).and_then(|node| node.text());
    let scenario = SourceFile {
        name: "(probe)".to_string(),
        text: format!(
            "scenario: probe\nabout: One order through every line of the profile.\nsystem: {}\nload:\n  arrival: {{ constant: {{ rate: 1/s }} }}\n  sessions: 1\n  timeout: 1s\nphases: {{ warm-up: {{ at-most: 5s }}, steady: 5s }}\n",
            serde_json::Value::String(system.unwrap_or_default().to_string())
        ),
    };
    let kind = environment.or(first).unwrap_or(EnvironmentKind::Local);
    let inputs = inputs::read((&scenario).into(), profile, Some(kind), &[])?;
    let around = Around {
        recording: None,
        today: None,
        with_rules: false,
    };
    compiled(inputs, Some(kind), None, around)
}

/// What is known beside the two files.
#[derive(Debug, Clone, Copy)]
struct Around<'a> {
    recording: Option<&'a Read>,
    /// `None`: dates are not held against any day.
    today: Option<Date>,
    with_rules: bool,
}

fn compiled(
    mut inputs: Inputs,
    environment: Option<EnvironmentKind>,
    seed: Option<u64>,
    around: Around,
) -> Result<Compiled, Diagnostics> {
    let mut all = Diagnostics(refuse_literals(&mut inputs.profile));
    let has_literals = !all.is_empty();
    if let Some(kind) = environment {
        set_root(
            &mut inputs.scenario,
            "environment",
            kind.name(),
            "--environment",
        );
    }
    if let Some(seed) = seed {
        set_root(&mut inputs.scenario, "seed", &seed.to_string(), "--seed");
    }
    let Inputs { scenario, profile } = inputs;
    let decoded_scenario: Decoded<ScenarioSpec> = decode(&scenario, &stand_ins::SCENARIO);
    let mut decoded_profile: Decoded<ProfileSpec> = decode(&profile, &stand_ins::PROFILE);
    if has_literals {
        decoded_profile.pruned.push(vec!["secrets".to_string()]);
    }
    let mut found = Diagnostics(decoded_scenario.diagnostics.0);
    found.0.extend(decoded_profile.diagnostics.0);
    let (own, other) = (&decoded_scenario.pruned, &decoded_profile.pruned);
    let sheet = Sheet::new(&scenario, gone(own, other));
    let profile_sheet = Sheet::new(&profile, gone(other, own));
    let specs = (decoded_scenario.value, decoded_profile.value);
    let built = held_together(specs, (&sheet, &profile_sheet), around);
    found.0.extend(sheet.into_diagnostics().0);
    found.0.extend(profile_sheet.into_diagnostics().0);
    all.0.extend(found.0);
    all.into_result()?;
    let Some((plan, kind, seed)) = built else {
        let file = &profile.sources[0].name;
        return Err(Diagnostics(vec![
            Diagnostic::of_file(
                file,
                "no plan could be made, and no reason was found".to_string(),
            )
            .with_hint("this is a bug in Shakedown: please report it with both files"),
        ]));
    };
    Ok(Compiled {
        scenario_yaml: resolved(scenario, kind, seed),
        system_yaml: profile.to_yaml(),
        plan,
    })
}

/// What is gone from a file, and from the other one; that the other could not be read at all says nothing here.
fn gone(own: &[Vec<String>], other: &[Vec<String>]) -> Vec<Vec<String>> {
    let parts = other.iter().filter(|path| !path.is_empty());
    own.iter().chain(parts).cloned().collect()
}

/// The plan with its environment and seed; mistakes are noted on the sheets.
fn held_together(
    (scenario, profile): (Option<ScenarioSpec>, Option<ProfileSpec>),
    (sheet, profile_sheet): (&Sheet, &Sheet),
    around: Around,
) -> Option<(Plan, EnvironmentKind, u64)> {
    let profile = profile?;
    let described = describe(&profile, profile_sheet)?;
    let scenario = scenario?;
    let kind = scenario.environment.unwrap_or(EnvironmentKind::Local);
    let seed = scenario.seed.unwrap_or(DEFAULT_SEED);
    let choice = Choice {
        kind,
        sheet,
        at: At::root().to("environment"),
    };
    let environment = environment(&choice, &profile, &described.system, profile_sheet);
    let material = Material {
        scenario: &scenario,
        sheet,
        profile: &profile,
        profile_sheet,
        described: &described,
        environment,
        seed,
        recording: around.recording,
        today: around.today,
        with_rules: around.with_rules,
    };
    plan(material).map(|plan| (plan, kind, seed))
}

/// The scenario with the choices written out that a default or an option made.
fn resolved(mut scenario: Document, kind: EnvironmentKind, seed: u64) -> String {
    set_root(&mut scenario, "environment", kind.name(), "--environment");
    set_root(&mut scenario, "seed", &seed.to_string(), "--seed");
    if let Some(file) = scenario.root.find_mut(&RECORDING.map(String::from)) {
        *file = Node::scalar(KEPT_RECORDING, true, file.at);
    }
    scenario.to_yaml()
}
