//! The engine room: N threads, each with its own sockets, its part of the schedule, its histograms.
//!
//! ```text
//! source (what is due) -> room -> submit -> gateway -> socket
//!                          ^ |                            |
//!        timers, wires ----+ +-> books, desk <- gateway <- read
//! ```
//!
//! A thread owns the sessions `s` with `s mod T == thread` and shares nothing that it waits for: counters are atomics
//! with one writer, finished 100 ms slots go through a channel. One request costs one `send`, one `read` and a share
//! of one `epoll_pwait2`; sockets are registered once, edge-triggered, and never touched by `epoll_ctl` again.
//!
//! `wires` is how bytes come in and go out: epoll, or io_uring where it was asked for or measures better (`choice`, `probe`).
//!
//! A session is a state machine: *down* ends its slots at once, *dialling* and *greeting* (the handshake of a gateway that
//! has one) let them wait for that dial, *up* sends them or, while it is busy, lets them wait. No slot is ever sent twice.

mod affinity;
mod arrival;
mod batch;
mod books;
mod choice;
mod desk;
mod gateway;
mod idle;
mod kept;
mod lifecycle;
mod names;
mod order_desk;
mod poller;
mod probe;
mod reports;
mod ring;
mod room;
mod scratch;
mod session;
mod shared;
mod socket;
mod source;
mod statuses;
mod tally;
mod timers;
mod upkeep;
mod urgency;
mod wire;
mod wires;
mod wrapped;

pub(crate) use books::Books;
pub(crate) use choice::choose;
pub(crate) use desk::Desk;
pub(crate) use gateway::{
    BinaryOrders, FixOrders, FixParts, Gateway, Http2Orders, HttpOrders, OrderTexts, PlainParts,
    PlainRequests, PlainStreams, PostgreSqlOrders, RedisOrders, ReportedOrders, WebSocketOrders,
    WebSocketParts,
};
pub(crate) use kept::Connections;
pub use kept::KeptSessions;
pub(crate) use names::Names;
pub(crate) use order_desk::{OrderDesk, OrderDeskParts};
pub(crate) use room::{Room, RoomEnd, RoomPlan};
pub(crate) use scratch::Scratch;
pub(crate) use shared::{Shared, SlotMerger, ThreadSlots};
pub(crate) use socket::descriptors_for_sockets;
pub(crate) use source::{Part, Source};
pub(crate) use tally::Collected;
pub(crate) use urgency::raise as raise_urgency;
pub(crate) use wrapped::Wrapping;
