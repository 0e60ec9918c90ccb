//! Packets dropped, refused or steered by nftables, by a table that ends with its owner.
//!
//! Three things end it, each alone enough. The table has `flags owner`: the kernel removes it in the moment in which
//! the socket that made it closes, so SIGKILL is a clean-up. The addresses that its rules match lie in sets whose
//! elements time out ([`OwnedTable::DEFAULT_TIMEOUT`]); a thread renews them three times per period, so a process
//! that hangs or is stopped lets go of the traffic too. And nobody but the owner can change it, so nobody mistakes
//! it for his own.
//!
//! All faults on one namespace are one list of [`Rule`]s, replaced as a whole in one transaction: there is no order
//! in which two faults can be undone wrongly.

pub(super) mod abi;
mod counts;
mod expressions;
mod keeper;
mod messages;
mod owned;
mod rule;

pub use counts::{RuleCounts, Tally};
pub use owned::{Evidence, OwnedTable, TableError};
pub use rule::{Action, Direction, Peers, PortMatch, PortSide, Rule, RuleError, Share, Transport};
