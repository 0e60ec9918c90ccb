//! The one entry: an analysis and a format in, a document out.

use shakedown_analysis::Analysis;

use crate::look::Look;
use crate::{html, json, junit, markdown, text};

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The console.
    Text,
    /// `record.json`.
    Json,
    /// `report.html`, one file.
    Html,
    /// `junit.xml`.
    Junit,
    /// `summary.md`.
    Markdown,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 5] = [
        Format::Text,
        Format::Json,
        Format::Html,
        Format::Junit,
        Format::Markdown,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
            Format::Html => "html",
            Format::Junit => "junit",
            Format::Markdown => "markdown",
        }
    }
}

/// There is no such format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no report format '{given}': it is one of text, json, html, junit, markdown")]
pub struct UnknownFormat {
    pub given: String,
}

impl std::str::FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Format::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| UnknownFormat { given: text.into() })
    }
}

/// Renders a report, ended by a newline. Only the text looks at `look`.
pub fn render(format: Format, analysis: &Analysis, look: &Look) -> String {
    match format {
        Format::Text => text::render_text(analysis, look),
        Format::Json => json::render_json(&analysis.record),
        Format::Html => html::render_html(analysis),
        Format::Junit => junit::render_junit(&analysis.record),
        Format::Markdown => markdown::render_markdown(analysis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_names_that_read_back() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        assert!("pdf".parse::<Format>().is_err());
    }
}
