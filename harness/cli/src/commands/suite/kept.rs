//! What was run of a suite before: judged again from its evidence, as `shakedown report` does.

use std::fs;

use shakedown_analysis::suite::{CameTo, RanOutcome, is_finished};
use shakedown_record::run_dir::RunDir;
use shakedown_record::suite::SuiteAttempt;

use super::super::report::judged_again;
use super::members::Member;
use super::place::Place;
use crate::output::Failure;

/// What is there of a scenario.
#[derive(Default)]
pub(super) struct Kept {
    /// A run that came to its end.
    pub judged: Option<RanOutcome>,
    /// Runs that did not.
    pub unfinished: Vec<SuiteAttempt>,
}

/// Looks at the runs that there are.
///
/// # Errors
/// Exit 64 when the scenario or its profile has changed since: runs of different scenarios show nothing together.
pub(super) fn look(place: &Place, member: &Member) -> Result<Kept, Failure> {
    let mut kept = Kept::default();
    for run in place.runs_of(&member.compiled.plan.scenario) {
        let dir = RunDir::at(&place.root.join(&run));
        let Some((record, _)) = judged_again(&dir).ok().and_then(|(analysis, saved)| {
            let saved = saved?;
            Some((analysis.record, saved))
        }) else {
            kept.unfinished.push(SuiteAttempt {
                run,
                exit_code: None,
            });
            continue;
        };
        if !is_finished(record.exit_code) {
            kept.unfinished.push(SuiteAttempt {
                run,
                exit_code: Some(record.exit_code),
            });
            continue;
        }
        if !is_the_same(&dir, member) {
            return Err(Failure::usage(format!(
                "{}: {} was run with another scenario or profile, or in another environment; begin a new suite",
                member.file,
                dir.root().display()
            )));
        }
        let came_to = CameTo::from(&record);
        kept.judged = Some(RanOutcome::Judged { run, came_to });
    }
    Ok(kept)
}

/// The run was one of this very scenario and profile.
fn is_the_same(dir: &RunDir, member: &Member) -> bool {
    let holds = |path, text: &str| fs::read_to_string(path).is_ok_and(|kept| kept == text);
    holds(dir.scenario(), &member.compiled.scenario_yaml)
        && holds(dir.system(), &member.compiled.system_yaml)
}
