//! Starting the fixtures: their arguments, their ports, and their end when the test ends.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// `--name value` pairs of a fixture's command line.
#[derive(Debug, Default)]
pub struct Arguments {
    values: BTreeMap<String, String>,
}

impl Arguments {
    /// The arguments of this process.
    pub fn of_process() -> Arguments {
        Arguments::of(&std::env::args().skip(1).collect::<Vec<String>>())
    }

    /// These words as pairs.
    pub fn of(words: &[String]) -> Arguments {
        let values = words
            .chunks(2)
            .filter_map(|pair| {
                Some((
                    pair[0].strip_prefix("--")?.to_string(),
                    pair.get(1)?.clone(),
                ))
            })
            .collect();
        Arguments { values }
    }

    /// The value of `--name`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The value of `--name` as a number.
    ///
    /// # Errors
    /// When it is no number.
    pub fn number(&self, name: &str) -> io::Result<Option<u64>> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| io::Error::other(format!("--{name}: {text} is no number")))
        };
        self.text(name).map(parse).transpose()
    }
}

/// A fixture that runs as a process; it ends when this is dropped, or when the test's process dies.
#[derive(Debug)]
pub struct Fixture {
    child: Child,
    /// Closing it is the order to write the log and end.
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Fixture {
    /// Starts a fixture's program.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &str, arguments: &[&str]) -> io::Result<Fixture> {
        Fixture::start_with(program, arguments, &[])
    }

    /// Starts a fixture's program with some environment variables more.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_with(
        program: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> io::Result<Fixture> {
        let mut child = Command::new(program)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = BufReader::new(child.stdout.take().expect("piped above"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // A test that no longer listens has read what it wanted.
                let _ = sender.send(line);
            }
        });
        let input = child.stdin.take();
        Ok(Fixture {
            child,
            input,
            lines,
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The value of the next line that begins with `name`, such as `port 4711`.
    ///
    /// # Errors
    /// When no such line comes within ten seconds.
    pub fn value(&self, name: &str) -> io::Result<u64> {
        loop {
            let line = self
                .lines
                .recv_timeout(Duration::from_secs(10))
                .map_err(|_| io::Error::other(format!("the fixture never said '{name}'")))?;
            if let Some((said, value)) = line.split_once(' ')
                && said == name
            {
                return value.parse().map_err(io::Error::other);
            }
        }
    }

    /// Every further line that was already printed.
    pub fn lines_so_far(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// Asks the fixture to write its log and end, and waits for it.
    ///
    /// # Errors
    /// When it cannot be waited for, or fails.
    pub fn finish(mut self) -> io::Result<()> {
        drop(self.input.take());
        let status = self.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("the fixture ended with {status}")))
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // Already ended, when `finish` was called.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Copies a file of `tests/fixtures` into a folder with some of its words replaced, and returns the copy's path.
///
/// # Errors
/// When a file cannot be read or written, or a word to be replaced is not in it.
pub fn instantiate(
    name: &str,
    folder: &Path,
    replacements: &[(&str, &str)],
) -> io::Result<std::path::PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name);
    let mut text = std::fs::read_to_string(&source)?;
    for (from, to) in replacements {
        if !text.contains(from) {
            return Err(io::Error::other(format!("{name} has no '{from}'")));
        }
        text = text.replace(from, to);
    }
    let copy = folder.join(name);
    std::fs::write(&copy, text)?;
    Ok(copy)
}
