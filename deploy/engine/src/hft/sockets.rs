//! Connections to the binary gateway: a reader that fills the queue, and a writer that empties an outbox.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use super::floor::Floor;
use super::queue::Ask;
use crate::accept;
use crate::binary::Message;

/// Bytes that one read takes at most.
const READ_BYTES: usize = 16 * 1024;

/// Answers for a client that does not read them; it is hung up on when there are more.
const MOST_BYTES: usize = 16 << 20;

/// Answers that are to be written.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Mutex<(Vec<u8>, bool)>,
    filled: Notify,
}

impl Outbox {
    /// Adds an answer.
    pub(super) fn push(&self, frame: &[u8]) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.0.extend_from_slice(frame);
        drop(bytes);
        self.filled.notify_one();
    }

    /// There will be no more.
    fn close(&self) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.1 = true;
        drop(bytes);
        self.filled.notify_one();
    }

    /// Waits for answers, and takes all of them; `None` after the last.
    async fn take(&self) -> Option<Vec<u8>> {
        loop {
            let filled = self.filled.notified();
            {
                let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
                if !bytes.0.is_empty() {
                    return Some(std::mem::take(&mut bytes.0));
                }
                if bytes.1 {
                    return None;
                }
            }
            filled.await;
        }
    }

    fn is_too_full(&self) -> bool {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.0.len() > MOST_BYTES
    }
}

/// Serves until `stop` resolves, and then until what was read is answered.
pub(super) async fn serve(
    listener: TcpListener,
    floor: Arc<Floor>,
    stop: impl Future<Output = ()> + Send,
) {
    accept::serve(listener, stop, |stream, stopped| {
        let floor = Arc::clone(&floor);
        async move {
            floor.stats.sessions.fetch_add(1, Ordering::Relaxed);
            let served = connection(stream, &floor, stopped).await;
            floor.stats.sessions.fetch_sub(1, Ordering::Relaxed);
            served
        }
    })
    .await;
}

async fn connection(
    stream: TcpStream,
    floor: &Floor,
    stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (input, output) = stream.into_split();
    let outbox = Arc::new(Outbox::default());
    let writer = tokio::spawn(write(output, Arc::clone(&outbox)));
    let read = read(input, floor, &outbox, stopped).await;
    // Answers to what was read are still on their way.
    while Arc::strong_count(&outbox) > 2 {
        tokio::task::yield_now().await;
    }
    outbox.close();
    writer.await.map_err(io::Error::other)??;
    read
}

async fn read(
    mut input: OwnedReadHalf,
    floor: &Floor,
    outbox: &Arc<Outbox>,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(READ_BYTES);
    loop {
        let count = tokio::select! {
            _gone = stopped.wait_for(|stop| *stop) => return Ok(()),
            count = input.read_buf(&mut buffer) => count?,
        };
        if count == 0 {
            return Ok(());
        }
        if outbox.is_too_full() {
            return Err(io::Error::other("the client does not read its answers"));
        }
        let now = Instant::now();
        let mut at = 0;
        while let Some(message) = Message::next(&buffer[at..]).map_err(io::Error::other)? {
            at += message.length();
            floor.enter(Ask::Frame(message, Arc::clone(outbox)), now);
        }
        buffer.drain(..at);
    }
}

async fn write(mut output: OwnedWriteHalf, outbox: Arc<Outbox>) -> io::Result<()> {
    while let Some(bytes) = outbox.take().await {
        output.write_all(&bytes).await?;
    }
    output.shutdown().await
}
