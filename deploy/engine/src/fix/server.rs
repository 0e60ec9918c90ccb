//! Connections: a reader that has the orders at work, and a writer.
//!
//! Orders of a connection are handed on in the order in which they came, and answered as they are done.

use std::future::Future;
use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use super::desk::{Purpose, SharedSession};
use super::orders::command;
use super::reports::{About, reports, unfit};
use super::session::{Asked, Session};
use super::wire::Message;
use crate::accept;
use crate::command::{Answer, Command};
use crate::gateway::Outcome;
use crate::http::App;
use crate::metrics::Counted;
use crate::node::Boxed;
use crate::secure::{Stream, Wrap};

/// Orders of a connection that are at work; what comes beyond waits in the socket.
const MAX_IN_FLIGHT: usize = 1024;

/// Bytes that one read takes at most.
const READ_BYTES: usize = 64 * 1024;

/// How long a client may take to log on.
const LOGON_WITHIN: Duration = Duration::from_secs(10);

/// How often a session looks at the clock.
const TICK: Duration = Duration::from_millis(100);

/// Copies that are written before the connection is looked at again.
const COPIES_AT_ONCE: usize = 1024;

/// Serves `app` until `stop` resolves, and then until all orders at work are answered.
pub async fn serve(
    listener: TcpListener,
    wrap: Wrap,
    app: Arc<App>,
    stop: impl Future<Output = ()> + Send,
) {
    let teller = tokio::spawn(tell_executions(Arc::clone(&app)));
    accept::serve(listener, stop, |stream, stopped| {
        let (app, wrap) = (Arc::clone(&app), wrap.clone());
        async move { connection(stream, &wrap, app, stopped).await }
    })
    .await;
    teller.abort();
}

/// Tells sessions what is executed of their orders in the book, on whatever connections they have then.
async fn tell_executions(app: Arc<App>) {
    let mut count = app.fix.copies.count();
    let mut seen = *count.borrow_and_update();
    loop {
        let upto = *count.borrow_and_update();
        // Read before: an order that comes now is executed later.
        if app.fix.resting.is_empty() {
            seen = upto;
        }
        let (copies, upto) = app.fix.copies.after(seen, COPIES_AT_ONCE);
        seen = upto;
        for copy in &copies {
            if let Some((session, report)) = app.fix.resting.noted(copy) {
                lock(&session).write("8", &report);
            }
        }
        if copies.len() < COPIES_AT_ONCE && count.changed().await.is_err() {
            return;
        }
    }
}

/// What comes from a client.
struct From {
    input: ReadHalf<Stream>,
    /// Bytes that are no whole message yet.
    buffer: Vec<u8>,
}

/// A connection of a client that is logged on.
struct Line {
    app: Arc<App>,
    session: SharedSession,
    /// Which of the session's connections this is.
    number: u64,
}

/// Orders at work, begun in the order in which they came.
type Working = FuturesUnordered<Boxed<'static, ()>>;

/// What happens on a connection.
enum Event {
    /// The node stops, for this reason.
    Stop(&'static str),
    Tick,
    /// There are more copies.
    More,
    /// An order is done.
    Done,
    /// The client's next message; none when it has gone.
    Said(Option<Message>),
}

async fn connection(
    stream: TcpStream,
    wrap: &Wrap,
    app: Arc<App>,
    stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let (mut input, output) = tokio::io::split(wrap.accept(stream).await?);
    let mut buffer = Vec::with_capacity(READ_BYTES);
    let logon = tokio::time::timeout(LOGON_WITHIN, next(&mut input, &mut buffer)).await??;
    let Some(logon) = logon.filter(|logon| logon.kind() == "A") else {
        return Ok(());
    };
    let Some((session, purpose)) = app.fix.session(&logon) else {
        return Ok(());
    };
    let (line, lines) = mpsc::unbounded_channel();
    let writer = tokio::spawn(write(output, lines));
    let (asked, number) = {
        let mut session = lock(&session);
        (session.log_on(&logon, line), session.connection)
    };
    let line = Line {
        app,
        session,
        number,
    };
    let mut working = Working::new();
    let read = match asked {
        Asked::End => Ok(()),
        Asked::Nothing | Asked::Order(_) => {
            let mut from = From { input, buffer };
            line.serve(purpose, &mut from, &mut working, stopped).await
        }
    };
    line.leave();
    // What is at work is reported all the same, on whatever connection the client has then.
    tokio::spawn(async move { while working.next().await.is_some() {} });
    writer.await.map_err(io::Error::other)??;
    read
}

impl Line {
    /// Reads until the client ends the connection, or nobody is to be served any more.
    async fn serve(
        &self,
        purpose: Purpose,
        from: &mut From,
        working: &mut Working,
        mut stopped: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let mut ticks = tokio::time::interval(TICK);
        let mut more = self.app.fix.copies.count();
        loop {
            let event = tokio::select! {
                _gone = stopped.wait_for(|stop| *stop) => Event::Stop("the engine stops"),
                _ = ticks.tick() => Event::Tick,
                _ = more.changed(), if purpose == Purpose::Copies => Event::More,
                Some(()) = working.next(), if !working.is_empty() => Event::Done,
                message = next(&mut from.input, &mut from.buffer), if working.len() < MAX_IN_FLIGHT => {
                    Event::Said(message?)
                }
            };
            let draining = self.app.changeover.is_draining();
            match event {
                Event::Tick if draining => {
                    self.finish("the engine is about to stop", working).await;
                    return Ok(());
                }
                Event::Stop(why) => {
                    self.finish(why, working).await;
                    return Ok(());
                }
                Event::Tick if !self.is_present() || !self.held().tick() => return Ok(()),
                Event::Tick | Event::More | Event::Done => {}
                Event::Said(None) => return Ok(()),
                Event::Said(Some(message)) => {
                    if !self.heard(message, purpose, working) {
                        return Ok(());
                    }
                }
            }
            if purpose == Purpose::Copies && self.is_present() {
                self.copy();
            }
        }
    }

