//! Files in, plans or mistakes out, through the crate's public face.

mod common;
mod docker;
mod guards;
mod kubernetes;
mod mistakes;
mod mutations;
mod overrides;
mod refusals;
mod shipped;
mod windows;
