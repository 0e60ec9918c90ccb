//! NATS JetStream: messages are published once, by their ids, and each is acknowledged by the stream that keeps it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io;

use serde_json::{Value, json};
use shakedown_engine::endpoint::Endpoint;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::nats::{self, Said};
use super::turns::Turns;
use super::{DIALS_WITHIN, PATIENCE, StoreError};

/// The stream that keeps orders, and its subjects.
const STREAM: &str = "ORDERS";
const SUBJECTS: &str = "orders.>";

/// How long the stream remembers ids, so that what is published again is kept once; in nanoseconds.
const REMEMBERS_NS: u64 = 120_000_000_000;

/// JetStream's code for a stream of this name that was made otherwise.
const MADE_OTHERWISE: u64 = 10_058;

/// A message on its way to the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The last part of its subject.
    pub subject: String,
    /// By which the stream knows it again.
    pub id: String,
    /// What it says.
    pub payload: String,
}

/// One connection to one of the servers; questions wait for each other.
#[derive(Debug)]
pub struct Broker {
    servers: Vec<Endpoint>,
    /// Copies of the stream among the servers.
    copies: u8,
    turns: Turns,
    /// The end of the subjects under which answers come back; of this process alone.
    name: String,
    place: Mutex<Option<Connection>>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
    /// Numbers the requests, and so the subjects of their answers.
    next: u64,
    inbox: String,
}

impl Broker {
    /// A client of one of `servers`, called `name`; `copies` is how many of them keep the stream. With `keeps_first` only the
    /// first of them is ever dialled.
    pub fn new(servers: Vec<Endpoint>, copies: u8, name: &str, keeps_first: bool) -> Self {
        let mut servers = servers;
        servers.truncate(if keeps_first { 1 } else { servers.len() });
        Self {
            servers,
            copies,
            turns: Turns::default(),
            name: format!("{name}-{}", std::process::id()).replace(['.', ' ', '*', '>'], "-"),
            place: Mutex::default(),
        }
    }

    /// Publishes all of them; returns for each whether the stream has said that it keeps it.
    ///
    /// # Errors
    /// [`StoreError`]; what was published then may be published again, by the same ids.
    pub async fn publish(&self, messages: &[Publication]) -> Result<Vec<bool>, StoreError> {
        let mut place = self.place.lock().await;
        let mut connection = match place.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let kept = timeout(PATIENCE, connection.publish(messages)).await;
        let kept = kept
            .map_err(|_| {
                StoreError::Unknown(format!("the broker did not answer within {PATIENCE:?}"))
            })?
            .map_err(|error| StoreError::Unknown(format!("the broker: {error}")))?;
        *place = Some(connection);
        Ok(kept)
    }

    /// Whether it answers in time.
    pub async fn answers(&self) -> bool {
        matches!(timeout(PATIENCE, self.publish(&[])).await, Ok(Ok(_)))
    }

    /// How many messages the stream keeps.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kept(&self) -> Result<u64, StoreError> {
        let mut connection = self.connect().await?;
        let question = format!("$JS.API.STREAM.INFO.{STREAM}");
        let told = timeout(PATIENCE, connection.request(&question, "")).await;
        let told = told.map_err(|_| StoreError::Unknown("the broker does not tell".to_owned()))?;
        let told = told.map_err(|error| StoreError::Unknown(error.to_string()))?;
        told["state"]["messages"]
            .as_u64()
            .ok_or_else(|| StoreError::Unknown(told.to_string()))
    }

    async fn connect(&self) -> Result<Connection, StoreError> {
        let mut why = "no server is known".to_owned();
        for place in self.turns.all(self.servers.len()) {
            self.turns.tried(place);
            let server = &self.servers[place];
            match timeout(DIALS_WITHIN, self.dialled(server)).await {
                Ok(Ok(connection)) => {
                    self.turns.answered(place);
                    return Ok(connection);
                }
                Ok(Err(error)) => why = format!("{server}: {error}"),
                Err(_) => why = format!("{server} does not answer"),
            }
        }
        Err(StoreError::Unavailable(format!("the broker: {why}")))
    }

    /// Connects, says who this is, and sees to it that the stream is there.
    async fn dialled(&self, server: &Endpoint) -> io::Result<Connection> {
        let stream = server.connect().await?;
        stream.set_nodelay(true)?;
        let mut connection = Connection {
            stream,
            unread: Vec::new(),
            next: 0,
            inbox: format!("_INBOX.{}", self.name),
        };
        let hello = json!({ "verbose": false, "pedantic": false, "headers": true, "no_responders": true,
            "lang": "rust", "version": env!("CARGO_PKG_VERSION"), "protocol": 1, "name": self.name });
        let inbox = &connection.inbox;
        let text = format!("CONNECT {hello}\r\nSUB {inbox}.> 1\r\n");
        connection.stream.write_all(text.as_bytes()).await?;
        let stream = json!({ "name": STREAM, "subjects": [SUBJECTS], "storage": "file", "retention": "limits",
            "num_replicas": self.copies, "duplicate_window": REMEMBERS_NS });
        let subject = format!("$JS.API.STREAM.CREATE.{STREAM}");
        let made = connection.request(&subject, &stream.to_string()).await?;
        match made["error"]["err_code"].as_u64() {
            None if made["config"]["name"] == STREAM => Ok(connection),
            Some(MADE_OTHERWISE) => Ok(connection),
            _ => Err(io::Error::other(format!("there is no stream: {made}"))),
        }
    }
}

