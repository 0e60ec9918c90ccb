//! The lean server as the target of one run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use shakedown_engine::ports::free_ports;

use crate::fixture::Fixture;
use crate::truth::read_replies;
use crate::truth_server::Reply;

/// What a server is started with.
#[derive(Debug, Clone, Copy)]
pub struct Serving<'a> {
    /// The program `lean-server`.
    pub program: &'a Path,
    /// The core that it has for itself.
    pub core: usize,
    /// As [`crate::truth_server::Delay::read`] reads it.
    pub delay: &'a str,
    pub logs: bool,
    /// It goes away after so many milliseconds, and comes back after as many more.
    pub gone_ms: Option<(u64, u64)>,
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    fixture: Fixture,
    log: Option<PathBuf>,
    pub url: String,
}

/// What a server saw. Moments in nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// In the order of the answers.
    pub replies: Vec<Reply>,
    /// When it went away and was back.
    pub gone_ns: Option<(u64, u64)>,
}

impl Server {
    /// Starts a server, its log in `folder`.
    ///
    /// # Errors
    /// When it cannot be started or does not tell its port.
    pub fn start(serving: &Serving<'_>, folder: &Path) -> io::Result<Server> {
        let log = serving.logs.then(|| folder.join("server.csv"));
        // Not one that the kernel gives to outgoing connections: a client that dials one while it is away can meet itself.
        let port = free_ports(1)?[0].to_string();
        let mut arguments = vec!["--core".to_string(), serving.core.to_string()];
        arguments.extend(["--port".to_string(), port]);
        arguments.extend(["--delay".to_string(), serving.delay.to_string()]);
        if let Some(log) = &log {
            arguments.extend(["--log".to_string(), log.display().to_string()]);
        }
        if let Some((after_ms, for_ms)) = serving.gone_ms {
            arguments.extend(["--gone-after-ms".to_string(), after_ms.to_string()]);
            arguments.extend(["--gone-for-ms".to_string(), for_ms.to_string()]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let fixture = Fixture::start(&serving.program.to_string_lossy(), &arguments)?;
        let port = fixture.value("port")?;
        fixture.value("up")?;
        Ok(Server {
            fixture,
            log,
            url: format!("http://127.0.0.1:{port}/"),
        })
    }

    /// Ends the server and reads what it logged.
    ///
    /// # Errors
    /// When it failed, or its log cannot be read.
    pub fn finish(self) -> io::Result<Seen> {
        let lines = self.fixture.lines_so_far();
        self.fixture.finish()?;
        let moment = |name: &str| {
            lines
                .iter()
                .find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
        };
        let replies = match &self.log {
            Some(log) => read_replies(&fs::read_to_string(log)?)?,
            None => Vec::new(),
        };
        Ok(Seen {
            replies,
            gone_ns: moment("down ").zip(moment("up ")),
        })
    }
}
