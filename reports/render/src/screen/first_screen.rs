//! The first screen, put together from a record.

use shakedown_record::exit::Verdict;
use shakedown_record::run_record::RunRecord;

use super::{CheckLine, Headline, Line, checks, faults, headline, remains};

/// The first screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FirstScreen {
    pub(crate) verdict: Verdict,
    pub(crate) headline: Headline,
    /// Reasons beyond the headline that no check tells.
    pub(crate) reasons: Vec<String>,
    pub(crate) target: String,
    pub(crate) defect: Option<String>,
    /// A self-test of Shakedown, and which faults were left without effect for it.
    pub(crate) self_test: Option<String>,
    /// Guards that a person overruled: who, and why.
    pub(crate) overruled: Vec<String>,
    pub(crate) faults: Vec<Line>,
    pub(crate) outages: Vec<Line>,
    pub(crate) checks: Vec<CheckLine>,
    pub(crate) read_back: Line,
    pub(crate) generator: Line,
    pub(crate) left_behind: Vec<Line>,
    /// Classes of data loss that nobody looked for; empty when all were checked.
    pub(crate) not_checked: Option<String>,
    pub(crate) run: String,
}

impl FirstScreen {
    /// The first screen of a record.
    pub(crate) fn of(record: &RunRecord) -> FirstScreen {
        FirstScreen {
            verdict: record.verdict,
            headline: Headline::of(record),
            reasons: headline::other_reasons(record),
            target: headline::target(record),
            defect: record.run.defect.clone(),
            self_test: headline::self_test(&record.run.blunted),
            overruled: record
                .run
                .overrides
                .iter()
                .map(headline::overruled)
                .collect(),
            faults: faults::sentences(&record.faults),
            outages: faults::outages(record),
            checks: checks::lines(record),
            read_back: remains::read_back(record),
            generator: remains::generator(&record.generator),
            left_behind: remains::left_behind(record),
            not_checked: remains::not_checked(&record.data_loss),
            run: headline::run_line(record),
        }
    }
}
