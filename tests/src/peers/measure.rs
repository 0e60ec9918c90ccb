//! One run of one generator: server, generator, the server's log, a row.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::against::{Schedule, against};
use super::bare::wake_p99_us;
use super::process::run;
use super::rounds::Planned;
use super::row::{Part, Row};
use super::said::said;
use super::server::{Seen, Server, Serving};
use super::tool::{Asked, Load, Tool, report_file};
use crate::truth_server::Delay;

/// How much longer than asked a generator may take: it waits for its last answers, and starts slowly.
const LONGEST_MORE: Duration = Duration::from_secs(60);

/// Where things are on this machine.
#[derive(Debug, Clone)]
pub struct Place {
    /// The program `shakedown`.
    pub shakedown: PathBuf,
    /// The program `lean-server`.
    pub server: PathBuf,
    /// The program `peers`, which also tells how late the machine wakes a thread.
    pub own: PathBuf,
    /// The folder of the other generators.
    pub tools: PathBuf,
    /// The server's core. The generator has the one of this process.
    pub server_core: usize,
}

impl Place {
    fn program(&self, tool: Tool) -> PathBuf {
        match tool {
            Tool::Shakedown => self.shakedown.clone(),
            other => self.tools.join(other.name()),
        }
    }
}

/// Makes one run; where requests must be released in time, between two looks at how late the machine wakes a thread.
///
/// # Errors
/// When a program cannot be started, does not end, or does not report.
pub fn measure(place: &Place, planned: &Planned) -> io::Result<Row> {
    if planned.tool != Tool::Shakedown || planned.part != Part::Accuracy {
        return measure_alone(place, planned);
    }
    let before_us = wake_p99_us(&place.own);
    let mut row = measure_alone(place, planned)?;
    let after_us = wake_p99_us(&place.own);
    row.bare_p99_us = before_us.into_iter().chain(after_us).reduce(f64::max);
    Ok(row)
}

fn measure_alone(place: &Place, planned: &Planned) -> io::Result<Row> {
    let folder = tempfile::tempdir()?;
    let (delay_name, delay) = planned.delay;
    let logs = planned.part != Part::Efficiency;
    let serving = Serving {
        program: &place.server,
        core: place.server_core,
        delay,
        logs,
        gone_ms: planned.gone_ms,
    };
    let server = Server::start(&serving, folder.path())?;
    let url = server.url.clone();
    let asked = Asked {
        load: planned.load,
        seconds: planned.seconds,
        url: &url,
        numbered: logs && planned.tool.numbers(),
        folder: folder.path(),
    };
    let ended = run(
        command(place, planned.tool, &asked)?,
        folder.path(),
        Duration::from_secs(u64::from(planned.seconds)) + LONGEST_MORE,
    )?;
    let seen = server.finish()?;
    let left = left_behind(place, planned.tool, folder.path())?;
    let said = said(planned.tool, planned.load, &ended.printed, &left)
        .map_err(|error| io::Error::other(format!("{error}: {}", ended.complained)))?;
    let delay = Delay::read(delay).ok_or_else(|| io::Error::other(format!("no delay: {delay}")))?;
    let rate_per_s = match planned.load {
        Load::Closed => None,
        Load::Open { rate_per_s } => Some(rate_per_s),
    };
    let slots = rate_per_s.map(|rate| u64::from(rate) * u64::from(planned.seconds));
    let truth = rate_per_s.zip(slots).and_then(|(rate_per_s, slots)| {
        let schedule = Schedule {
            rate_per_s,
            slots,
            numbered: asked.numbered,
            began_ns: said.began_ns,
        };
        against(&seen, delay, &schedule)
    });
    Ok(Row {
        part: planned.part,
        tool: planned.tool,
        round: planned.round,
        rate_per_s,
        delay: delay_name.to_string(),
        asked: slots,
        answered: logs.then_some(seen.replies.len() as u64),
        ok: said.ok,
        failed: said.failed,
        exit: ended.exit,
        cpu_s: ended.cpu_s,
        reported_us: [said.p50_us, said.p99_us, said.p999_us],
        true_us: truth.map_or([None; 3], |truth| {
            [truth.p50_us, truth.p99_us, truth.p999_us].map(Some)
        }),
        joined: truth.map(|truth| truth.joined),
        outage_s: said.outage_s,
        back_percent: back_percent(&seen),
        lag_p99_us: said.lag_p99_us,
        bare_p99_us: None,
    })
}

fn command(place: &Place, tool: Tool, asked: &Asked<'_>) -> io::Result<Command> {
    let line = tool.command(asked);
    for (path, text) in &line.files {
        fs::write(path, text)?;
    }
    if tool == Tool::Vegeta {
        fs::write(asked.folder.join("stdin"), format!("GET {}\n", asked.url))?;
    }
    let mut command = Command::new(place.program(tool));
    command.args(line.arguments).current_dir(asked.folder);
    Ok(command)
}

/// The file that a tool's report is read from; vegeta's is made of its results by its own `report`.
fn left_behind(place: &Place, tool: Tool, folder: &Path) -> io::Result<String> {
    let file = report_file(folder);
    if tool != Tool::Vegeta {
        return Ok(if file.exists() {
            fs::read_to_string(file)?
        } else {
            String::new()
        });
    }
    let report = |kind: &str| -> io::Result<String> {
        let output = Command::new(place.program(tool))
            .args(["report", kind])
            .arg(&file)
            .output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let json = report("-type=json")?;
    Ok(format!("{}\n{}", json.trim_end(), report("-type=hdrplot")?))
}

/// Answers per second from one second after the outage until three after it, of those in the two seconds before it.
fn back_percent(seen: &Seen) -> Option<f64> {
    const S: u64 = 1_000_000_000;
    let (down_ns, up_ns) = seen.gone_ns?;
    let within = |from_ns: u64, to_ns: u64| {
        let answers = seen.replies.iter();
        answers
            .filter(|reply| (from_ns..to_ns).contains(&reply.replied_ns))
            .count() as f64
    };
    let before = within(down_ns.saturating_sub(2 * S), down_ns);
    (before > 0.0).then(|| within(up_ns + S, up_ns + 3 * S) / before * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::truth_server::Reply;

    #[test]
    fn a_generator_that_lost_half_of_its_connections_is_half_back() {
        const S: u64 = 1_000_000_000;
        let reply = |at_ns: u64| Reply {
            id: 0,
            received_ns: at_ns,
            replied_ns: at_ns,
        };
        let before = (0..40).map(|at| reply(10 * S + at * S / 10));
        let after = (0..40).map(|at| reply(16 * S + at * S / 5));
        let seen = Seen {
            replies: before.chain(after).collect(),
            gone_ns: Some((14 * S, 16 * S)),
        };
        assert_eq!(back_percent(&seen), Some(50.0));
        assert_eq!(back_percent(&Seen::default()), None);
    }
}
