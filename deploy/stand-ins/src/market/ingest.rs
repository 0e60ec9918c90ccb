//! Connections of publishers: read what is there, keep it, acknowledge it.

use std::io;
use std::sync::Arc;

use shakedown_engine::accept;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::frames::Reader;
use super::prices::{Local, Market};
use crate::life::Stage;
use crate::service::Service;

/// Bytes that one read takes at most.
const READ_BYTES: usize = 256 * 1024;

/// Serves publishers until the service stops.
pub(super) async fn serve(listener: TcpListener, service: Arc<Service>, market: Market) {
    let stop = service.life.reached(Stage::Stopping);
    accept::serve(listener, stop, |stream, mut stopped| {
        let (service, market) = (Arc::clone(&service), market.clone());
        async move {
            tokio::select! {
                done = connection(stream, &service, &market) => done,
                _ = stopped.wait_for(|stop| *stop) => Ok(()),
            }
        }
    })
    .await;
}

async fn connection(mut stream: TcpStream, service: &Service, market: &Market) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut local) = (Reader::default(), Local::default());
    let mut buffer = vec![0; READ_BYTES];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let before = reader.points();
        let used = reader
            .read(&buffer[..filled], &mut local)
            .map_err(io::Error::other)?;
        buffer.copy_within(used..filled, 0);
        filled -= used;
        market.take(&mut local);
        if let Some(hold) = service.defects.intake_hold(reader.points() - before) {
            tokio::time::sleep(hold).await;
        }
        if let Some(receipt) = reader.receipt() {
            stream.write_all(&receipt).await?;
        }
    }
}
