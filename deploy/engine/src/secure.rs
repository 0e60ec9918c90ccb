//! TLS for clients: the handshake of each connection, and a stream that is with or without it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::error::EngineError;

/// Longest handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Connections that are through their handshake and wait to be served.
const WAITING: usize = 64;

/// Files in PEM: what clients are shown, and its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and what leads to its root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What is done with each connection before it is served.
#[derive(Clone)]
pub struct Wrap(Option<TlsAcceptor>);

impl std::fmt::Debug for Wrap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wrap({})", self.0.is_some())
    }
}

impl Wrap {
    /// TLS with these files, which offers `protocols` by ALPN, or nothing without files.
    ///
    /// # Errors
    /// [`EngineError::Usage`] with the file that cannot be used.
    pub fn new(files: Option<&TlsFiles>, protocols: &[&str]) -> Result<Self, EngineError> {
        let Some(files) = files else {
            return Ok(Self(None));
        };
        let wrong = |path: &Path, why: String| {
            EngineError::Usage(format!("{} cannot be used for TLS: {why}", path.display()))
        };
        let chain = CertificateDer::pem_file_iter(&files.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| wrong(&files.certificate, error.to_string()))?;
        let key = PrivateKeyDer::from_pem_file(&files.key)
            .map_err(|error| wrong(&files.key, error.to_string()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| wrong(&files.certificate, error.to_string()))?;
        config.alpn_protocols = protocols
            .iter()
            .map(|protocol| protocol.as_bytes().to_vec())
            .collect();
        Ok(Self(Some(TlsAcceptor::from(Arc::new(config)))))
    }

    /// The stream of a new connection.
    ///
    /// # Errors
    /// When there is no handshake, or none in time.
    pub async fn accept(&self, tcp: TcpStream) -> io::Result<Stream> {
        tcp.set_nodelay(true)?;
        let Some(acceptor) = &self.0 else {
            return Ok(Stream::Plain(tcp));
        };
        let secure = tokio::time::timeout(HANDSHAKE, acceptor.accept(tcp)).await;
        Ok(Stream::Secure(Box::new(secure??)))
    }
}

/// A connection of a client.
#[derive(Debug)]
pub enum Stream {
    /// As it is.
    Plain(TcpStream),
    /// With TLS.
    Secure(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Self::Secure(secure) => Pin::new(secure).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Self::Secure(secure) => Pin::new(secure).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Self::Secure(secure) => Pin::new(secure).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Self::Secure(secure) => Pin::new(secure).poll_shutdown(context),
        }
    }
}

/// Connections for the HTTP server, each through its handshake: one that takes long keeps no other waiting.
#[derive(Debug)]
pub struct Wrapped {
    address: SocketAddr,
    ready: mpsc::Receiver<(Stream, SocketAddr)>,
}

impl Wrapped {
    /// Accepts in the background until it is dropped.
    ///
    /// # Errors
    /// When the listener has no address.
    pub fn new(listener: TcpListener, wrap: Wrap) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (accepted, ready) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            while !accepted.is_closed() {
                let next = tokio::select! {
                    () = accepted.closed() => return,
                    next = listener.accept() => next,
                };
                match next {
                    Ok((tcp, from)) => {
                        let (wrap, accepted) = (wrap.clone(), accepted.clone());
                        tokio::spawn(async move {
                            match wrap.accept(tcp).await {
                                // Nobody serves it any more: it is closed.
                                Ok(stream) => drop(accepted.send((stream, from)).await),
                                Err(error) => tracing::debug!(%error, "no handshake"),
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection cannot be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        });
        Ok(Self { address, ready })
    }
}

impl axum::serve::Listener for Wrapped {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // The runtime ends.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
