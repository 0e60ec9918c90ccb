//! A connection to a server.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::reply::{Value, parse};
use crate::endpoint::Endpoint;

/// Longest wait for a connection or for the replies to commands that were sent together.
const PATIENCE: Duration = Duration::from_secs(2);

/// Room for what is read at once, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// A connection. After an error it is of no use any more: what was asked last may have been done.
#[derive(Debug)]
pub struct Redis {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Redis {
    /// Connects.
    ///
    /// # Errors
    /// Those of the network.
    pub async fn connect(server: &Endpoint) -> io::Result<Self> {
        let stream = timeout(PATIENCE, server.connect()).await??;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            input: Vec::with_capacity(READ_BYTES),
        })
    }

    /// Sends these commands in one go, and waits for all replies.
    ///
    /// # Errors
    /// Those of the network; `InvalidData` for what is no reply; `Other` for the first command that was refused.
    pub async fn ask(&mut self, commands: &[Vec<&[u8]>]) -> io::Result<Vec<Value>> {
        timeout(PATIENCE, self.ask_all(commands)).await?
    }

    async fn ask_all(&mut self, commands: &[Vec<&[u8]>]) -> io::Result<Vec<Value>> {
        let mut bytes = Vec::new();
        commands.iter().for_each(|words| write(&mut bytes, words));
        self.stream.write_all(&bytes).await?;
        let mut replies = Vec::with_capacity(commands.len());
        while replies.len() < commands.len() {
            replies.push(self.next().await?);
        }
        match replies
            .iter()
            .find(|reply| matches!(reply, Value::Error(_)))
        {
            Some(Value::Error(why)) => Err(io::Error::other(why.clone())),
            Some(_) | None => Ok(replies),
        }
    }

    async fn next(&mut self) -> io::Result<Value> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        loop {
            if let Some((value, taken)) = parse(&self.input).map_err(invalid)? {
                self.input.drain(..taken);
                return Ok(value);
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

fn write(bytes: &mut Vec<u8>, words: &[&[u8]]) {
    bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A server that answers so, whatever it is asked, and then hangs up: what it heard.
    async fn heard(
        answers: &'static [u8],
        commands: &[Vec<&[u8]>],
    ) -> (Vec<u8>, io::Result<Vec<Value>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = vec![0; 1024];
            let length = stream.read(&mut heard).await.unwrap();
            stream.write_all(answers).await.unwrap();
            heard.truncate(length);
            heard
        });
        let mut redis = Redis::connect(&address.into()).await.unwrap();
        let answered = redis.ask(commands).await;
        (server.await.unwrap(), answered)
    }

    #[tokio::test]
    async fn commands_go_out_together_and_each_gets_its_reply() {
        let commands = [vec![b"SET".as_slice(), b"k", b"a\r\nb"], vec![b"GET", b"k"]];
        let (heard, answered) = heard(b"+OK\r\n$4\r\na\r\nb\r\n", &commands).await;
        assert_eq!(
            heard,
            b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
        );
        let expected = [b"OK".to_vec(), b"a\r\nb".to_vec()].map(Value::Text);
        assert_eq!(answered.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_refused_command_and_a_lost_connection_are_errors() {
        let command = [vec![b"GET".as_slice(), b"k"]];
        let (_, refused) = heard(b"-LOADING not yet\r\n", &command).await;
        assert!(refused.unwrap_err().to_string().contains("LOADING"));
        let (_, lost) = heard(b"$4\r\na", &command).await;
        assert_eq!(lost.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
