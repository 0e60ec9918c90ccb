//! Verdict -> documents. Pure: no clocks, no network, no opinion.
//!
//! ```text
//! Analysis --> first screen (sentences) --> console, Markdown, HTML
//!         \--> tables ----------------/ /
//!          \-> charts (SVG) -----------/
//!           \-> record.json, junit.xml, timeline.csv, latency.hlog
//! ```
//!
//! Sentences and tables are made once and only set differently, so that no two documents of a run disagree. What an
//! engine or a person wrote (ids, error texts) is made inert for its medium: escape sequences for the terminal, tags
//! for HTML, pipes and links for Markdown.

mod capacity;
mod chart;
mod document;
mod explanation;
mod html;
mod json;
mod junit;
mod load;
mod look;
mod markdown;
mod render;
mod screen;
mod series;
mod suite;
mod text;
mod words;

pub use capacity::{
    capacity_line, render_capacity_html, render_capacity_json, render_capacity_text,
};
pub use explanation::render_explanation;
pub use load::{render_load_json, render_load_text};
pub use look::Look;
pub use render::{Format, UnknownFormat, render};
pub use series::{latency_hlog, timeline_csv};
pub use suite::{SuiteFormat, render_suite};
