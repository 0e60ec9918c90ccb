//! What the end-to-end tests need: engines of known behaviour, the binary as a black box, and the tree as text.
//!
//! ```text
//! truth_server     replies after programmed delays, goes away on a programmed moment, and logs its own times
//! lean_server      the same for high rates: one thread, for comparing load generators
//! peers, affinity  Shakedown beside other load generators, each on a core of its own
//! foreign_engine   a trading engine of another shape: proves that a profile is enough, and breaks on demand
//! foreign          that engine as a target, with its profile and scenario
//! shakedown        runs the real binary, reads what it wrote, finds what it left behind
//! drill            small scenarios for one test, and a look at a run while it goes on
//! inside           the namespace of a node, by the programs of the machine
//! containers       the reference engine in containers of a Docker Engine
//! pods             the reference engine in a real cluster of Kubernetes
//! monitoring       an Alertmanager and a Prometheus that ring when a test says so
//! calm             waits for a machine that is left its cores, and repeats what was measured without them
//! truth            what the servers' logs say that clients must have seen
//! matrix           which check sees which defect of the reference engine
//! campaign, evidence          the rows of a campaign, and the tables that are kept of them
//! cluster_kill     kills an agent, the runner or both in a real cluster, and measures the same
//! survival         kills whoever holds a fault, over and over, and measures how soon all is as before
//! starved          starves the generator from outside, and asks the binary what was wrong
//! scale            run directories of any size whose losses are known, for the speed and memory of a report
//! storm_proxy      breaks connections on their way to an engine, by a program that a seed decides
//! source_tree, dependencies   the workspace as text and as a graph, for the tests of its rules
//! ```
//!
//! Never here: a call into the load generator or the analysis, nor, but for `survival`, into the runner. What is tested
//! is what a user has, so only the record's types and the compiler's API are used, and every number is computed again
//! from the servers' logs. `survival` calls the runner's mechanisms, because a thousand kills of whole runs would take
//! days; the times that it tells are taken outside of them.

pub mod affinity;
pub mod bystanders;
pub mod calm;
pub mod campaign;
pub mod cluster_kill;
pub mod containers;
pub mod dependencies;
pub mod drill;
pub mod evidence;
pub mod fixture;
pub mod foreign;
pub mod foreign_engine;
pub mod http_server;
pub mod inside;
pub mod lean_server;
pub mod matrix;
pub mod monitoring;
pub mod peers;
pub mod pods;
pub mod proc;
pub mod rates;
pub mod scale;
pub mod shakedown;
pub mod source_tree;
pub mod starved;
pub mod storm_proxy;
pub mod survival;
pub mod truth;
pub mod truth_server;
