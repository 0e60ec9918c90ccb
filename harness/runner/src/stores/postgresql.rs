//! One question to a PostgreSQL server, on a connection of its own: as with [`crate::environment::ask`], no pool and no retry
//! could hide who answered, and when.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use shakedown_load::http::Vars;
use shakedown_load::postgresql::{
    Collector, Ended, Framed, Frames, Greeted, Greeting, Login, Statement, append_query,
    append_terminate,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, ToSocketAddrs};

use super::dial::{AskError, dial};

const INBOX_BYTES: usize = 64 * 1024;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub enum Question<'a> {
    /// A statement of the profile.
    Statement(&'a Statement, &'a Vars<'a>),
    /// Statements of our own, without any value from elsewhere.
    Text(&'a str),
}

/// Asks one question, and waits until the server is ready for the next one.
///
/// # Errors
/// When nothing complete came back within `timeout`. An error of the server is an answer.
pub async fn ask(
    address: impl ToSocketAddrs,
    login: &Login,
    question: Question<'_>,
    timeout: Duration,
) -> Result<Ended, AskError> {
    let whole = async {
        let mut connection = Connection::open(address, login).await?;
        connection.ask(question).await
    };
    let answer = tokio::time::timeout(timeout, whole).await;
    answer.unwrap_or(Err(AskError::TimedOut(timeout)))
}

/// Connects as somebody without a password, and waits for the server to let us in or to ask for one: either way it serves.
///
/// # Errors
/// When it does neither, with the server's reason.
pub async fn is_open(address: SocketAddr, database: &str) -> io::Result<()> {
    let login = Login::trusted("postgres", database);
    let mut stream = TcpStream::connect(address).await?;
    let mut out = Vec::new();
    login.append_startup(&mut out);
    stream.write_all(&out).await?;
    let (mut frames, mut inbox) = (Frames::default(), [0; 1024]);
    loop {
        let count = stream.read(&mut inbox).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match frames.take(&inbox[..count]) {
            Framed::More => {}
            Framed::Message { tag: b'R', .. } => {
                let mut goodbye = Vec::new();
                append_terminate(&mut goodbye);
                return stream.write_all(&goodbye).await;
            }
            Framed::Message { tag, body, .. } => {
                let heard = Greeting::default().hear(tag, body, &login, &mut Vec::new());
                return Err(io::Error::other(match heard {
                    Greeted::Refused(why) | Greeted::Malformed(why) => why,
                    Greeted::More | Greeted::Open => "an answer without a question".to_string(),
                }));
            }
            Framed::Malformed => return Err(io::Error::other("this is not PostgreSQL")),
        }
    }
}

/// A connection that is ready for a query.
struct Connection {
    stream: TcpStream,
    frames: Frames,
    inbox: Vec<u8>,
    /// Of the inbox: what was read and not heard.
    unheard: std::ops::Range<usize>,
}

impl Connection {
    async fn open(address: impl ToSocketAddrs, login: &Login) -> Result<Connection, AskError> {
        let mut connection = Connection {
            stream: dial(address).await?,
            frames: Frames::default(),
            inbox: vec![0; INBOX_BYTES],
            unheard: 0..0,
        };
        let mut out = Vec::new();
        login.append_startup(&mut out);
        let unreachable = |error: io::Error| AskError::Unreachable(error.to_string());
        connection
            .stream
            .write_all(&out)
            .await
            .map_err(unreachable)?;
        let mut greeting = Greeting::default();
        loop {
            out.clear();
            let heard = connection
                .next(|tag, body| greeting.hear(tag, body, login, &mut out))
                .await;
            match heard.map_err(unreachable)? {
                Greeted::More => {}
                Greeted::Open => return Ok(connection),
                Greeted::Refused(why) | Greeted::Malformed(why) => {
                    return Err(AskError::Unreachable(why));
                }
            }
            connection
                .stream
                .write_all(&out)
                .await
                .map_err(unreachable)?;
        }
    }

    async fn ask(&mut self, question: Question<'_>) -> Result<Ended, AskError> {
        let broken = |error: io::Error| AskError::Broken(error.to_string());
        let mut out = Vec::new();
        match question {
            Question::Statement(statement, vars) => {
                statement.append_parse("", &mut out);
                statement.append_execute("", vars, &mut out);
            }
            Question::Text(sql) => append_query(sql, &mut out),
        }
        self.stream.write_all(&out).await.map_err(broken)?;
        let mut collector = Collector::default();
        loop {
            let heard = self.next(|tag, body| collector.hear(tag, body)).await;
            match heard.map_err(broken)?.map_err(AskError::Broken)? {
                None => {}
                Some(ended) if ended.is_fatal => {
                    let why = String::from_utf8_lossy(&ended.body).into_owned();
                    return Err(AskError::Broken(why));
                }
                Some(ended) => {
                    out.clear();
                    append_terminate(&mut out);
                    // The answer is there; who hangs up first makes no difference.
                    drop(self.stream.write_all(&out).await);
                    return Ok(ended);
                }
            }
        }
    }

    /// Hears the next message.
    async fn next<R>(&mut self, mut hear: impl FnMut(u8, &[u8]) -> R) -> io::Result<R> {
        loop {
            if self.unheard.is_empty() {
                let count = self.stream.read(&mut self.inbox).await?;
                if count == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.unheard = 0..count;
            }
            match self.frames.take(&self.inbox[self.unheard.clone()]) {
                Framed::More => self.unheard = 0..0,
                Framed::Message { used, tag, body } => {
                    let heard = hear(tag, body);
                    self.unheard.start += used;
                    return Ok(heard);
                }
                Framed::Malformed => return Err(io::Error::other("this is not PostgreSQL")),
            }
        }
    }
}
