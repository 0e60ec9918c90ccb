//! One connection's TLS, without a socket: bytes in, bytes out.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Error};

use super::words::{concerns_certificates, words};

/// One connection's TLS.
#[derive(Debug)]
pub(crate) struct Channel {
    connection: ClientConnection,
    /// Something of the application came.
    has_heard: bool,
}

/// What stands after some bytes were opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opened {
    /// The server has said that nothing more comes.
    pub ended: bool,
}

/// Why a connection is of no use any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Broken {
    /// There is no way in: nothing that was said was taken in by the server.
    Unwelcome(String),
    /// The server ended it, in words of TLS.
    Ended(String),
    /// This is not TLS, or somebody else's.
    Garbled(String),
}

impl Channel {
    /// For a new connection to a server of this name. [`Channel::speak`] has the first bytes.
    ///
    /// # Errors
    /// When no handshake can be begun, in words.
    pub fn new(config: &Arc<ClientConfig>, name: &ServerName<'static>) -> Result<Channel, String> {
        let mut connection = ClientConnection::new(Arc::clone(config), name.clone())
            .map_err(|error| words(&error))?;
        // What is sealed goes to the socket at once, or into the session's own buffer.
        connection.set_buffer_limit(None);
        Ok(Channel {
            connection,
            has_heard: false,
        })
    }

    /// The handshake is done.
    pub fn is_open(&self) -> bool {
        !self.connection.is_handshaking()
    }

    /// The protocol that was agreed on.
    pub fn protocol(&self) -> Option<&[u8]> {
        self.connection.alpn_protocol()
    }

    /// Appends what has to be sent for TLS itself.
    pub fn speak(&mut self, out: &mut Vec<u8>) {
        while self.connection.wants_write() {
            // A vector takes everything.
            if self.connection.write_tls(out).is_err() {
                return;
            }
        }
    }

    /// Appends `plain` as it goes over the wire.
    pub fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        let sealed = self.connection.writer().write_all(plain);
        debug_assert!(sealed.is_ok(), "the buffer has no limit");
        self.speak(out);
    }

    /// Opens what came: appends what was said to `plain`, and what TLS answers by itself to `reply`.
    ///
    /// # Errors
    /// When the connection is of no use any more; what came before that is in `plain`.
    pub fn open(
        &mut self,
        mut sealed: &[u8],
        plain: &mut Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> Result<Opened, Broken> {
        let mut ended = false;
        while !sealed.is_empty() && !ended {
            let read = self.connection.read_tls(&mut sealed);
            let processed = match read {
                Ok(_) => self.connection.process_new_packets(),
                Err(error) => Err(Error::General(error.to_string())),
            };
            self.drain(plain);
            match processed {
                Ok(state) => ended = state.peer_has_closed(),
                Err(error) => {
                    self.speak(reply);
                    return Err(self.broken(&error));
                }
            }
        }
        self.speak(reply);
        Ok(Opened { ended })
    }

    fn drain(&mut self, plain: &mut Vec<u8>) {
        let before = plain.len();
        match self.connection.reader().read_to_end(plain) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => tracing::debug!(%error, "the rest of a connection cannot be read"),
        }
        self.has_heard |= plain.len() > before;
    }

    fn broken(&self, error: &Error) -> Broken {
        let said = words(error);
        match error {
            _ if !self.is_open() => Broken::Unwelcome(said),
            // With TLS 1.3 a server looks at our certificate after we believe ourselves in; until it has, it takes in
            // nothing that we say.
            Error::AlertReceived(alert) if concerns_certificates(*alert) && !self.has_heard => {
                Broken::Unwelcome(said)
            }
            Error::AlertReceived(_) => Broken::Ended(said),
            _ => Broken::Garbled(said),
        }
    }
}
