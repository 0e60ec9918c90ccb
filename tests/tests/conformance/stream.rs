//! A connection of the test server, with TLS or without.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

pub enum Stream {
    Plain(TcpStream),
    Secure(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    /// After the handshake; nothing when there is none.
    pub fn secure(mut tcp: TcpStream, config: &Arc<ServerConfig>) -> Option<Stream> {
        let mut connection = ServerConnection::new(Arc::clone(config)).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut tcp).ok()?;
        }
        Some(Stream::Secure(Box::new(StreamOwned::new(connection, tcp))))
    }

    /// What lies below TLS, if there is any.
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Plain(tcp) => tcp,
            Stream::Secure(secure) => &secure.sock,
        }
    }

    pub fn is_resumed(&self) -> bool {
        match self {
            Stream::Plain(_) => false,
            Stream::Secure(secure) => secure.conn.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }

    /// The end of what the server writes, in good order.
    pub fn end(&mut self) {
        if let Stream::Secure(secure) = self {
            secure.conn.send_close_notify();
            let _ = secure.flush();
        }
        let _ = self.tcp().shutdown(Shutdown::Write);
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        match self {
            Stream::Plain(tcp) => tcp.read(bytes),
            Stream::Secure(secure) => secure.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Stream::Plain(tcp) => tcp.write(bytes),
            Stream::Secure(secure) => secure.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self {
            Stream::Plain(tcp) => tcp.flush(),
            Stream::Secure(secure) => secure.flush(),
        }
    }
}
