//! Who is compared, and the command line with which each of them makes the same load.

use std::path::{Path, PathBuf};

/// Connections of every generator.
pub const CONNECTIONS: u32 = 64;

/// Longest wait for an answer: longer than any programmed delay, so that nobody gives up on one.
const TIMEOUT_S: u32 = 30;

/// A load generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    Shakedown,
    Wrk,
    H2load,
    Hey,
    Oha,
    Vegeta,
    K6,
}

/// What is asked of a generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// As fast as it can, each connection with one request in flight.
    Closed,
    /// So many requests per second.
    Open { rate_per_s: u32 },
}

/// One run as it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub load: Load,
    pub seconds: u32,
    pub url: &'a str,
    /// Number the requests, where the tool can.
    pub numbered: bool,
    /// For files of the tool; one folder for each run.
    pub folder: &'a Path,
}

/// A program with its arguments, and files to be written before it is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    pub program: &'static str,
    pub arguments: Vec<String>,
    pub files: Vec<(PathBuf, String)>,
}

impl Tool {
    /// Every tool; Shakedown first.
    pub const ALL: [Tool; 7] = [
        Tool::Shakedown,
        Tool::Wrk,
        Tool::H2load,
        Tool::Hey,
        Tool::Oha,
        Tool::Vegeta,
        Tool::K6,
    ];

    /// Its name, which is its program's, too.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Shakedown => "shakedown",
            Tool::Wrk => "wrk",
            Tool::H2load => "h2load",
            Tool::Hey => "hey",
            Tool::Oha => "oha",
            Tool::Vegeta => "vegeta",
            Tool::K6 => "k6",
        }
    }

    /// The tool with this name.
    pub fn find(name: &str) -> Option<Tool> {
        Tool::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// It can hold a rate.
    pub fn is_open(self) -> bool {
        self != Tool::Wrk
    }

    /// Its requests can carry the number of their slot in the schedule.
    pub fn numbers(self) -> bool {
        match self {
            Tool::Shakedown | Tool::Vegeta | Tool::K6 => true,
            Tool::Wrk | Tool::H2load | Tool::Hey | Tool::Oha => false,
        }
    }

    /// The command for a load. One thread each: all of them run on one core.
    pub fn command(self, asked: &Asked<'_>) -> CommandLine {
        let mut files = Vec::new();
        let arguments = match self {
            Tool::Shakedown => shakedown(asked),
            Tool::Wrk => {
                let script = asked.folder.join("done.lua");
                files.push((script.clone(), WRK_SCRIPT.to_string()));
                wrk(asked, &script)
            }
            Tool::H2load => h2load(asked),
            Tool::Hey => hey(asked),
            Tool::Oha => oha(asked),
            Tool::Vegeta => vegeta(asked),
            Tool::K6 => {
                let script = asked.folder.join("load.js");
                files.push((script.clone(), k6_script(asked)));
                words(&format!(
                    "run --quiet --no-usage-report --no-color --address= {}",
                    script.display()
                ))
            }
        };
        CommandLine {
            program: self.name(),
            arguments,
            files,
        }
    }
}

/// Where a tool leaves a file that its report is read from.
pub fn report_file(folder: &Path) -> PathBuf {
    folder.join("report")
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_string).collect()
}

fn shakedown(asked: &Asked<'_>) -> Vec<String> {
    let mut arguments = words(&format!(
        "load {} --sessions {CONNECTIONS} --threads 1 --duration {}s --timeout {TIMEOUT_S}s --json",
        asked.url, asked.seconds
    ));
    match asked.load {
        Load::Closed => arguments.push("--closed".to_string()),
        Load::Open { rate_per_s } => {
            arguments.extend(words(&format!("--rate {rate_per_s}/s --arrival constant")));
        }
    }
    if asked.numbered {
        arguments.extend(["-H".to_string(), "x-request-id: {{id}}".to_string()]);
    }
    arguments
}

/// Its own report has no P99.9.
const WRK_SCRIPT: &str = "done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('SAID %d %d %d %d %d\\n', summary.requests - e.status,
    e.connect + e.read + e.write + e.timeout + e.status,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
";

fn wrk(asked: &Asked<'_>, script: &Path) -> Vec<String> {
    words(&format!(
        "-t1 -c{CONNECTIONS} -d{}s --timeout {TIMEOUT_S}s -s {} {}",
        asked.seconds,
        script.display(),
        asked.url
    ))
}

/// Of each connection; all generators but one share a rate evenly.
fn rate_of_one(rate_per_s: u32) -> f64 {
    f64::from(rate_per_s) / f64::from(CONNECTIONS)
}

/// It prints no quantiles: with a rate they are computed from its log of requests.
fn h2load(asked: &Asked<'_>) -> Vec<String> {
    let mut arguments = words(&format!("--h1 -t1 -c{CONNECTIONS} -D{}", asked.seconds));
    if let Load::Open { rate_per_s } = asked.load {
        arguments.push(format!("--rps={}", rate_of_one(rate_per_s)));
        arguments.push(format!(
            "--log-file={}",
            report_file(asked.folder).display()
        ));
    }
    arguments.push(asked.url.to_string());
    arguments
}

