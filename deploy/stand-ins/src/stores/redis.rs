//! Redis: who the master is, is asked of the sentinels whenever a connection is made.

use std::io;
use std::str::FromStr;

use shakedown_engine::endpoint::Endpoint;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::resp::{self, Reply};
use super::turns::Turns;
use super::{DIALS_WITHIN, PATIENCE, StoreError};

/// Errors with which a server says that it is not, or not yet, the one to be asked.
const ELSEWHERE: [&str; 5] = ["READONLY", "LOADING", "MASTERDOWN", "MOVED", "CLUSTERDOWN"];

/// Where Redis is found.
#[derive(Debug, Clone)]
pub enum RedisEntry {
    /// At this server.
    Server(Endpoint),
    /// Where one of these sentinels says that the master of that name is.
    Sentinels {
        /// Any of them.
        sentinels: Vec<Endpoint>,
        /// Under which they know it.
        master: String,
    },
}

impl RedisEntry {
    /// A server, or else sentinels that know a master; `None` where there is neither.
    pub fn of(server: Option<&Endpoint>, sentinels: &[Endpoint], master: &str) -> Option<Self> {
        if let Some(server) = server {
            return Some(RedisEntry::Server(server.clone()));
        }
        (!sentinels.is_empty()).then(|| RedisEntry::Sentinels {
            sentinels: sentinels.to_vec(),
            master: master.to_owned(),
        })
    }
}

/// One connection to the master; questions wait for each other.
#[derive(Debug)]
pub struct Redis {
    entry: RedisEntry,
    keeps_first: bool,
    /// Of the sentinels.
    turns: Turns,
    place: Mutex<Place>,
}

#[derive(Debug, Default)]
struct Place {
    connection: Option<Connection>,
    /// The first master that was ever found.
    first: Option<Endpoint>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Redis {
    /// A client. With `keeps_first` the master that was found first is dialled for ever.
    pub fn new(entry: RedisEntry, keeps_first: bool) -> Self {
        Self {
            entry,
            keeps_first,
            turns: Turns::default(),
            place: Mutex::default(),
        }
    }

    /// Asks everything at once; the replies are in the order of the commands. An error among them is a reply like any other.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] also when a server says that it is not the master.
    pub async fn ask(&self, commands: &[Vec<String>]) -> Result<Vec<Reply>, StoreError> {
        let mut place = self.place.lock().await;
        let mut connection = match place.connection.take() {
            Some(connection) => connection,
            None => self.connect(&mut place).await?,
        };
        let replies = timeout(PATIENCE, connection.ask(commands)).await;
        let replies = replies
            .map_err(|_| StoreError::Unknown(format!("Redis did not answer within {PATIENCE:?}")))?
            .map_err(|error| StoreError::Unknown(format!("Redis: {error}")))?;
        if let Some(Reply::Error(said)) = replies.iter().find(|reply| is_elsewhere(reply)) {
            return Err(StoreError::Unavailable(format!("Redis: {said}")));
        }
        place.connection = Some(connection);
        Ok(replies)
    }

    /// Whether it answers in time.
    pub async fn answers(&self) -> bool {
        let ping = [words("PING")];
        matches!(timeout(PATIENCE, self.ask(&ping)).await, Ok(Ok(_)))
    }

    async fn connect(&self, place: &mut Place) -> Result<Connection, StoreError> {
        let unavailable = |why: String| StoreError::Unavailable(format!("Redis: {why}"));
        if let Some(first) = place.first.as_ref().filter(|_| self.keeps_first) {
            return dialled(first).await.map_err(unavailable);
        }
        let master = match &self.entry {
            RedisEntry::Server(server) => server.clone(),
            RedisEntry::Sentinels { sentinels, master } => {
                self.found(sentinels, master).await.map_err(unavailable)?
            }
        };
        let mut connection = dialled(&master).await.map_err(unavailable)?;
        let role = timeout(PATIENCE, connection.ask(&[words("ROLE")])).await;
        match role {
            Ok(Ok(replies)) if is_master(&replies) => {}
            Ok(Ok(_)) => return Err(unavailable(format!("{master} is not the master"))),
            _ => return Err(unavailable(format!("{master} does not say what it is"))),
        }
        place.first.get_or_insert(master);
        Ok(connection)
    }

    /// The first sentinel that knows the master says where it is.
    async fn found(&self, sentinels: &[Endpoint], master: &str) -> Result<Endpoint, String> {
        let question = [words(&format!("SENTINEL get-master-addr-by-name {master}"))];
        for place in self.turns.all(sentinels.len()) {
            self.turns.tried(place);
            let asked = async {
                let mut connection = dialled(&sentinels[place]).await.ok()?;
                let replies = connection.ask(&question).await.ok()?;
                address(replies.first()?)
            };
            if let Ok(Some(address)) = timeout(DIALS_WITHIN, asked).await {
                self.turns.answered(place);
                return Ok(address);
            }
        }
        Err(format!("no sentinel knows where {master} is"))
    }
}

impl Connection {
    async fn ask(&mut self, commands: &[Vec<String>]) -> io::Result<Vec<Reply>> {
        let mut out = String::new();
        commands
            .iter()
            .for_each(|words| resp::append(&mut out, words));
        self.stream.write_all(out.as_bytes()).await?;
        let mut replies = Vec::with_capacity(commands.len());
        let mut used = 0;
        while replies.len() < commands.len() {
            match resp::read(&self.unread[used..]).map_err(io::Error::other)? {
                Some((reply, bytes)) => {
                    replies.push(reply);
                    used += bytes;
                }
                None => {
                    self.unread.drain(..used);
                    used = 0;
                    if self.stream.read_buf(&mut self.unread).await? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
        self.unread.drain(..used);
        Ok(replies)
    }
}

/// `["10.0.0.1", "6379"]`
fn address(reply: &Reply) -> Option<Endpoint> {
    let Reply::List(parts) = reply else {
        return None;
    };
    let (host, port) = (parts.first()?.text()?, parts.get(1)?.text()?);
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    Endpoint::from_str(&format!("{host}:{port}")).ok()
}

fn is_master(role: &[Reply]) -> bool {
    matches!(role, [Reply::List(parts)] if parts.first().and_then(Reply::text) == Some("master"))
}

fn is_elsewhere(reply: &Reply) -> bool {
    let Reply::Error(said) = reply else {
        return false;
    };
    ELSEWHERE.contains(&said.split(' ').next().unwrap_or_default())
}

async fn dialled(server: &Endpoint) -> Result<Connection, String> {
    let stream = timeout(DIALS_WITHIN, server.connect())
        .await
        .map_err(|_| format!("{server} does not answer"))?
        .map_err(|error| format!("{server}: {error}"))?;
    stream
        .set_nodelay(true)
        .map_err(|error| error.to_string())?;
    Ok(Connection {
        stream,
        unread: Vec::new(),
    })
}

/// The words of a command without spaces in them.
fn words(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A server that says this to whatever it is asked, as often as it is dialled.
    async fn parrot(says: impl Fn() -> String + Send + 'static) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = [0; 1024];
                while matches!(stream.read(&mut bytes).await, Ok(1..)) {
                    let _gone = stream.write_all(says().as_bytes()).await;
                }
            }
        });
        address.into()
    }

