//! The systems that Shakedown is for: the suite of each is green from outside, and each figure of its documents can turn red.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

mod hft;
mod hive_mind;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use shakedown_record::Verdict;
use shakedown_record::run_record::{RunRecord, Severity};
use shakedown_record::suite::{SuiteRecord, SuiteState};
use shakedown_tests::calm::soundly;
use shakedown_tests::shakedown::{Finished, Sandbox, check, workspace};

/// A scenario of a shipped suite.
fn of_suite(suite: &str, scenario: &str) -> PathBuf {
    let folder = workspace().join("scenarios/library").join(suite);
    folder.join(scenario).with_extension("yaml")
}

/// A suite that was run.
struct SuiteRun {
    finished: Finished,
    root: PathBuf,
    record: SuiteRecord,
}

impl SuiteRun {
    /// Runs the scenarios of a shipped suite that have a tag, until the generator was sound in all of them.
    fn of(sandbox: &Sandbox, suite: &str, tag: &str) -> SuiteRun {
        let folder = workspace().join("scenarios/library").join(suite);
        soundly(|| {
            let root = sandbox.new_run_dir();
            let [folder, out] = [&folder, &root].map(|path| path.to_str().unwrap());
            let finished = sandbox.run(&["suite", folder, "--yes", "--tag", tag, "--out", out]);
            let run = SuiteRun::read(finished, root);
            let sound = run.finished.code != Some(2) || !run.is_starved();
            (run, sound)
        })
    }

    #[track_caller]
    fn read(finished: Finished, root: PathBuf) -> SuiteRun {
        let text = fs::read_to_string(root.join("suite.json"));
        let text = text.unwrap_or_else(|error| panic!("suite.json: {error}\n{}", finished.said()));
        let record = serde_json::from_str(&text).unwrap();
        SuiteRun {
            finished,
            root,
            record,
        }
    }

    fn is_starved(&self) -> bool {
        let mut runs = self
            .record
            .scenarios
            .iter()
            .filter_map(|it| it.run.as_ref());
        runs.any(|run| {
            let text = fs::read_to_string(self.root.join(run).join("record.json"));
            let record = text.ok().and_then(|text| serde_json::from_str(&text).ok());
            record.is_some_and(|record: RunRecord| record.generator.saturated)
        })
    }

    /// Green, with these scenarios run, and a way from every figure that they show to a run that can be judged again.
    #[track_caller]
    fn is_green(&self, sandbox: &Sandbox, scenarios: &[&str]) {
        self.finished.expect_code(0);
        assert_eq!(self.record.verdict, Verdict::Pass);
        let judged = self.record.scenarios.iter();
        let judged = judged.filter(|it| it.state == SuiteState::Judged);
        let judged: Vec<&str> = judged.map(|it| it.scenario.as_str()).collect();
        assert_eq!(judged, scenarios);
        let mut runs = BTreeSet::new();
        for requirement in &self.record.requirements {
            for shown in &requirement.shown_by {
                let was_run = scenarios.contains(&shown.scenario.as_str());
                assert_eq!(shown.verdict.is_some(), was_run, "{requirement:?}");
                if !was_run {
                    continue;
                }
                let counts =
                    !requirement.waived && !self.is_waived(shown.check.as_ref(), &shown.scenario);
                if counts && requirement.severity == Severity::Critical {
                    assert_eq!(shown.verdict, Some(Verdict::Pass), "{requirement:?}");
                }
                runs.insert(self.root.join(shown.run.as_ref().unwrap()));
            }
        }
        for run in &runs {
            sandbox
                .run(&["report", run.to_str().unwrap()])
                .expect_words(&["read back"]);
        }
        let html = fs::read_to_string(self.root.join("suite.html")).unwrap();
        for requirement in &self.record.requirements {
            assert!(
                html.contains(&requirement.id),
                "{} is not in suite.html",
                requirement.id
            );
        }
        assert_eq!(sandbox.left_after_s(2.0), []);
    }

    fn is_waived(&self, check: Option<&String>, scenario: &str) -> bool {
        let subject = check.map(|check| format!("{scenario}/{check}"));
        let mut waived = self.record.waived.iter();
        subject.is_some_and(|subject| waived.any(|waiver| waiver.subject == subject))
    }
}

/// Runs a scenario in which figures are violated: each of these checks says so.
#[track_caller]
fn turns_red(sandbox: &Sandbox, scenario: &Path, more: &[&str], checks: &[&str]) -> RunRecord {
    let run = sandbox.run_soundly(scenario, more);
    let record = run.expect_code(1);
    for id in checks {
        let red = check(&record, id);
        assert_eq!(red.verdict, Verdict::Fail, "{id}\n{}", run.finished.said());
        assert!(!red.why.is_empty(), "{red:?}");
    }
    assert_eq!(sandbox.left_after_s(2.0), []);
    record
}