/// With a rate its CSV of requests: its own report has no P99.9.
fn hey(asked: &Asked<'_>) -> Vec<String> {
    let mut arguments = words(&format!(
        "-cpus 1 -c {CONNECTIONS} -z {}s -t {TIMEOUT_S}",
        asked.seconds
    ));
    if let Load::Open { rate_per_s } = asked.load {
        arguments.extend(words(&format!("-q {} -o csv", rate_of_one(rate_per_s))));
    }
    arguments.push(asked.url.to_string());
    arguments
}

fn oha(asked: &Asked<'_>) -> Vec<String> {
    let mut arguments = words(&format!(
        "--no-tui --output-format json -c {CONNECTIONS} -z {}s -t {TIMEOUT_S}s",
        asked.seconds
    ));
    if let Load::Open { rate_per_s } = asked.load {
        arguments.extend(words(&format!("-q {rate_per_s} --latency-correction -w")));
    }
    arguments.push(asked.url.to_string());
    arguments
}

/// Its targets come from standard input, its results go to a file that its own `report` reads.
fn vegeta(asked: &Asked<'_>) -> Vec<String> {
    let mut arguments = words(&format!(
        "attack -duration={}s -timeout={TIMEOUT_S}s -connections={CONNECTIONS} -output={}",
        asked.seconds,
        report_file(asked.folder).display()
    ));
    arguments.push(match asked.load {
        Load::Closed => format!("-rate=0 -max-workers={CONNECTIONS} -workers={CONNECTIONS}"),
        Load::Open { rate_per_s } => format!("-rate={rate_per_s}/s"),
    });
    let line = arguments.join(" ");
    let mut arguments = words(&line);
    arguments.push("-targets=/dev/stdin".to_string());
    arguments
}

fn k6_script(asked: &Asked<'_>) -> String {
    let scenario = match asked.load {
        Load::Closed => format!(
            "executor: 'constant-vus', vus: {CONNECTIONS}, duration: '{}s'",
            asked.seconds
        ),
        Load::Open { rate_per_s } => format!(
            "executor: 'constant-arrival-rate', rate: {rate_per_s}, timeUnit: '1s', duration: '{}s', \
             preAllocatedVUs: {CONNECTIONS}, maxVUs: 3000",
            asked.seconds
        ),
    };
    let headers = if asked.numbered {
        "{ 'x-request-id': String(exec.scenario.iterationInTest) }"
    } else {
        "{}"
    };
    format!(
        "import http from 'k6/http';
import exec from 'k6/execution';
export const options = {{
  discardResponseBodies: true,
  summaryTrendStats: ['p(50)', 'p(99)', 'p(99.9)'],
  scenarios: {{ load: {{ {scenario}, gracefulStop: '{TIMEOUT_S}s' }} }},
}};
export default function () {{
  http.get('{url}', {{ headers: {headers}, timeout: '{TIMEOUT_S}s' }});
}}
export function handleSummary(data) {{
  return {{ '{report}': JSON.stringify(data) }};
}}
",
        url = asked.url,
        report = report_file(asked.folder).display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(tool: Tool, load: Load) -> String {
        let asked = Asked {
            load,
            seconds: 5,
            url: "http://127.0.0.1:1/",
            numbered: true,
            folder: Path::new("/f"),
        };
        tool.command(&asked).arguments.join(" ")
    }

    #[test]
    fn every_tool_gets_the_same_load() {
        for tool in Tool::ALL {
            let closed = line(tool, Load::Closed);
            if tool != Tool::K6 {
                assert!(closed.contains("64"), "{tool:?}: {closed}");
                assert!(closed.contains('5'), "{tool:?}: {closed}");
            }
            assert_eq!(Tool::find(tool.name()), Some(tool));
        }
        let rate = Load::Open { rate_per_s: 1_000 };
        assert!(line(Tool::Shakedown, rate).contains("--rate 1000/s"));
        assert!(line(Tool::H2load, rate).contains("--rps=15.625"));
        assert!(line(Tool::Hey, rate).contains("-q 15.625"));
        assert!(line(Tool::Oha, rate).contains("-q 1000 --latency-correction"));
        assert!(line(Tool::Vegeta, rate).contains("-rate=1000/s"));
    }

    #[test]
    fn k6_gets_its_load_in_its_script() {
        let asked = Asked {
            load: Load::Open { rate_per_s: 1_000 },
            seconds: 5,
            url: "http://127.0.0.1:1/",
            numbered: true,
            folder: Path::new("/f"),
        };
        let command = Tool::K6.command(&asked);
        let (path, script) = &command.files[0];
        assert_eq!(path, Path::new("/f/load.js"));
        assert!(
            script.contains("rate: 1000, timeUnit: '1s', duration: '5s'"),
            "{script}"
        );
        assert!(script.contains("'/f/report'"), "{script}");
        assert!(command.arguments.contains(&"--no-usage-report".to_string()));
    }
}
