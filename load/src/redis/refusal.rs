//! Errors with which Redis says, before it executes anything, that it will not.
//!
//! | error | what it says | who takes the order |
//! |---|---|---|
//! | `READONLY` | this is a replica | another server may |
//! | `MASTERDOWN` | a replica without its master, which serves nothing | the same |
//! | `LOADING` | it reads its data from disk | the same |
//! | `MOVED`, `ASK`, `CLUSTERDOWN` | the slot is another node's, or nobody's | the same |
//! | `NOREPLICAS` | fewer replicas than `min-replicas-to-write` | nobody else |
//! | `MISCONF` | it cannot write to its disk | nobody else |
//! | `OOM` | `maxmemory` is reached | nobody else |
//! | `NOAUTH`, `NOPERM` | who asks may not | nobody else |
//! | `BUSY`, `TRYAGAIN` | not now | nobody else |
//!
//! Everything else (`ERR`, `WRONGTYPE`) is what the profile says of it. So is all that scripts say: they may have written before.

/// What becomes of an order that was refused by such an error: it was definitely not executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Another server may take it.
    Elsewhere,
    /// This is the one to ask, and it says no.
    Here,
}

/// What an error says by its first word; `None`: it may have come after something was done.
pub fn refusal(code: &str) -> Option<Refusal> {
    match code {
        "READONLY" | "MASTERDOWN" | "LOADING" | "MOVED" | "ASK" | "CLUSTERDOWN" => {
            Some(Refusal::Elsewhere)
        }
        "NOREPLICAS" | "MISCONF" | "OOM" | "NOAUTH" | "NOPERM" | "BUSY" | "TRYAGAIN" => {
            Some(Refusal::Here)
        }
        _ => None,
    }
}
