//! How everything of an account is ended at once.

use serde::Serialize;

use super::Answer;
use crate::plan::http::{Extract, Request};

/// How the kill switch of an account is pulled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KillSwitch {
    pub send: Request,
    /// From this answer on nothing of the account is let in.
    pub acked: Answer,
    /// The engine's sequence number above which nothing of the account may be.
    pub sequence: Option<Extract>,
}
