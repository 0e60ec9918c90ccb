//! Objects of a Kubernetes cluster: looked at, watched, changed and put back, through the API server alone.
//!
//! Every call is bounded in time and made once: the client's own retries would move a fault's moment, and hide how
//! often it was refused. A call that gets no answer leads to a new connection, because one that a restarted or cut off
//! API server left behind stays silent for minutes.
//!
//! [`look`] turns objects into what is used of them; [`watch`] keeps that up to date and tells every transition with
//! the object's own time; [`act`] changes things, and knows the way back *before* a change is made; [`Undo`] is that way
//! back, for somebody who knows nothing but the record; [`rights`] says what an account may do and should be given.

pub mod access;
pub mod act;
pub mod client;
pub mod error;
mod keeping;
pub mod look;
mod merge;
mod read;
pub mod rights;
pub(crate) mod shape;
pub mod transition;
pub mod undo;
pub(crate) mod usage;
pub mod watch;

pub(crate) use access::quoted;
pub use access::{Access, Reach};
pub use client::Cluster;
pub use error::{Ask, ClusterError};
pub use rights::{Right, missing};
pub use transition::{Happened, Subject, Transition};
pub use undo::{GONE_WITHIN, Replayed, Restore, Undo};
pub use watch::{Scope, Watch, WatchState};
