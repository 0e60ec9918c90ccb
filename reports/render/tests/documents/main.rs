//! Whole documents of whole runs.

mod escape;
mod fixture;
mod golden;
mod html;
