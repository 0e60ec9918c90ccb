//! Suites: which scenarios belong together, which figure of a system's documents each check shows, and what is waived.
//!
//! Pure: texts in, a suite or every mistake out. A requirement that nothing shows is a mistake unless it is waived by name: a
//! figure that nobody looks at must not look like one that holds.

mod draft;
#[cfg(test)]
mod tests;

pub use jiff::civil::Date;

pub use draft::{Draft, Member};

/// Scenarios with what they show together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    pub name: String,
    pub about: Option<String>,
    /// Files, in the order in which they are run; relative to the suite's own.
    pub files: Vec<String>,
    pub requirements: Vec<Requirement>,
    pub waivers: Vec<Waiver>,
}

/// One figure of the documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    pub id: String,
    /// The figure, as the documents have it.
    pub figure: String,
    /// Where it stands.
    pub source: Option<String>,
    /// Every one of these has to pass.
    pub shown_by: Vec<ShownBy>,
}

/// A check of a scenario, or all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownBy {
    pub scenario: String,
    /// `None`: the scenario as a whole.
    pub check: Option<String>,
}

impl std::fmt::Display for ShownBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.check {
            Some(check) => write!(f, "{}/{check}", self.scenario),
            None => f.write_str(&self.scenario),
        }
    }
}

/// Something that does not count for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    pub subject: Subject,
    pub reason: String,
    /// The last day on which it does not count.
    pub until: Date,
}

impl Waiver {
    /// Whether it holds on a day.
    pub fn holds_on(&self, today: Date) -> bool {
        today <= self.until
    }
}

/// What a waiver is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Requirement(String),
    Check { scenario: String, check: String },
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Subject::Requirement(id) => f.write_str(id),
            Subject::Check { scenario, check } => write!(f, "{scenario}/{check}"),
        }
    }
}

impl Suite {
    /// A suite of scenarios that nobody wrote a file for: no figures, nothing waived.
    pub fn of_files(name: &str, files: Vec<String>) -> Suite {
        Suite {
            name: name.to_string(),
            about: None,
            files,
            requirements: Vec::new(),
            waivers: Vec::new(),
        }
    }
}
