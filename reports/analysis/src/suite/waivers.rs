//! What does not count today.

use shakedown_record::Verdict;
use shakedown_record::exit::ExitCode;
use shakedown_record::run_record::Severity;
use shakedown_scenarios::suite::{Date, Subject, Suite};

use super::CameTo;

/// The waivers of a suite that hold on a day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waivers<'a> {
    pub suite: &'a Suite,
    pub today: Date,
}

impl Waivers<'_> {
    fn holds(&self, wanted: &Subject) -> bool {
        let mut waivers = self.suite.waivers.iter();
        waivers.any(|waiver| waiver.subject == *wanted && waiver.holds_on(self.today))
    }

    pub(super) fn requirement(&self, id: &str) -> bool {
        self.holds(&Subject::Requirement(id.to_string()))
    }

    pub(super) fn check(&self, scenario: &str, check: &str) -> bool {
        self.holds(&Subject::Check {
            scenario: scenario.to_string(),
            check: check.to_string(),
        })
    }

    /// What a run comes to without the checks that are waived. Only where the checks alone decided it: a run that was aborted, or
    /// left something behind, is what it is.
    pub(super) fn without(&self, scenario: &str, run: &CameTo) -> (Verdict, ExitCode) {
        let code = ExitCode::from_code(run.exit_code).unwrap_or(ExitCode::Bug);
        let critical = || {
            let checks = run.checks.iter();
            checks.filter(|check| check.severity == Severity::Critical)
        };
        let by_checks = Verdict::over(critical().map(|check| check.verdict));
        let decided = ExitCode::from(by_checks) == code && by_checks == run.verdict;
        let counting: Vec<Verdict> = critical()
            .filter(|check| !self.check(scenario, &check.id))
            .map(|check| check.verdict)
            .collect();
        if !decided || run.aborted || counting.len() == critical().count() {
            return (run.verdict, code);
        }
        let verdict = Verdict::over(counting);
        (verdict, ExitCode::from(verdict))
    }
}
