//! Connections: a reader, a task for each message, a writer.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};
use tokio_tungstenite::tungstenite::{Error, Message as Frame};

use super::message::{Message, malformed, reply};
use super::reports;
use crate::accept;
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
) -> Result<(), Error> {
    let stream = wrap.accept(stream).await?;
    let mut reports = None;
    let greeting = Greeting {
        app: &app,
        reports: &mut reports,
    };
    let socket = tokio_tungstenite::accept_hdr_async(stream, greeting).await?;
    if let Some(reports) = reports {
        return reports::tell(socket, reports, stopped).await;
    }
    let (output, input) = socket.split();
    let (answers, written) = mpsc::channel(MAX_IN_FLIGHT);
    let writer = tokio::spawn(write(output, written, app.changeover.clone()));
    let read = read(input, app, answers, stopped).await;
    // The writer ends when the last message at work is answered.
    writer.await.map_err(std::io::Error::other)??;
    read
}

/// Lets whoever comes for reports listen before it knows that it does, so that nothing is missed.
struct Greeting<'a> {
    app: &'a App,
    reports: &'a mut Option<mpsc::Receiver<String>>,
}

impl Callback for Greeting<'_> {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        *self.reports = self.app.reports.listen(request.uri().path());
        Ok(response)
    }
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
