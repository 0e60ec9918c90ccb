//! Scenarios as texts, and the streams that come of them as bytes.

use shakedown_load::flow::{Course, Draft, Flow};
use shakedown_load::pacing::{Schedule, Slot};
use shakedown_record::run_dir::sha256_hex_of;
use shakedown_scenarios::plan::LoadPlan;
use shakedown_scenarios::{CompileInput, SourceFile, compile_with};

/// An engine with two instruments and three accounts.
pub const PROFILE: &str = include_str!("exchange.yaml");

/// The load of a scenario whose section `load` is this.
pub fn load(section: &str) -> LoadPlan {
    load_with(section, "")
}

/// The load of a scenario whose recording has this text.
pub fn load_with(section: &str, recording: &str) -> LoadPlan {
    let scenario = SourceFile {
        name: "scenario.yaml".to_string(),
        text: format!(
            "scenario: stream\nsystem: exchange\nenvironment: external\nload:\n{section}\nphases: {{ steady: 60s }}\n"
        ),
    };
    let profile = SourceFile {
        name: "profile.yaml".to_string(),
        text: PROFILE.to_string(),
    };
    let input = CompileInput {
        scenario: (&scenario).into(),
        profile: (&profile).into(),
        overrides: &[],
        environment: None,
        seed: None,
    };
    let compiled = compile_with(&input, &|_, _| Ok(recording.to_string()))
        .unwrap_or_else(|told| panic!("{told}"));
    compiled.plan.load
}

/// The first slots with what they would ask of an engine that acknowledges everything.
pub fn stream(plan: &LoadPlan, seed: u64, slots: usize) -> Vec<(Slot, Draft)> {
    let flow = Flow::new(plan, seed).unwrap();
    let mut courses = vec![Course::default(); plan.sessions as usize];
    Schedule::new(plan.arrival.clone(), seed)
        .take(slots)
        .map(|slot| {
            let session = (slot.index % u64::from(plan.sessions)) as usize;
            let draft = flow.draft_in(&mut courses[session], slot.index, slot.at_ns);
            (slot, draft)
        })
        .collect()
}

/// SHA-256 over the first slots and what they would ask, every field in eight bytes.
pub fn digest(plan: &LoadPlan, seed: u64, slots: usize) -> String {
    let mut bytes = Vec::new();
    for (slot, draft) in stream(plan, seed, slots) {
        let fields = [
            slot.index,
            slot.at_ns,
            draft.kind as u64,
            u64::from(draft.symbol),
            draft.side as u64,
            u64::from(draft.account),
            draft.price_ticks as u64,
            u64::from(draft.quantity_lots),
            draft.pick,
        ];
        bytes.extend(
            fields
                .into_iter()
                .chain(draft.aim)
                .flat_map(u64::to_le_bytes),
        );
    }
    sha256_hex_of(&bytes)
}

/// A count is within four deviations of the binomial distribution; by chance it is not once in 16,000 times, and the seeds
/// are fixed.
pub fn binomial(found: usize, of: usize, chance: f64, what: &str) {
    let (of, found) = (of as f64, found as f64);
    let deviation = (of * chance * (1.0 - chance)).sqrt();
    assert!(
        (found - of * chance).abs() <= 4.0 * deviation,
        "{what}: {found} of {of}, and {chance} was expected"
    );
}
