//! Connections of publishers: read what is there, keep it, acknowledge it.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::frames::Reader;
use super::ticker::Ticker;
use crate::accept;
use crate::http::App;

/// Bytes that one read takes at most.
const READ_BYTES: usize = 256 * 1024;

/// Serves publishers until `stop` resolves.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: impl Future<Output = ()> + Send) {
    accept::serve(listener, stop, |stream, mut stopped| {
        let ticker = app.ticker.clone();
        async move {
            tokio::select! {
                done = connection(stream, &ticker) => done,
                _ = stopped.wait_for(|stop| *stop) => Ok(()),
            }
        }
    })
    .await;
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
