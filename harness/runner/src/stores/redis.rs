//! One question to a server of Redis, on a connection of its own; or to the master that a sentinel names.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use shakedown_load::http::Vars;
use shakedown_load::redis::{
    Collector, Commands, Ended, Framed, Greeted, Greeting, Login, Replies, append_command,
    append_who_is_master, master_of,
};
use shakedown_load::secret::Secrets;
use shakedown_scenarios::plan::Template;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, ToSocketAddrs};

use super::dial::{AskError, dial};

const INBOX_BYTES: usize = 64 * 1024;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub enum Question<'a> {
    /// Commands of the profile.
    Commands(&'a Commands, &'a Vars<'a>),
    /// A command of our own, without any value from elsewhere.
    Words(&'a [&'a str]),
}

/// Asks one question of a server, whatever its role.
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
        let mut connection = Connection::open(address).await?;
        let mut out = Vec::new();
        if login.append(&mut out) {
            connection.admitted(&out).await?;
        }
        connection.ask(question).await
    };
    let answer = tokio::time::timeout(timeout, whole).await;
    answer.unwrap_or(Err(AskError::TimedOut(timeout)))
}

/// Asks a sentinel who the master of this name is, and the question of that one.
///
/// # Errors
/// As [`ask`]; and when whoever is named says that it is no master: nothing was asked then.
pub async fn ask_master(
    sentinel: impl ToSocketAddrs,
    name: &str,
    login: &Login,
    question: Question<'_>,
    timeout: Duration,
) -> Result<Ended, AskError> {
    let whole = async {
        let mut connection = Connection::open(sentinel).await?;
        let mut out = Vec::new();
        append_who_is_master(name, &mut out);
        let unreachable = |error: io::Error| AskError::Unreachable(error.to_string());
        connection
            .stream
            .write_all(&out)
            .await
            .map_err(unreachable)?;
        let master = connection.next(master_of).await.map_err(unreachable)?;
        let mut connection = Connection::open(master.map_err(AskError::Unreachable)?).await?;
        out.clear();
        let mut greeting = Greeting::begin(login, &mut out);
        connection
            .stream
            .write_all(&out)
            .await
            .map_err(unreachable)?;
        loop {
            let heard = connection.next(|reply| greeting.hear(reply)).await;
            match heard.map_err(unreachable)? {
                Greeted::More => {}
                Greeted::Open => break,
                Greeted::Refused(why) => return Err(AskError::Unreachable(why)),
            }
        }
        connection.ask(question).await
    };
    let answer = tokio::time::timeout(timeout, whole).await;
    answer.unwrap_or(Err(AskError::TimedOut(timeout)))
}

/// Waits for the answer to a PING: it serves, whoever may ask it.
///
/// # Errors
/// When there is none, or the server says that it does not serve yet.
pub async fn is_open(address: SocketAddr) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    let mut connection = Connection::over(stream);
    let mut out = Vec::new();
    append_command(&["PING"], &mut out);
    connection.stream.write_all(&out).await?;
    connection
        .next(|reply| match reply {
            [b'+', ..] | [b'-', b'N', b'O', b'A', b'U', b'T', b'H', ..] => Ok(()),
            other => Err(io::Error::other(
                String::from_utf8_lossy(other).into_owned(),
            )),
        })
        .await?
}

/// The commands of a request's body.
pub(super) fn commands(body: &Template, secrets: &Secrets) -> Commands {
    Commands::new(body, secrets)
}

struct Connection {
    stream: TcpStream,
    replies: Replies,
    inbox: Vec<u8>,
    /// Of the inbox: what was read and not heard.
    unheard: std::ops::Range<usize>,
}

impl Connection {
    async fn open(address: impl ToSocketAddrs) -> Result<Connection, AskError> {
        dial(address).await.map(Connection::over)
    }

    fn over(stream: TcpStream) -> Connection {
        Connection {
            stream,
            replies: Replies::default(),
            inbox: vec![0; INBOX_BYTES],
            unheard: 0..0,
        }
    }

    /// Says who we are.
    async fn admitted(&mut self, said: &[u8]) -> Result<(), AskError> {
        let unreachable = |error: io::Error| AskError::Unreachable(error.to_string());
        self.stream.write_all(said).await.map_err(unreachable)?;
        let heard = self.next(|reply| match reply {
            [b'+', ..] => Ok(()),
            other => Err(String::from_utf8_lossy(other).into_owned()),
        });
        heard
            .await
            .map_err(unreachable)?
            .map_err(AskError::Unreachable)
    }

    async fn ask(&mut self, question: Question<'_>) -> Result<Ended, AskError> {
        let broken = |error: io::Error| AskError::Broken(error.to_string());
        let mut out = Vec::new();
        let ours;
        let asked = match question {
            Question::Commands(commands, vars) => {
                commands.append(vars, &mut Vec::new(), &mut out);
                commands
            }
            Question::Words(words) => {
                append_command(words, &mut out);
                ours = Commands::new(&Template::literal(""), &Secrets::default());
                &ours
            }
        };
        self.stream.write_all(&out).await.map_err(broken)?;
        let mut collector = Collector::default();
        loop {
            let heard = self.next(|reply| collector.hear(asked, reply)).await;
            if let Some(ended) = heard.map_err(broken)? {
                return Ok(ended);
            }
        }
    }

    /// Hears the next reply.
    async fn next<R>(&mut self, hear: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        loop {
            if self.unheard.is_empty() {
                let count = self.stream.read(&mut self.inbox).await?;
                if count == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.unheard = 0..count;
            }
            match self.replies.take(&self.inbox[self.unheard.clone()]) {
                Framed::More => self.unheard = 0..0,
                Framed::Reply { used, reply } => {
                    let heard = hear(reply);
                    self.unheard.start += used;
                    return Ok(heard);
                }
                Framed::Malformed => return Err(io::Error::other("this is not Redis")),
            }
        }
    }
}
