//! The binary as a black box, a module for each stage of `tests/run.sh`.

mod defects;
mod evidence;
mod foreign;
mod guards;
mod hooks;
mod input;
mod library;
mod links;
mod quickstart;
mod sensors;
mod sigkill;
mod tidy;
mod truth;
