//! A service within the test, on a runtime of its own: when that is dropped, everything of it is cut, as with a process.

use clap::Parser;
use serde_json::Value;
use shakedown_stand_ins::StandInCommand;
use shakedown_stand_ins::client::HttpClient;
use shakedown_stand_ins::error::StandInError;
use shakedown_stand_ins::service::Running;
use tokio::runtime::Runtime;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: StandInCommand,
}

/// A service that runs.
pub struct Rig {
    /// Ends before the runtime does.
    running: Option<Running>,
    runtime: Runtime,
    pub port: u16,
    pub stream: Option<u16>,
    client: HttpClient,
}

/// Starts what a command line says, at ports of this machine.
pub fn started(line: &str) -> Result<Rig, StandInError> {
    let words = format!("stand-in {line} --host 127.0.0.1 --port 0");
    let command = Line::try_parse_from(words.split_whitespace());
    let command = command.unwrap_or_else(|error| panic!("{error}")).command;
    let runtime = Runtime::new().unwrap();
    let running = runtime.block_on(shakedown_stand_ins::cli::start(&command))?;
    let address = running.http.to_string();
    Ok(Rig {
        port: running.http.port(),
        stream: running.stream.map(|address| address.port()),
        running: Some(running),
        runtime,
        client: HttpClient::new(address.parse().unwrap()),
    })
}

pub fn start(line: &str) -> Rig {
    started(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

impl Rig {
    /// The status and the body, which is text where it is no JSON.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answered = self
            .runtime
            .block_on(self.client.ask(method, path, &body))
            .unwrap();
        let text = Value::String(answered.body.clone());
        (
            answered.status,
            serde_json::from_str(&answered.body).unwrap_or(text),
        )
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, &Value::Null)
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.ask("POST", path, body)
    }

    /// The value of a series, by its whole name.
    pub fn metric(&self, name: &str) -> f64 {
        let (_, page) = self.get("/metrics");
        let page = page.as_str().unwrap();
        let mut lines = page
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = lines
            .next()
            .unwrap_or_else(|| panic!("{name} is not in\n{page}"));
        value.parse().unwrap()
    }

    /// Asks it to stop, as a rolling update does, and waits until it has.
    pub fn stop(mut self) {
        let running = self.running.take().unwrap();
        self.runtime.block_on(running.stop());
        self.runtime.shutdown_background();
    }
}
