//! What the end-to-end tests need: engines of known behaviour, the binary as a black box, and the tree as text.
//!
//! ```text
//! truth_server     replies after programmed delays, goes away on a programmed moment, and logs its own times
//! foreign_engine   a trading engine of another shape: proves that a profile is enough, and breaks on demand
//! foreign          that engine as a target, with its profile and scenario
//! shakedown        runs the real binary, reads what it wrote, finds what it left behind
//! calm             waits for a machine that is left its cores, and repeats what was measured without them
//! truth            what the servers' logs say that clients must have seen
//! campaign, evidence          the rows of a campaign, and the tables that are kept of them
//! source_tree, dependencies   the workspace as text and as a graph, for the tests of its rules
//! ```
//!
//! Never here: a call into the runner, the load generator or the analysis. What is tested is what a user has, so
//! only the record's types and the compiler's API are used, and every number is computed again from the servers' logs.

pub mod calm;
pub mod campaign;
pub mod dependencies;
pub mod evidence;
pub mod fixture;
pub mod foreign;
pub mod foreign_engine;
pub mod http_server;
pub mod proc;
pub mod shakedown;
pub mod source_tree;
pub mod truth;
pub mod truth_server;
