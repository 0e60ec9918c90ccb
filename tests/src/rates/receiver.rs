//! Whom the orders go to: a process of its own that counts what it accepted.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long an engine may take until it leads.
const UP_WITHIN: Duration = Duration::from_secs(10);

/// What stands in front of the number of accepted orders in the engine's own figures.
const ACCEPTED: &str = "orders_total{result=\"accepted\"} ";

/// A process that takes orders in over the binary gateway.
#[derive(Debug)]
pub struct Receiver {
    child: Child,
    /// Where it takes orders in.
    pub port: u16,
    counts: Counts,
}

#[derive(Debug)]
enum Counts {
    /// It says so when the last connection ends.
    Said(BufReader<ChildStdout>),
    /// It is asked at this port.
    Asked {
        port: u16,
        /// Its data, in memory.
        _data: tempfile::TempDir,
    },
}

impl Receiver {
    /// Accepts everything and knows nothing: `program sink`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn sink(program: impl AsRef<OsStr>) -> io::Result<Receiver> {
        let mut child = Command::new(program)
            .arg("sink")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = child.stdout.take();
        let mut said = BufReader::new(said.ok_or_else(|| io::Error::other("it says nothing"))?);
        let port = number(&mut said)?;
        Ok(Receiver {
            child,
            port: u16::try_from(port).map_err(io::Error::other)?,
            counts: Counts::Said(said),
        })
    }

    /// One node of the reference engine that keeps its log in memory: books, consensus and all, but no disk.
    ///
    /// # Errors
    /// When it cannot be started, or does not lead in time.
    pub fn engine(shakedown: &Path) -> io::Result<Receiver> {
        let data = tempfile::tempdir_in("/dev/shm")?;
        let [http, binary, peer] = free_ports()?;
        let address = |port: u16| format!("127.0.0.1:{port}");
        let child = Command::new(shakedown)
            .args(["engine", "node", "--name", "memory", "--id", "1"])
            .args(["--with-parent", &std::process::id().to_string()])
            .arg("--data")
            .arg(data.path())
            .args(["--http", &address(http), "--binary", &address(binary)])
            .args(["--peer-listen", &address(peer)])
            .arg("--member")
            .arg(format!("1=memory,{},{}", address(http), address(peer)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let receiver = Receiver {
            child,
            port: binary,
            counts: Counts::Asked {
                port: http,
                _data: data,
            },
        };
        let until = Instant::now() + UP_WITHIN;
        while !get(http, "/role").is_ok_and(|role| role.contains("leader\"")) {
            if Instant::now() > until {
                return Err(io::Error::other("the engine does not lead"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(receiver)
    }

    /// How many orders it accepted; ends it.
    ///
    /// # Errors
    /// When it does not say.
    pub fn finish(mut self) -> io::Result<u64> {
        match &mut self.counts {
            Counts::Said(said) => {
                drop(self.child.stdin.take());
                number(said)
            }
            Counts::Asked { port, .. } => {
                let figures = get(*port, "/metrics")?;
                let accepted = figures.lines().find_map(|line| line.strip_prefix(ACCEPTED));
                accepted
                    .and_then(|count| count.parse().ok())
                    .ok_or_else(|| io::Error::other("the engine does not say what it accepted"))
            }
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

fn number(said: &mut impl BufRead) -> io::Result<u64> {
    let mut line = String::new();
    said.read_line(&mut line)?;
    line.trim().parse().map_err(io::Error::other)
}

fn free_ports() -> io::Result<[u16; 3]> {
    let bind = || TcpListener::bind("127.0.0.1:0");
    // Held together, so that they differ.
    let held = [bind()?, bind()?, bind()?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

fn get(port: u16, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
