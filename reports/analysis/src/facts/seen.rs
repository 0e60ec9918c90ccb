//! What was seen of replicas and workers.

/// A replica was seen in another role, or in another term, than before.
#[derive(Debug, Clone)]
pub(crate) struct RoleSeen {
    pub mono_ns: u64,
    pub replica: String,
    pub role: Option<String>,
    pub term: Option<u64>,
}

/// A worker that did not work to the end.
#[derive(Debug, Clone)]
pub(crate) struct LostWorker {
    pub mono_ns: u64,
    /// From 1.
    pub worker: u32,
    pub workers: u32,
    pub why: String,
}
