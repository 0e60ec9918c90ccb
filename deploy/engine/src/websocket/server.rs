//! Connections: a reader, a task for each message, a writer.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};

use super::message::{Message, malformed, reply};
use crate::handover::Changeover;
use crate::http::App;
use crate::metrics::Counted;
use crate::secure::{Stream, Wrap};

/// Messages of a connection that are not answered yet; what comes beyond waits in the socket.
const MAX_IN_FLIGHT: usize = 1024;

type Socket = WebSocketStream<Stream>;

/// Serves `app` until `stop` resolves, and then until all messages at work are answered.
pub async fn serve(
    listener: TcpListener,
    wrap: Wrap,
    app: Arc<App>,
    stop: impl Future<Output = ()> + Send,
) {
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (app, stopped, wrap) = (Arc::clone(&app), stopped.clone(), wrap.clone());
                connections.spawn(async move {
                    if let Err(error) = connection(stream, &wrap, app, stopped).await {
                        tracing::debug!(%error, "a connection ended");
                    }
                });
            }
            Err(error) => tracing::warn!(%error, "a connection cannot be accepted"),
        }
        while connections.try_join_next().is_some() {}
    }
    stopping.send_replace(true);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    wrap: &Wrap,
    app: Arc<App>,
    stopped: watch::Receiver<bool>,
) -> Result<(), Error> {
    let stream = wrap.accept(stream).await?;
    let (output, input) = tokio_tungstenite::accept_async(stream).await?.split();
    let (answers, written) = mpsc::channel(MAX_IN_FLIGHT);
    let writer = tokio::spawn(write(output, written, app.changeover.clone()));
    let read = read(input, app, answers, stopped).await;
    // The writer ends when the last message at work is answered.
    writer.await.map_err(std::io::Error::other)??;
    read
}

/// Reads messages until the client ends the connection, or nobody is to be served any more. Pings are answered below.
async fn read(
    mut input: SplitStream<Socket>,
    app: Arc<App>,
    answers: mpsc::Sender<Frame>,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), Error> {
    loop {
        let frame = tokio::select! {
            _gone = stopped.wait_for(|stop| *stop) => return Ok(()),
            frame = input.next() => frame,
        };
        let text = match frame.transpose()? {
            None | Some(Frame::Close(_)) => return Ok(()),
            Some(Frame::Text(text)) => text,
            Some(Frame::Binary(_) | Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_)) => continue,
        };
        let Ok(place) = answers.clone().reserve_owned().await else {
            return Ok(());
        };
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            place.send(Frame::text(execute(&app, &text).await));
        });
    }
}

async fn execute(app: &App, text: &str) -> String {
    let refused = |id: Option<&str>, why: &str| {
        app.metrics.count(Counted::Malformed);
        malformed(id, why)
    };
    let message = match Message::read(text) {
        Ok(message) => message,
        Err(why) => return refused(None, &why),
    };
    let command = match message.command() {
        Ok(command) => command,
        Err(why) => return refused(Some(&message.id), &why),
    };
    let parsed = Instant::now();
    let outcome = app.gateway.execute(command.encode()).await;
    let (counted, answer) = reply(&message.id, app.config.name(), &outcome);
    app.metrics.answered(counted, parsed.elapsed());
    answer
}

/// Writes all answers that are there, and then hands them to the socket together. A node that is stopping ends a
/// connection as soon as no message of it is at work.
async fn write(
    mut output: SplitSink<Socket, Frame>,
    mut answers: mpsc::Receiver<Frame>,
    changeover: Changeover,
) -> Result<(), Error> {
    let mut ready = Vec::new();
    while answers.recv_many(&mut ready, MAX_IN_FLIGHT).await > 0 {
        for answer in ready.drain(..) {
            output.feed(answer).await?;
        }
        output.flush().await?;
        if changeover.is_draining() && answers.capacity() == answers.max_capacity() {
            break;
        }
    }
    output.close().await
}
