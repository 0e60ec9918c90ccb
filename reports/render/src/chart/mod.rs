//! Charts as inline SVG, drawn by hand: no script, no font, no address of a server.
//!
//! Colours and dashes are presentation attributes, so that a viewer that blocks styles still shows a readable chart;
//! the style sheet overrides them for dark mode. Every colour has a dash or a word beside it. Each chart is drawn for
//! a wide and for a narrow page, because text that is scaled down to a telephone cannot be read.

mod canvas;
mod content;
mod curve;
mod ended;
mod ink;
mod knee;
mod lanes;
mod marks;
mod outage;
mod panel;
mod sample;
mod scale;
mod svg;
mod timeline;

pub(crate) use canvas::Canvas;
pub(crate) use curve::curve;
pub(crate) use knee::knee;
pub(crate) use outage::{MOST as MOST_OUTAGES, outage};
pub(crate) use timeline::timeline;
