//! Errors with which Redis says, before it executes anything, that it will not.
//!
//! | error | what it says | what becomes of the order |
//! |---|---|---|
//! | `READONLY` | this is a replica | another server may take it |
//! | `MASTERDOWN` | a replica without its master, which serves nothing | the same |
//! | `LOADING` | it reads its data from disk | the same |
//! | `MOVED`, `ASK`, `CLUSTERDOWN` | the slot is another node's, or nobody's | the same |
//! | `NOREPLICAS` | fewer replicas than `min-replicas-to-write` | rejected |
//! | `MISCONF` | it cannot write to its disk | rejected |
//! | `OOM` | `maxmemory` is reached | rejected |
//! | `NOAUTH`, `NOPERM` | who asks may not | rejected |
//! | `BUSY`, `TRYAGAIN`, `EXECABORT` | not now | rejected |
//!
//! Everything else (`ERR`, `WRONGTYPE`, what scripts say) can come from the middle of a script: it is what the profile says of it.

/// What becomes of an order that was refused by such an error: it was definitely not executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Another server may take it.
    Elsewhere,
    /// This is the one to ask, and it says no.
    Rejected,
}

/// What an error says by its first word; `None`: it may have come after something was done.
pub fn refusal(code: &str) -> Option<Refusal> {
    match code {
        "READONLY" | "MASTERDOWN" | "LOADING" | "MOVED" | "ASK" | "CLUSTERDOWN" => {
            Some(Refusal::Elsewhere)
        }
        "NOREPLICAS" | "MISCONF" | "OOM" | "NOAUTH" | "NOPERM" | "BUSY" | "TRYAGAIN"
        | "EXECABORT" => Some(Refusal::Rejected),
        _ => None,
    }
}
