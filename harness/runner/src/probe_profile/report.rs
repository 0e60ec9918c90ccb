//! What a probe found, line by line of the profile.

use serde::Serialize;
use shakedown_record::ExitCode;
use shakedown_scenarios::plan::{DataClass, Plan};

/// How a line of the profile fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineState {
    Ok,
    Failed,
    /// The profile does not have it; what depends on it cannot be done.
    NotInProfile,
    /// It could not be tried, for the reason that is given.
    NotTried,
}

/// One line of the profile, held against the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProbeLine {
    /// The line's name in the profile, and where it was tried.
    pub line: String,
    pub state: LineState,
    /// What the profile says.
    pub expected: String,
    /// What the engine did, without secrets.
    pub came: String,
}

/// A class of data loss that this profile cannot prove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotProvable {
    pub class: String,
    pub why: String,
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProbeReport {
    pub system: String,
    pub environment: String,
    /// No line failed.
    pub passed: bool,
    pub lines: Vec<ProbeLine>,
    pub provable: Vec<String>,
    pub not_provable: Vec<NotProvable>,
}

/// Name of the line that says whether anything of ours was left.
pub(super) const CLEAN_UP: &str = "clean-up";

impl ProbeReport {
    pub(super) fn new(
        plan: &Plan,
        lines: Vec<ProbeLine>,
        checkable: &[(DataClass, Result<(), String>)],
    ) -> Self {
        let shaken = lines.iter().find(|line| {
            // Without these nothing about data can be proven, whatever the profile promises.
            let foundation = line.line == "orders.new" || line.line.starts_with("read-back");
            foundation && line.state == LineState::Failed
        });
        let mut provable = Vec::new();
        let mut not_provable = Vec::new();
        for (class, can) in checkable {
            let class = class.name().to_string();
            match (can, shaken) {
                (Err(why), _) => not_provable.push(NotProvable {
                    class,
                    why: why.clone(),
                }),
                (Ok(()), Some(line)) => not_provable.push(NotProvable {
                    class,
                    why: format!("the line {} failed", line.line),
                }),
                (Ok(()), None) => provable.push(class),
            }
        }
        Self {
            system: plan.system.name.clone(),
            environment: plan.environment.name().to_string(),
            passed: lines.iter().all(|line| line.state != LineState::Failed),
            lines,
            provable,
            not_provable,
        }
    }

    /// True when the clean-up was verified, so that nothing of ours is open at the target.
    pub fn nothing_left(&self) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|line| line.line == CLEAN_UP && line.state == LineState::Ok)
    }

    /// 0 when no line failed, else 1.
    pub fn exit(&self) -> ExitCode {
        if self.passed {
            ExitCode::Pass
        } else {
            ExitCode::Fail
        }
    }

    /// The report in lines for a person.
    pub fn text(&self) -> Vec<String> {
        let width = self
            .lines
            .iter()
            .map(|line| line.line.chars().count())
            .max();
        let width = width.unwrap_or(0);
        let mut text: Vec<String> = self
            .lines
            .iter()
            .map(|line| {
                let (state, words) = match line.state {
                    LineState::Ok => ("ok     ", line.came.clone()),
                    LineState::Failed => (
                        "FAILED ",
                        format!("expected {}; came: {}", line.expected, line.came),
                    ),
                    LineState::NotInProfile => ("-      ", "not in the profile".to_string()),
                    LineState::NotTried => ("?      ", format!("not tried: {}", line.came)),
                };
                format!("{state} {:width$}  {words}", line.line)
            })
            .collect();
        let none = "nothing".to_string();
        let provable = match self.provable.is_empty() {
            true => none,
            false => self.provable.join(", "),
        };
        text.push(format!("provable with this profile: {provable}"));
        for not in &self.not_provable {
            text.push(format!("not: {} ({})", not.class, not.why));
        }
        text
    }
}
