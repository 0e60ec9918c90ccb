//! Connections of publishers: read what is there, keep it, acknowledge it.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::frames::Reader;
use super::ticker::Ticker;
use crate::http::App;

/// Bytes that one read takes at most.
const READ_BYTES: usize = 256 * 1024;

/// Serves publishers until `stop` resolves.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: impl Future<Output = ()> + Send) {
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let ticker = app.ticker.clone();
                connections.spawn(async move {
                    if let Err(error) = connection(stream, &ticker).await {
                        tracing::debug!(%error, "a publisher is gone");
                    }
                });
            }
            Err(error) => tracing::warn!(%error, "a connection cannot be accepted"),
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(mut stream: TcpStream, ticker: &Ticker) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = Reader::default();
    let mut buffer = vec![0; READ_BYTES];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let used = reader.read(&buffer[..filled]).map_err(io::Error::other)?;
        buffer.copy_within(used..filled, 0);
        filled -= used;
        let (points, last) = reader.drain();
        ticker.take(points, last);
        if let Some(receipt) = reader.receipt() {
            stream.write_all(&receipt).await?;
        }
    }
}