    /// False when the connection is to end.
    fn heard(&self, message: Message, purpose: Purpose, working: &Working) -> bool {
        if !self.is_present() {
            return false;
        }
        let asked = self.held().receive(message);
        match (asked, purpose) {
            (Asked::Nothing, _) => true,
            (Asked::End, _) => false,
            (Asked::Order(message), Purpose::Copies) => {
                let (kind, fields) = unfit(&message, super::orders::Unfit::Kind);
                self.held().write(kind, &fields);
                true
            }
            (Asked::Order(message), Purpose::Orders) => {
                let (app, session) = (Arc::clone(&self.app), Arc::clone(&self.session));
                working.push(Box::pin(async move {
                    execute(&app, &session, &message).await;
                }));
                true
            }
        }
    }

    /// Writes the copies that are new.
    fn copy(&self) {
        loop {
            let mut session = self.held();
            let (copies, upto) = self.app.fix.copies.after(session.copied, COPIES_AT_ONCE);
            session.copied = upto;
            copies.iter().for_each(|copy| session.write("8", copy));
            if copies.len() < COPIES_AT_ONCE {
                return;
            }
        }
    }

    /// Says Logout when all orders at work are answered.
    async fn finish(&self, why: &str, working: &mut Working) {
        while working.next().await.is_some() {}
        if self.is_present() {
            self.held().log_out(why);
        }
    }

    /// Nothing more goes to this connection.
    fn leave(&self) {
        let mut session = self.held();
        if session.connection == self.number {
            session.line = None;
        }
    }

    /// False when the client has a newer connection.
    fn is_present(&self) -> bool {
        self.held().connection == self.number
    }

    fn held(&self) -> MutexGuard<'_, Session> {
        lock(&self.session)
    }
}

fn lock(session: &SharedSession) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has an order executed and reports it, on whatever connection the client has then.
async fn execute(app: &App, session: &SharedSession, message: &Message) {
    let command = match command(message) {
        Ok(command) => command,
        Err(why) => {
            app.metrics.count(Counted::Malformed);
            let (kind, fields) = unfit(message, why);
            return lock(session).write(kind, &fields);
        }
    };
    let parsed = Instant::now();
    let (resting, is_new) = (&app.fix.resting, matches!(command, Command::New(_)));
    if is_new {
        resting.expect(command.id(), session);
    }
    let outcome = app.gateway.execute(command.encode()).await;
    let about = About {
        asked: message,
        order: app.replica.read().exchange.order(command.id()),
        unique: app.fix.unique_id(),
    };
    let (counted, reports) = reports(&about, &outcome);
    let mut held = lock(session);
    for (kind, fields) in &reports {
        held.write(kind, fields);
    }
    match (&outcome, is_new) {
        (Outcome::Answered(Answer::Rejected { .. }) | Outcome::Unavailable(_), true) => {
            resting.refused(command.id());
        }
        // What nobody knows yet may be in the book, too.
        (Outcome::Answered(_) | Outcome::Unknown(_), true) => {
            let before = resting.told(command.id(), session);
            before.iter().for_each(|fields| held.write("8", fields));
        }
        (Outcome::Answered(Answer::Replaced { .. }), false) => {
            resting.renamed(command.id(), message.get(11).unwrap_or_default());
        }
        (Outcome::Answered(_) | Outcome::Unavailable(_) | Outcome::Unknown(_), false) => {}
    }
    drop(held);
    app.metrics.answered(counted, parsed.elapsed());
}

/// The next message; none when the client has gone.
pub(crate) async fn next(
    input: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Message>> {
    loop {
        if let Some(message) = Message::take(buffer).map_err(io::Error::other)? {
            return Ok(Some(message));
        }
        if input.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// Writes all that is there in one go.
pub(crate) async fn write(
    mut output: impl AsyncWrite + Unpin,
    mut lines: mpsc::UnboundedReceiver<Vec<u8>>,
) -> io::Result<()> {
    let mut ready = Vec::new();
    let mut bytes = Vec::new();
    while lines.recv_many(&mut ready, MAX_IN_FLIGHT).await > 0 {
        bytes.clear();
        ready.drain(..).for_each(|message| bytes.extend(message));
        output.write_all(&bytes).await?;
        output.flush().await?;
    }
    output.shutdown().await
}