impl Connection {
    /// Publishes a message and waits for its answer.
    async fn request(&mut self, subject: &str, payload: &str) -> io::Result<Value> {
        self.next += 1;
        let answer = format!("{}.{}", self.inbox, self.next);
        let text = format!("PUB {subject} {answer} {}\r\n{payload}\r\n", payload.len());
        self.stream.write_all(text.as_bytes()).await?;
        loop {
            if let Said::Message { subject, payload } = self.heard().await?
                && subject == answer
            {
                return serde_json::from_str(&payload)
                    .map_err(|_| io::Error::other(format!("{subject}: nobody is responsible")));
            }
        }
    }

    /// Publishes, and waits for all answers and for the one to a ping behind them.
    async fn publish(&mut self, messages: &[Publication]) -> io::Result<Vec<bool>> {
        let first = self.next + 1;
        let mut text = String::new();
        for message in messages {
            self.next += 1;
            append(&mut text, message, &format!("{}.{}", self.inbox, self.next));
        }
        text.push_str("PING\r\n");
        self.stream.write_all(text.as_bytes()).await?;
        let mut open: BTreeSet<u64> = (first..=self.next).collect();
        let (mut kept, mut ponged) = (vec![false; messages.len()], false);
        while !open.is_empty() || !ponged {
            match self.heard().await? {
                Said::Pong => ponged = true,
                Said::Error(why) => return Err(io::Error::other(why)),
                Said::Message { subject, payload } => {
                    let number = subject.rsplit('.').next().and_then(|it| it.parse().ok());
                    if let Some(number) = number.filter(|number| open.remove(number)) {
                        kept[(number - first) as usize] = is_kept(&payload);
                    }
                }
                Said::Info | Said::Ok | Said::Ping => {}
            }
        }
        Ok(kept)
    }

    /// The next thing that the server says; its pings are answered.
    async fn heard(&mut self) -> io::Result<Said> {
        loop {
            if let Some((said, bytes)) = nats::read(&self.unread).map_err(io::Error::other)? {
                self.unread.drain(..bytes);
                if said == Said::Ping {
                    self.stream.write_all(b"PONG\r\n").await?;
                }
                return Ok(said);
            }
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// A publication with its id in a header, which JetStream tells duplicates by.
fn append(out: &mut String, message: &Publication, answer: &str) {
    let Publication {
        subject,
        id,
        payload,
    } = message;
    let header = format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\n\r\n");
    let _infallible = write!(
        out,
        "HPUB orders.{subject} {answer} {} {}\r\n{header}{payload}\r\n",
        header.len(),
        header.len() + payload.len()
    );
}

/// Whether this is an acknowledgement of the stream.
fn is_kept(payload: &str) -> bool {
    let said: Value = serde_json::from_str(payload).unwrap_or_default();
    said["error"].is_null() && said["seq"].as_u64().is_some_and(|number| number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publication_is_as_long_as_it_says() {
        let mut text = String::new();
        let message = Publication {
            subject: "BTCUSD".to_owned(),
            id: "a-1".to_owned(),
            payload: "{}".to_owned(),
        };
        append(&mut text, &message, "_INBOX.x.7");
        assert_eq!(
            text,
            "HPUB orders.BTCUSD _INBOX.x.7 30 32\r\nNATS/1.0\r\nNats-Msg-Id: a-1\r\n\r\n{}\r\n"
        );
    }

    #[test]
    fn only_the_stream_acknowledges() {
        assert!(is_kept(r#"{"stream":"ORDERS","seq":3}"#));
        assert!(is_kept(r#"{"stream":"ORDERS","seq":3,"duplicate":true}"#));
        assert!(!is_kept(r#"{"error":{"code":503},"seq":0}"#));
        assert!(!is_kept(""));
    }
}