    fn list(words: [&str; 2]) -> String {
        let [a, b] = words;
        format!("*2\r\n${}\r\n{a}\r\n${}\r\n{b}\r\n", a.len(), b.len())
    }

    #[tokio::test]
    async fn who_the_master_is_is_asked_again_unless_the_first_is_kept() {
        use std::sync::{Arc, Mutex};
        let first = parrot(|| list(["master", "0"])).await;
        let second = parrot(|| list(["master", "1"])).await;
        for (keeps_first, expected) in [(false, "1"), (true, "0")] {
            let master = Arc::new(Mutex::new(first.clone()));
            let told = Arc::clone(&master);
            let sentinel = parrot(move || {
                let now = told.lock().unwrap().clone();
                list([now.host(), &now.port().to_string()])
            });
            let sentinels = vec![sentinel.await];
            let entry = RedisEntry::Sentinels {
                sentinels,
                master: "m".to_owned(),
            };
            let redis = Redis::new(entry, keeps_first);
            assert!(redis.answers().await);
            *master.lock().unwrap() = second.clone();
            redis.place.lock().await.connection = None;
            let replies = redis.ask(&[words("ROLE")]).await.unwrap();
            let Reply::List(parts) = &replies[0] else {
                panic!("{replies:?}")
            };
            assert_eq!(parts[1].text(), Some(expected), "{keeps_first}");
        }
    }

    #[tokio::test]
    async fn a_replica_is_not_asked() {
        let replica = parrot(|| list(["slave", "10.0.0.1"])).await;
        let redis = Redis::new(RedisEntry::Server(replica), false);
        let failed = redis.ask(&[words("PING")]).await.unwrap_err().to_string();
        assert!(failed.contains("is not the master"), "{failed}");
    }

    #[test]
    fn only_errors_of_the_wrong_server_send_elsewhere() {
        assert!(is_elsewhere(&Reply::Error(
            "READONLY You can't write".to_owned()
        )));
        assert!(!is_elsewhere(&Reply::Error("WRONGTYPE".to_owned())));
        assert!(!is_elsewhere(&Reply::Text("READONLY".to_owned())));
    }
}
