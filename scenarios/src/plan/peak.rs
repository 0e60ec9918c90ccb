//! A recorded peak that a standard wants doubled, as planned.

use jiff::civil::Date;
use serde::Serialize;

/// The highest load that was recorded, and where that is known from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Peak {
    pub standard: Standard,
    /// Messages received in the busiest second.
    pub in_per_s: f64,
    /// Messages sent in the busiest second.
    pub out_per_s: f64,
    /// Trades in the busiest second.
    pub trades_per_s: Option<f64>,
    /// First day of the window.
    pub from: Date,
    /// Last day of the window.
    pub to: Date,
    pub source: String,
    /// When the figures were put together.
    pub date: Date,
    /// The figures are invented.
    pub example: bool,
}

/// The standard that asks for the double.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standard {
    #[serde(rename = "rts-6")]
    Rts6,
    #[serde(rename = "rts-7")]
    Rts7,
}

impl Standard {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Standard::Rts6 => "rts-6",
            Standard::Rts7 => "rts-7",
        }
    }

    /// The standard with its article.
    pub fn article(self) -> &'static str {
        match self {
            Standard::Rts6 => "RTS 6 article 10",
            Standard::Rts7 => "RTS 7 article 11",
        }
    }
}

/// Which flow of a peak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeakFlow {
    /// Messages that the system receives.
    In,
    /// Messages that the system sends.
    Out,
    Trades,
}

impl PeakFlow {
    /// The id of the rule that asks for its double.
    pub fn rule_id(self) -> &'static str {
        match self {
            PeakFlow::In => "peak-in",
            PeakFlow::Out => "peak-out",
            PeakFlow::Trades => "peak-trades",
        }
    }

    /// What is counted.
    pub fn words(self) -> &'static str {
        match self {
            PeakFlow::In => "messages in",
            PeakFlow::Out => "messages out",
            PeakFlow::Trades => "trades",
        }
    }
}

impl Peak {
    /// Every flow that has a peak, with it.
    pub fn flows(&self) -> Vec<(PeakFlow, f64)> {
        let messages = [
            (PeakFlow::In, self.in_per_s),
            (PeakFlow::Out, self.out_per_s),
        ];
        let trades = self.trades_per_s.map(|per_s| (PeakFlow::Trades, per_s));
        messages.into_iter().chain(trades).collect()
    }

    /// Where the peak is from: the standard, the window, the source and its date.
    pub fn origin(&self) -> String {
        let window = format!(
            "twice the peak of {} to {} ({}, {})",
            self.from, self.to, self.source, self.date
        );
        match self.example {
            true => format!(
                "an example, nobody's peak: {}, {window}",
                self.standard.article()
            ),
            false => format!("{}: {window}", self.standard.article()),
        }
    }
}
