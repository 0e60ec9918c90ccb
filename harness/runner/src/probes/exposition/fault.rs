//! What can be wrong with a line.

/// Why a line is not of the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    #[error("there is no name of a series at its beginning")]
    NoName,
    #[error("names in quotes are not read; let the server escape them (escaping=underscores)")]
    QuotedName,
    #[error("the labels have no end")]
    LabelsOpen,
    #[error("`{0}` is no name of a label")]
    LabelName(String),
    #[error("the value of label `{0}` is not in quotes")]
    LabelQuotes(String),
    #[error("the value of label `{0}` has no end")]
    LabelOpen(String),
    #[error("`\\{escape}` in the value of label `{label}` is no escape")]
    LabelEscape { label: String, escape: char },
    #[error("after label `{0}` there is neither a comma nor the end")]
    LabelEnd(String),
    #[error("label `{0}` is there twice")]
    LabelTwice(String),
    #[error("there is no value")]
    NoValue,
    #[error("`{0}` is no value")]
    Value(String),
    #[error("`{0}` is no time stamp")]
    TimeStamp(String),
    #[error("`{0}` is too much")]
    TooMuch(String),
    #[error("the exemplar cannot be read")]
    Exemplar,
    #[error("a type needs a name and one of counter, gauge, histogram, summary, untyped")]
    Type,
    #[error("the type of `{0}` is there twice")]
    TypeTwice(String),
    #[error("the type of `{0}` comes after its samples")]
    TypeLate(String),
    #[error("this series is there twice: {0}")]
    SampleTwice(String),
    #[error("there is something after `# EOF`")]
    AfterEnd,
    #[error("`# EOF` is missing: the text was cut off")]
    NoEnd,
    #[error("the last line has no end: the text was cut off")]
    NoLineEnd,
}
