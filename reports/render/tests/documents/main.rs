//! Whole documents of whole runs.

mod charts;
mod escape;
mod fixture;
mod golden;
mod html;
