//! Files in, plans or mistakes out, through the crate's public face.

mod arrivals;
mod bases;
mod common;
mod connections;
mod docker;
mod guards;
mod kill_switch;
mod kubernetes;
mod market;
mod mistakes;
mod mutations;
mod order_shape;
mod overrides;
mod peaks;
mod reads;
mod redis;
mod refusals;
mod replays;
mod shipped;
mod stores;
mod timed;
mod windows;
