//! Whoever holds a partition in a real cluster is killed in the middle of it: how soon does traffic pass again, and what is
//! left? The campaign `kubernetes-sigkill`, and its sample in the ci tier.
//!
//! ```text
//! this process:  a connection to the cut pod every 20 ms, over the link that is cut (prober)
//! shakedown:     a run of its own (killed: runner, both)
//! its agent:     a pod on the node of the cut pod, whose process is one of this machine (killed: agent, both)
//! ```
//!
//! A member of the engine is cut off from the clients, of whom this machine is one: members reach each other, so the engine
//! elects nobody and is as before as soon as the cut is over. Times are taken here, by `CLOCK_MONOTONIC`; nothing of them
//! comes from Shakedown.

mod claim;
mod picture;
mod prober;
mod round;

pub use claim::{COLUMNS, supports};
pub use round::{ClusterKillRound, ClusterKillWorld};

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Killed {
    /// The agent's process. The runner lives, and ends its run when it is asked to.
    Agent,
    /// The runner's process. The agent lives, and hangs on a Lease that nobody renews any more.
    Runner,
    /// The agent's and, at once, the runner's.
    Both,
}

impl Killed {
    /// Every kind.
    pub const ALL: [Killed; 3] = [Killed::Agent, Killed::Runner, Killed::Both];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Killed::Agent => "agent",
            Killed::Runner => "runner",
            Killed::Both => "both",
        }
    }

    /// In turn, so that a part of the campaign has as many of each.
    pub fn of_round(number: u64) -> Killed {
        Killed::ALL[(number % 3) as usize]
    }

    /// After which traffic must be back, in milliseconds. The kernel takes an agent's rules with its socket, whoever else
    /// lives or not; a runner that is dead shows by its Lease.
    pub fn limit_ms(self) -> f64 {
        match self {
            Killed::Agent | Killed::Both => 1000.0,
            Killed::Runner => 5000.0,
        }
    }
}
