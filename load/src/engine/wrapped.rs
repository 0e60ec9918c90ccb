//! Connections with TLS: its handshake comes first, within the time of the slots that wait for it, and everything that is
//! said later goes through it.

use std::mem;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;

use super::room::Room;
use super::session::Link;
use super::socket::DialFailure;
use crate::tls::{Broken, Channel};

/// Longest handshake, in nanoseconds: two round trips, and the work of a server that all sessions dial at once.
pub(super) const LONGEST_HANDSHAKE_NS: u64 = 2_000_000_000;

/// Most servers whose tickets a thread keeps.
const SERVERS_WITH_TICKETS: usize = 256;

/// Which addresses want TLS, and under what names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wrapping {
    /// Keeps the tickets of one thread's servers. `None`: no address wants TLS.
    pub config: Option<Arc<ClientConfig>>,
    /// For each entry address; `None`: as it is.
    pub names: Vec<Option<ServerName<'static>>>,
    /// What has to be agreed on by ALPN.
    pub needs: Option<&'static str>,
}

impl Wrapping {
    /// The same with tickets of its own.
    pub fn for_one_thread(&self) -> Wrapping {
        let own = |config: &Arc<ClientConfig>| {
            let mut own = ClientConfig::clone(config);
            own.resumption = Resumption::in_memory_sessions(SERVERS_WITH_TICKETS);
            Arc::new(own)
        };
        Wrapping {
            config: self.config.as_ref().map(own),
            ..self.clone()
        }
    }

    /// For an address that wants TLS.
    fn of(&self, address: usize) -> Option<(&Arc<ClientConfig>, &ServerName<'static>)> {
        let name = self.names.get(address)?.as_ref()?;
        Some((self.config.as_ref()?, name))
    }
}

impl Room {
    /// Begins the handshake of TLS, where the session's address wants it; false when it does not.
    pub(super) fn begin_tls(&mut self, session: usize) -> bool {
        let owner = &mut self.sessions[session];
        let Some((config, name)) = self.plan.tls.of(owner.address) else {
            return false;
        };
        if let Link::Greeting { give_up_ns, .. } = &mut owner.link {
            *give_up_ns = self.now_ns + self.plan.timeout_ns.min(LONGEST_HANDSHAKE_NS);
        }
        match Channel::new(config, name) {
            Ok(mut channel) => {
                channel.speak(&mut owner.unsent);
                owner.tls = Some(Box::new(channel));
            }
            Err(why) => self.turn_away(session, why),
        }
        true
    }

    /// What the gateway wants to say at once, as it goes over the wire, behind what is not sent yet.
    pub(super) fn say(&mut self, session: usize) {
        let owner = &mut self.sessions[session];
        match &mut owner.tls {
            None => owner.unsent.extend_from_slice(&self.outbox),
            Some(tls) => tls.seal(&self.outbox, &mut owner.unsent),
        }
    }

    /// Bytes that were read from a session's socket.
    pub(super) fn take_in(&mut self, session: usize, bytes: &[u8]) {
        let owner = &mut self.sessions[session];
        let generation = owner.generation;
        let Some(tls) = &mut owner.tls else {
            return self.consume(session, bytes);
        };
        let mut plain = mem::take(&mut self.plain);
        plain.clear();
        let was_open = tls.is_open();
        let opened = tls.open(bytes, &mut plain, &mut owner.unsent);
        let opens = tls.is_open() && !was_open;
        if opens && opened.is_ok() {
            self.agreed(session);
        }
        if self.sessions[session].is_still(generation) {
            self.flush(session);
        }
        if self.sessions[session].is_still(generation) && !plain.is_empty() {
            self.consume(session, &plain);
        }
        self.plain = plain;
        if !self.sessions[session].is_still(generation) {
            return;
        }
        match opened {
            Ok(opened) if opened.ended => self.closed(session),
            Ok(_) => {}
            Err(broken) => self.broken(session, broken),
        }
    }

    /// The handshake of TLS is done.
    fn agreed(&mut self, session: usize) {
        let channel = self.sessions[session].tls.as_deref();
        let protocol = channel.and_then(Channel::protocol);
        match self.plan.tls.needs {
            Some(needed) if protocol != Some(needed.as_bytes()) => {
                let why = format!("the server does not offer {needed} over TLS (ALPN)");
                self.turn_away(session, why);
            }
            Some(_) | None => self.greet(session),
        }
    }

    fn broken(&mut self, session: usize, broken: Broken) {
        match broken {
            Broken::Unwelcome(why) => self.turn_away(session, why),
            Broken::Ended(why) => {
                tracing::debug!(why, "a connection is closed");
                self.lose(session, true);
            }
            Broken::Garbled(why) => {
                tracing::debug!(why, "a connection is closed");
                self.garbled(session);
            }
        }
    }

    /// There is no way in: of what was written, the server has taken in nothing.
    fn turn_away(&mut self, session: usize, why: String) {
        let flying = self.sessions[session].flight.len();
        self.take_back(session, flying);
        if self.unwelcome.is_none() {
            tracing::warn!(why, "no TLS with an entry");
        }
        let (count, _) = self.unwelcome.get_or_insert((0, why));
        *count += 1;
        self.dial_failed(session, DialFailure::Unreachable);
    }
}
