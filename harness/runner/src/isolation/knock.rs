//! What is done in a guest: it is told where to knock, knocks, and says how that went. Both ways one JSON object a line.
//!
//! Knocks are bounded in time and do not wait for each other: a door that is silent does not keep the next knock away, by which
//! one would be seen that is open for a moment only.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A connection comes about within this, or the door is silent. A packet that was lost is sent again after a second.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_millis(900);

/// An answer over HTTP comes within this, or none does.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What is read of an answer.
const MOST_BYTES: usize = 4096;

/// Rounds under way at once; whoever asks for more asks faster than any door can answer.
const MOST_ROUNDS: usize = 64;

/// Why a guest has ended.
#[derive(Debug, thiserror::Error)]
pub enum KnockError {
    #[error("this is no round of knocks: {0}")]
    Words(#[from] serde_json::Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Knock once at each of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Round {
    pub id: u64,
    pub at: Vec<Place>,
}

/// Where to knock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub address: SocketAddr,
    /// A path that is asked for.
    pub http: Option<String>,
}

/// How each knock of a round went, in the order of the places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Went {
    pub id: u64,
    pub how: Vec<Knock>,
}

/// How one knock went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Knock {
    /// A connection, and nothing was asked.
    Connected,
    /// An answer over HTTP that refuses nobody.
    Answered { status: u16 },
    /// 401 or 403.
    Denied { status: u16 },
    /// A connection, and no answer over HTTP.
    Mute,
    /// Somebody said no.
    Refused,
    /// Nobody said anything.
    Silent,
    /// There is no way there.
    Unreachable { why: String },
}

impl Knock {
    /// It got through.
    pub(super) fn reached(&self) -> bool {
        match self {
            Knock::Connected | Knock::Answered { .. } => true,
            Knock::Denied { .. }
            | Knock::Mute
            | Knock::Refused
            | Knock::Silent
            | Knock::Unreachable { .. } => false,
        }
    }

    pub(super) fn words(&self) -> String {
        match self {
            Knock::Connected => "connected".to_string(),
            Knock::Answered { status } => format!("answered {status}"),
            Knock::Denied { status } => format!("denied with {status}"),
            Knock::Mute => "connected, and not answered".to_string(),
            Knock::Refused => "refused".to_string(),
            Knock::Silent => "silent".to_string(),
            Knock::Unreachable { why } => format!("unreachable: {why}"),
        }
    }
}

/// Knocks as it is told on standard input, which is a pipe like standard output, until nothing more is said there.
///
/// # Errors
/// As [`serve`]; when one of them is no pipe.
pub async fn serve_pipes() -> Result<(), KnockError> {
    let hear = std::io::stdin().as_fd().try_clone_to_owned()?;
    let say = std::io::stdout().as_fd().try_clone_to_owned()?;
    serve(
        pipe::Receiver::from_owned_fd(hear)?,
        pipe::Sender::from_owned_fd(say)?,
    )
    .await
}

/// Knocks as it is told until nothing more is said.
///
/// # Errors
/// When what is said makes no sense, or nobody hears the answers.
pub(super) async fn serve(
    hear: impl AsyncRead + Unpin,
    mut say: impl AsyncWrite + Unpin,
) -> Result<(), KnockError> {
    let (tell, mut told) = mpsc::channel::<Went>(MOST_ROUNDS);
    let mut lines = BufReader::new(hear).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else {
                    return Ok(());
                };
                let round: Round = serde_json::from_str(&line)?;
                let Ok(room) = tell.clone().try_reserve_owned() else {
                    // Whoever asks misses the answer, and takes it for none.
                    continue;
                };
                tokio::spawn(async move { room.send(knock_all(round).await) });
            }
            Some(went) = told.recv() => {
                let mut line = serde_json::to_vec(&went)?;
                line.push(b'\n');
                say.write_all(&line).await?;
                say.flush().await?;
            }
        }
    }
}

async fn knock_all(round: Round) -> Went {
    let knocks = round.at.iter().map(knock);
    Went {
        id: round.id,
        how: futures_util::future::join_all(knocks).await,
    }
}

