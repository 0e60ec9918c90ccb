//! Verdicts and exit codes, in one place, with their precedence (design contract, section 8).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a check, or a run, came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Held, with the evidence it needs.
    Pass,
    /// Broken, with proof.
    Fail,
    /// Evidence is missing: nothing may be concluded.
    Inconclusive,
}

impl Verdict {
    /// The verdict over several: fail > inconclusive > pass; nothing at all is inconclusive.
    pub fn over(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
        verdicts
            .into_iter()
            .reduce(Verdict::worse)
            .unwrap_or(Verdict::Inconclusive)
    }

    /// The name used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Inconclusive => "inconclusive",
        }
    }

    fn worse(self, other: Verdict) -> Verdict {
        match (self, other) {
            (Verdict::Fail, _) | (_, Verdict::Fail) => Verdict::Fail,
            (Verdict::Inconclusive, _) | (_, Verdict::Inconclusive) => Verdict::Inconclusive,
            (Verdict::Pass, Verdict::Pass) => Verdict::Pass,
        }
    }
}

/// The process exit codes of Shakedown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    Pass = 0,
    /// A check failed, or an abort condition was met.
    Fail = 1,
    Inconclusive = 2,
    /// Something of ours was left behind.
    Dirty = 3,
    /// The command line or a file is wrong.
    Usage = 64,
    /// The environment could not be reached or started.
    Unavailable = 69,
    /// A bug in Shakedown.
    Bug = 70,
    /// A guard refused; nothing was touched.
    Refused = 77,
    /// Interrupted or halted, healed first.
    Interrupted = 130,
}

impl ExitCode {
    /// All codes, the one that wins first.
    pub const BY_PRECEDENCE: [ExitCode; 9] = [
        ExitCode::Bug,
        ExitCode::Dirty,
        ExitCode::Interrupted,
        ExitCode::Refused,
        ExitCode::Unavailable,
        ExitCode::Usage,
        ExitCode::Fail,
        ExitCode::Inconclusive,
        ExitCode::Pass,
    ];

    /// The number that the process exits with.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The code with this number.
    pub fn from_code(code: u8) -> Option<ExitCode> {
        ExitCode::BY_PRECEDENCE
            .into_iter()
            .find(|exit| exit.code() == code)
    }

    /// The code that wins over several; nothing at all is inconclusive.
    pub fn over(codes: impl IntoIterator<Item = ExitCode>) -> ExitCode {
        let rank = |code: &ExitCode| {
            ExitCode::BY_PRECEDENCE
                .iter()
                .position(|other| other == code)
        };
        codes
            .into_iter()
            .min_by_key(rank)
            .unwrap_or(ExitCode::Inconclusive)
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => ExitCode::Pass,
            Verdict::Fail => ExitCode::Fail,
            Verdict::Inconclusive => ExitCode::Inconclusive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_never_a_pass() {
        assert_eq!(Verdict::over([]), Verdict::Inconclusive);
        assert_eq!(ExitCode::over([]), ExitCode::Inconclusive);
    }

    #[test]
    fn the_worst_wins() {
        use Verdict::*;
        assert_eq!(Verdict::over([Pass, Inconclusive, Fail]), Fail);
        assert_eq!(Verdict::over([Pass, Inconclusive]), Inconclusive);
        assert_eq!(
            ExitCode::over([ExitCode::Fail, ExitCode::Dirty, ExitCode::Pass]),
            ExitCode::Dirty
        );
        assert_eq!(
            ExitCode::over([ExitCode::Inconclusive, ExitCode::Fail]),
            ExitCode::Fail
        );
        assert_eq!(
            ExitCode::over([ExitCode::Interrupted, ExitCode::Bug]),
            ExitCode::Bug
        );
    }
}
