//! What an agent says: one JSON object a line on standard output, which the runner reads as the log of its pod. Pure.

use serde::{Deserialize, Serialize};
use shakedown_record::event::Leftover;
use shakedown_record::fault::{Effect, FaultTarget};

use super::machine::{EndedBy, Step};

/// The version of this format.
pub const REPORT_VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The version; also what tells a report from any other line of a log.
    pub shakedown_agent: u32,
    /// When it was said, by the clock of the node, in nanoseconds since 1970. Beside the moment at which the runner
    /// reads the line, it bounds how far the two clocks are apart.
    pub said_at_unix_ns: u64,
    pub said: Said,
}

/// What is said, in the order in which it happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// It runs, and has understood its order.
    Ready { node: String, version: String },
    /// Everything is in place but the change itself; it waits to be told.
    Armed {
        mechanism: String,
        targets: Vec<FaultTarget>,
    },
    /// It was done.
    Injected {
        /// Stamped before the change, by the clock of the node, in nanoseconds since 1970.
        at_unix_ns: u64,
        /// From then until the change was made, in nanoseconds.
        took_ns: u64,
    },
    /// What was seen of it.
    Effect(Effect),
    /// Why it is being taken back.
    Ended { why: EndedBy },
    /// It was taken back.
    Healed,
    /// Everything is as before.
    Clean,
    /// Something is not.
    NotClean {
        left: Option<Leftover>,
        reason: String,
    },
    /// A step did not succeed. Whatever was done is being taken back.
    Failed { stage: Step, why: String },
    /// A former life of this agent was cut short: what was still to be taken back, and now is.
    Recovered { done: Vec<String> },
}

impl Report {
    /// Said at this moment.
    pub fn new(said_at_unix_ns: u64, said: Said) -> Report {
        Report {
            shakedown_agent: REPORT_VERSION,
            said_at_unix_ns,
            said,
        }
    }

    /// The line, with its end.
    pub fn line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("a report has only keys that are text");
        line.push('\n');
        line
    }

    /// Reads one line of a log; `None` for what is no report of this version.
    pub fn parse(line: &str) -> Option<Report> {
        let report: Report = serde_json::from_str(line.trim()).ok()?;
        (report.shakedown_agent == REPORT_VERSION).then_some(report)
    }

    /// All reports of a log; whatever else stands in it is skipped.
    pub fn all(log: &str) -> Vec<Report> {
        log.lines().filter_map(Report::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(said: Said) -> Report {
        Report::new(1_800_000_000_123_456_789, said)
    }

    #[test]
    fn every_report_is_one_line_and_is_read_back() {
        for said in [
            Said::Ready {
                node: "node-1".into(),
                version: "0.1.0".into(),
            },
            Said::Armed {
                mechanism: "nftables\n(drop)".into(),
                targets: Vec::new(),
            },
            Said::Injected {
                at_unix_ns: 1_800_000_000_000_000_001,
                took_ns: 7,
            },
            Said::Effect(Effect::not_seen("nothing")),
            Said::Ended {
                why: EndedBy::LeaseLost,
            },
            Said::Healed,
            Said::Clean,
            Said::NotClean {
                left: None,
                reason: "r".into(),
            },
            Said::Failed {
                stage: Step::Arm,
                why: "w".into(),
            },
            Said::Recovered { done: Vec::new() },
        ] {
            let sent = report(said);
            let line = sent.line();
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert_eq!(Report::parse(&line), Some(sent));
        }
    }

    #[test]
    fn the_words_are_those_of_the_contract() {
        let line = report(Said::Ended {
            why: EndedBy::HoldOver,
        });
        assert_eq!(
            line.line(),
            "{\"shakedown_agent\":1,\"said_at_unix_ns\":1800000000123456789,\"said\":{\"ended\":{\"why\":\"hold over\"}}}\n"
        );
        assert!(report(Said::Clean).line().contains("\"said\":\"clean\""));
    }

    #[test]
    fn other_lines_are_skipped() {
        let log = format!(
            "WARN something\n{}{{\"a\":1}}\n{{\"shakedown_agent\":2,\"said_at_unix_ns\":1,\"said\":\"clean\"}}\n{}\n",
            report(Said::Healed).line(),
            &report(Said::Clean).line()[..30],
        );
        assert_eq!(Report::all(&log), [report(Said::Healed)]);
    }
}
