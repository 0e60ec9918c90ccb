//! The binary as a black box, a module for each stage of `tests/run.sh`.

mod blunt;
mod defects;
mod docker;
mod evidence;
mod foreign;
mod guards;
mod hooks;
mod input;
mod kubernetes;
mod kubernetes_rights;
mod library;
mod links;
mod quickstart;
mod resources;
mod sensors;
mod sigkill;
mod slow;
mod survival;
mod tidy;
mod truth;
mod untouched;
mod vanish;
