//! What a run came to beside its orders: kill switches, and the terms of leaders.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of accounts whose kill switch was pulled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KillSwitchRecord {
    /// Accounts whose kill switch was acknowledged.
    pub accounts: u64,
    /// Their requests that were sent after that, and answered.
    pub tried: u64,
    /// Those of them that were sent after the last fault; null when no fault came after the kill switch.
    pub tried_after_faults: Option<u64>,
    /// Orders that were let in, replaced, filled or open against it.
    pub contradictions: u64,
    /// Why there may be more; null when everything was looked at.
    pub open: Option<String>,
    /// The first of them, in words.
    pub examples: Vec<String>,
}

/// What acknowledgements told of the terms of leaders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TermsRecord {
    /// Terms that were told.
    pub terms: u64,
    /// Acknowledgements that told one.
    pub acknowledged: u64,
    /// Terms with which a request was acknowledged that had been sent after the first acknowledgement of a higher one.
    pub contradictions: u64,
    /// Why there may be more; null when everything was looked at.
    pub open: Option<String>,
    /// The first of them, in words.
    pub examples: Vec<String>,
}