async fn knock(place: &Place) -> Knock {
    let stream = match timeout(CONNECT_WITHIN, TcpStream::connect(place.address)).await {
        Err(_) => return Knock::Silent,
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return match error.kind() {
                std::io::ErrorKind::ConnectionRefused => Knock::Refused,
                std::io::ErrorKind::TimedOut => Knock::Silent,
                _ => Knock::Unreachable {
                    why: error.to_string(),
                },
            };
        }
    };
    let Some(path) = &place.http else {
        return Knock::Connected;
    };
    match timeout(ANSWER_WITHIN, status(stream, place.address, path)).await {
        Ok(Some(status @ (401 | 403))) => Knock::Denied { status },
        Ok(Some(status)) => Knock::Answered { status },
        Ok(None) | Err(_) => Knock::Mute,
    }
}

/// The status of the answer; `None` when what comes is none.
async fn status(mut stream: TcpStream, host: SocketAddr, path: &str) -> Option<u16> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut bytes = Vec::new();
    while !bytes.contains(&b'\n') && bytes.len() < MOST_BYTES {
        let mut more = [0; 256];
        match stream.read(&mut more).await {
            Ok(0) | Err(_) => break,
            Ok(count) => bytes.extend_from_slice(&more[..count]),
        }
    }
    let line = String::from_utf8_lossy(&bytes).into_owned();
    let rest = line.strip_prefix("HTTP/1.")?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A door at which somebody says this to whoever has asked for something, and hangs up.
    async fn door(says: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = [0; 512];
                let _ = stream.read(&mut asked).await;
                let _ = stream.write_all(says.as_bytes()).await;
            }
        });
        address
    }

    async fn at(address: SocketAddr, http: Option<&str>) -> Knock {
        let http = http.map(str::to_string);
        knock(&Place { address, http }).await
    }

    #[tokio::test]
    async fn a_connection_counts_unless_an_answer_is_asked_for() {
        let open = door("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(at(open, None).await, Knock::Connected);
        assert_eq!(at(open, Some("/x")).await, Knock::Answered { status: 204 });
        for (says, expected) in [
            (
                "HTTP/1.1 403 Forbidden\r\n\r\n",
                Knock::Denied { status: 403 },
            ),
            (
                "HTTP/1.1 401 Unauthorized\r\n\r\n",
                Knock::Denied { status: 401 },
            ),
            ("HTTP/1.0 500 Oh\r\n\r\n", Knock::Answered { status: 500 }),
            ("", Knock::Mute),
            ("SSH-2.0-x\r\n", Knock::Mute),
        ] {
            let knocked = at(door(says).await, Some("/x")).await;
            assert_eq!(knocked, expected, "{says}");
            let through = matches!(expected, Knock::Answered { .. });
            assert_eq!(knocked.reached(), through, "{says}");
        }
    }

    #[tokio::test]
    async fn a_door_where_nobody_listens_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let knocked = at(address, None).await;
        assert_eq!(knocked, Knock::Refused);
        assert!(!knocked.reached());
    }

    #[tokio::test]
    async fn rounds_are_answered_each_by_its_number_until_nothing_more_is_said() {
        let open = door("").await;
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (hear, say) = tokio::io::split(theirs);
        let serving = tokio::spawn(serve(hear, say));
        let (hear, mut say) = tokio::io::split(ours);
        let place = Place {
            address: open,
            http: None,
        };
        for id in [1, 2] {
            let at = vec![place.clone(); usize::try_from(id).unwrap()];
            let line = serde_json::to_string(&Round { id, at }).unwrap();
            say.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
        let mut lines = BufReader::new(hear).lines();
        let mut heard = Vec::new();
        for _ in 0..2 {
            let line = lines.next_line().await.unwrap().unwrap();
            heard.push(serde_json::from_str::<Went>(&line).unwrap());
        }
        heard.sort_by_key(|went| went.id);
        assert_eq!(heard[0].how, [Knock::Connected]);
        assert_eq!(heard[1].how, [Knock::Connected, Knock::Connected]);
        say.shutdown().await.unwrap();
        serving.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_makes_no_sense_ends_it() {
        let told = serve(&b"knock knock\n"[..], tokio::io::sink()).await;
        assert!(matches!(told, Err(KnockError::Words(_))), "{told:?}");
    }
}
