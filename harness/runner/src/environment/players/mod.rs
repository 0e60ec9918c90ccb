//! What plays a part: a program of Shakedown's own, or somebody else's servers.
//!
//! ```text
//! plays      what differs between players, as matches: port, address, readiness, keeper, command line
//! own        command lines of Shakedown's own programs other than the engine, and what options say of other parts
//! ```

mod own;
mod plays;

pub(super) use plays::Plays;
