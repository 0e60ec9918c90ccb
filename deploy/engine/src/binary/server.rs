//! Connections: a reader, a task for each message, a writer.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use super::message::Message;
use super::reply::Reply;
use crate::accept;
use crate::http::App;
use crate::secure::{Stream, Wrap};

/// Messages of a connection that are not answered yet; what comes beyond waits in the socket.
const MAX_IN_FLIGHT: usize = 1024;

/// Bytes that one read takes at most.
const READ_BYTES: usize = 64 * 1024;

/// Serves `app` until `stop` resolves, and then until all messages at work are answered.
pub async fn serve(
    listener: TcpListener,
    wrap: Wrap,
    app: Arc<App>,
    stop: impl Future<Output = ()> + Send,
) {
    accept::serve(listener, stop, |stream, stopped| {
        let (app, wrap) = (Arc::clone(&app), wrap.clone());
        async move { connection(stream, &wrap, app, stopped).await }
    })
    .await;
}

async fn connection(
    stream: TcpStream,
    wrap: &Wrap,
    app: Arc<App>,
    stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let (input, output) = tokio::io::split(wrap.accept(stream).await?);
    let (answers, written) = mpsc::channel(MAX_IN_FLIGHT);
    let writer = tokio::spawn(write(output, written));
    let read = read(input, app, answers, stopped).await;
    // The writer ends when the last message at work is answered.
    writer.await.map_err(io::Error::other)??;
    read
}

/// Reads messages until the client ends the connection, or nobody is to be served any more.
async fn read(
    mut input: ReadHalf<Stream>,
    app: Arc<App>,
    answers: mpsc::Sender<Vec<u8>>,
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
        while let Some(message) = Message::take(&mut buffer).map_err(io::Error::other)? {
            let Ok(place) = answers.clone().reserve_owned().await else {
                return Ok(());
            };
            let app = Arc::clone(&app);
            tokio::spawn(async move {
                place.send(execute(&app, &message).await);
            });
        }
    }
}

async fn execute(app: &App, message: &Message) -> Vec<u8> {
    let reply = match message.command() {
        Ok(command) => {
            let parsed = Instant::now();
            app.entered();
            let outcome = app.gateway.execute(command.encode()).await;
            let reply = Reply::of(&outcome);
            app.metrics.answered(reply.counted, parsed.elapsed());
            reply
        }
        Err(why) => {
            tracing::debug!(why, "a message makes no sense");
            app.metrics.count(Reply::malformed().counted);
            Reply::malformed()
        }
    };
    let leave = app.changeover.is_draining();
    reply.frame(message.number(), message.id(), app.config.name(), leave)
}

/// Writes all answers that are there in one go.
async fn write(
    mut output: WriteHalf<Stream>,
    mut answers: mpsc::Receiver<Vec<u8>>,
) -> io::Result<()> {
    let mut ready = Vec::new();
    let mut bytes = Vec::new();
    while answers.recv_many(&mut ready, MAX_IN_FLIGHT).await > 0 {
        bytes.clear();
        ready.drain(..).for_each(|answer| bytes.extend(answer));
        output.write_all(&bytes).await?;
        output.flush().await?;
    }
    output.shutdown().await
}
