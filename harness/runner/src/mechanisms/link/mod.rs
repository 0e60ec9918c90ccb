//! The userspace link: a TCP forwarder between one source side and one destination address, through which bytes can
//! be delayed, throttled, held, cut and reset. It needs neither root nor netem, and it is gone with its process.
//!
//! ```text
//!  source --connect--> [listener | queue to destination | queue to source | dialler] --connect--> destination
//! ```
//!
//! One thread serves all links of a [`LinkGroup`]. It sleeps in `epoll_pwait2` until the nanosecond at which the next
//! bytes are due; timers of an async runtime round to milliseconds. What a link does is a [`LinkCondition`], swapped
//! between two passes of that thread; what it did is in its [`LinkEvidence`], asked beside measured.
//!
//! What it cannot do, because it forwards a byte stream and no packets:
//!
//! * **Order is kept.** Jitter and loss move bytes later, never past each other; reordering is not offered.
//! * **Loss is a stall.** A lost chunk (what one read returned, 16 KiB at most) waits one retransmission timeout, and
//!   everything behind it waits too. Fast retransmission, which hides most single losses of a busy stream, is not
//!   imitated: at equal share this is the harsher fault.
//! * **A cut is as silent as the kernel lets it be**, see [`Silence`]. Connection attempts do not complete during it,
//!   in any case: the listener's accept queue is shrunk and filled with connections of our own, so that the kernel
//!   drops each SYN and the client tries again after 1, 3, 7 seconds, as with a firewall. Up to two attempts that
//!   arrive in the very moment of the cut may still complete; they are held like every other connection.
//! * **Acknowledgements are the link's own.** What the link's kernel had taken over before a cut counts as delivered
//!   for the sender. A cut of one direction also drops that side's acknowledgements where segments can be dropped.
//! * **A refusal comes after the connection.** The kernel completes the handshake before the destination is asked; if
//!   it then refuses, the source's connection is reset at once. It sees `ECONNRESET` in place of `ECONNREFUSED`.
//! * **The destination sees the link's address**, not the source's, and TCP options of each half are the link's own.
//! * **Bandwidth counts payload bytes**, and is shared by all connections of a direction, and by links that are
//!   given the same [`SharedBucket`].
//!
//! Only who connects to [`UserspaceLink::address`] goes through the link. UDP does not.

mod bucket;
mod bypass;
mod condition;
mod connection;
mod dice;
mod error;
mod evidence;
mod group;
mod listener;
mod overhead;
mod pipe;
mod poller;
mod queue;
mod segments;
mod served;
mod slots;
mod sockets;
mod thread;
mod timers;

pub use bucket::SharedBucket;
pub use bypass::past_the_link;
pub use condition::{
    ConditionError, ConnectionRule, Direction, Jitter, LinkCondition, LinkState, Loss, Side,
};
pub use error::LinkError;
pub use evidence::{Counts, DirectionEvidence, LinkEvidence, Period, Spread};
pub use group::{LinkGroup, Turning, UserspaceLink};
pub use overhead::Overhead;
pub use segments::Silence;
