//! One suite for all gateways: whatever way orders go, the same behaviour of an engine is the same outcome, every
//! scheduled slot ends once, and what may have executed is never taken for absent.
//!
//! `server` misbehaves: it speaks each of them, with an encoder of its own, and does to each message what the
//! test says; `reference` is the reference engine. Where a gateway cannot know something (HTTP/1.1 has nothing to tell
//! answers in a wrong order by), the test says so. With `SHAKEDOWN_TEST_IO=io-uring` in the environment all of it goes over a ring.
#![allow(clippy::unwrap_used, reason = "all of this is test code")]

mod binary;
mod certificates;
mod feed;
mod fix;
mod fix_acceptor;
mod fix_client;
mod fix_copies;
mod fix_resting;
mod fix_sessions;
mod http;
mod http2;
mod outages;
mod outcomes;
mod peculiar;
mod pipelining;
mod points;
mod reference;
mod reported;
mod reports;
mod rig;
mod server;
mod storms;
mod stream;
mod streams;
mod tls;
mod venue;
mod venue_fix;
mod way;
mod websocket;
