//! `shakedown load`: ad-hoc load on one URL, judged by the same code as a run.

mod live;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shakedown_analysis::fail_if::{FailIf, Held};
use shakedown_analysis::{LoadResult, analyse_load};
use shakedown_load::{GeneratorConfig, Io, Mode, Work};
use shakedown_record::{ExitCode, Outcome};
use shakedown_runner::RunError;
use shakedown_scenarios::adhoc::{self, Adhoc, AdhocArrival};

use crate::args::{ArrivalName, IoName, LoadArgs};
use crate::output::{Failure, look, print, say};
use crate::progress::Display;

use live::Live;

/// Exit 0 when measured and no `--fail-if` holds, 1 when one does, 2 when the figures cannot be trusted, 69 when the
/// target never answered a connection, 130 when it was interrupted: the figures are those until then.
pub fn load(args: &LoadArgs) -> Result<ExitCode, Failure> {
    let (adhoc, conditions) = read_arguments(args)?;
    make_room_for_files(args.sessions)?;
    let folder = scratch_folder()?;
    let measured = measure(args, &adhoc, &folder);
    // The ledger of an ad-hoc load is scratch; what remains of it is only disk space.
    let _ = std::fs::remove_dir_all(&folder);
    let Measured {
        mut result,
        interrupted,
    } = measured?;
    let checked = conditions.iter().map(|condition| condition.check(&result));
    result.fail_if = checked.collect();
    print(&if args.json {
        shakedown_render::render_load_json(&result)
    } else {
        shakedown_render::render_load_text(&result, &look())
    });
    let (code, why) = ended(&result, interrupted);
    if let Some(why) = why {
        say(&format!("exit {}: {why}", code.code()));
    }
    Ok(code)
}

/// What was typed; all mistakes are told together.
fn read_arguments(args: &LoadArgs) -> Result<(Adhoc, Vec<FailIf>), Failure> {
    let mut wrong = Vec::new();
    let mut conditions = Vec::new();
    for text in &args.fail_if {
        match FailIf::read_all(text) {
            Ok(read) => conditions.extend(read),
            Err(mistake) => wrong.push(format!("--fail-if: {mistake}")),
        }
    }
    let body = match args.data.as_deref().map(body).transpose() {
        Ok(body) => body,
        Err(mistake) => {
            wrong.push(format!("--data: {mistake}"));
            None
        }
    };
    let adhoc = Adhoc::parse(&adhoc::Arguments {
        url: &args.url,
        rate: args.rate.as_deref(),
        duration: &args.duration,
        timeout: &args.timeout,
        method: args.method.as_deref(),
        headers: &args.header,
        body: body.as_deref(),
        sessions: args.sessions,
        in_flight: args.in_flight,
        threads: args.threads,
        arrival: match args.arrival {
            ArrivalName::Constant => AdhocArrival::Constant,
            ArrivalName::Poisson => AdhocArrival::Poisson,
        },
    });
    match (adhoc, wrong.is_empty()) {
        (Ok(adhoc), true) => Ok((adhoc, conditions)),
        (Ok(_), false) => Err(Failure::usage(wrong.join("\n"))),
        (Err(mistakes), _) => {
            wrong.insert(0, mistakes.to_string());
            Err(Failure::usage(wrong.join("\n")))
        }
    }
}

/// The text of a body: what was typed, a file after `@`, or stdin for `@-`.
fn body(data: &str) -> Result<String, String> {
    let bytes = match data.strip_prefix('@') {
        None => return Ok(data.to_string()),
        Some("-") => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .read_to_end(&mut bytes)
                .map_err(|error| format!("stdin: {error}"))?;
            bytes
        }
        Some(path) => std::fs::read(path).map_err(|error| format!("{path}: {error}"))?,
    };
    String::from_utf8(bytes).map_err(|_| format!("{data} is no text (UTF-8)"))
}

/// Files beside those of the sessions: the ledger's, the threads' pollers, the terminal.
const OTHER_FILES: u64 = 64;

/// Each session is an open file; the limit is raised as far as this process may.
fn make_room_for_files(sessions: u32) -> Result<(), Failure> {
    let wanted = u64::from(sessions) + OTHER_FILES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(maximum.map_or(wanted, |maximum| maximum.min(wanted))),
        maximum,
    };
    let is_enough = maximum.is_none_or(|maximum| maximum >= wanted);
    if is_enough && setrlimit(Resource::Nofile, raised).is_ok() {
        return Ok(());
    }
    Err(Failure::unavailable(format!(
        "{sessions} sessions need {wanted} open files, and this process may have {}: raise `ulimit -n`, or use fewer sessions",
        maximum.or(current).unwrap_or(0)
    )))
}

fn scratch_folder() -> Result<std::path::PathBuf, Failure> {
    let name = format!(
        "shakedown-load-{}-{}",
        std::process::id(),
        shakedown_record::monotonic_ns()
    );
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder).map_err(|error| {
        Failure::unavailable(format!(
            "{}: cannot make a scratch folder: {error}",
            folder.display()
        ))
    })?;
    Ok(folder)
}

/// What was measured.
struct Measured {
    result: LoadResult,
    interrupted: bool,
}

fn measure(args: &LoadArgs, adhoc: &Adhoc, folder: &Path) -> Result<Measured, Failure> {
    let interrupt = interrupted_flag()?;
    let mut generator =
        shakedown_load::start(config(args, adhoc, folder)).map_err(Failure::unavailable)?;
    let (mut display, mut live) = (Display::new(), Live::default());
    let mut interrupted = false;
    while !generator.is_finished() {
        if interrupt.load(std::sync::atomic::Ordering::Relaxed) {
            generator.request_stop();
            interrupted = true;
        }
        thread::sleep(Duration::from_millis(100));
        for (index, slot) in generator.take_slots() {
            let ended = live.add(index, &slot);
            let second = ended.and_then(|ended| generator.second(ended.number));
            if let (Some(ended), Some((stats, so_far))) = (ended, second) {
                display.second(ended.line(&stats, &so_far));
            }
        }
    }
    display.finish();
    let began_ns = generator.zero_mono_ns();
    let finished = generator.finish().map_err(|error| {
        let error = RunError::from(error);
        Failure {
            code: error.exit(),
            message: error.to_string(),
        }
    })?;
    if let Some((count, why)) = &finished.unwelcome {
        say(&format!("TLS: {count} handshakes came to nothing: {why}."));
    }
    let digest = finished
        .digest
        .ok_or_else(|| Failure::bug("a load on one URL ended without its figures"))?;
    let result = analyse_load(
        &digest,
        folder,
        adhoc.plan.timeout_ns,
        finished.end_ns,
        &finished.report,
    );
    Ok(Measured {
        result: LoadResult {
            began_monotonic_ns: Some(began_ns),
            statuses: finished.statuses,
            ..result.map_err(Failure::bug)?
        },
        interrupted,
    })
}

fn config(args: &LoadArgs, adhoc: &Adhoc, folder: &Path) -> GeneratorConfig {
    GeneratorConfig {
        plan: adhoc.plan.clone(),
        seed: args.seed,
        session: adhoc.session,
        work: Work::Requests {
            request: adhoc.request.clone(),
            http2: args.http2,
            secrets: Default::default(),
        },
        entry: vec![adhoc.base_url.clone()],
        reports: Vec::new(),
        tls: args.tls.plan(),
        ledger: folder.to_path_buf(),
        prefix: "load".to_string(),
        mode: match args.closed {
            true => Mode::Closed,
            false => Mode::Open,
        },
        keeps_sessions: false,
        io: match args.io {
            IoName::Auto => Io::Auto,
            IoName::Epoll => Io::Epoll,
            IoName::IoUring => Io::IoUring,
        },
        duration_ns: Some(adhoc.duration_ns),
    }
}

fn interrupted_flag() -> Result<std::sync::Arc<std::sync::atomic::AtomicBool>, Failure> {
    let flag = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = flag.clone();
    let listening = super::runtime()?;
    thread::spawn(move || {
        let stopped = listening.block_on(async {
            let mut receiver = crate::interrupt::listen()?;
            Ok::<bool, Failure>(receiver.changed().await.is_ok())
        });
        seen.store(
            stopped.unwrap_or(false),
            std::sync::atomic::Ordering::Relaxed,
        );
    });
    Ok(flag)
}

/// What came instead of good answers, most of all.
fn most_answered(statuses: &BTreeMap<u16, u64>) -> String {
    let most = statuses.iter().max_by_key(|(_, count)| **count);
    most.map_or(String::new(), |(status, count)| {
        format!("; {count} had the status {status}")
    })
}

/// The exit code, with a sentence where it is not plain from the figures.
fn ended(result: &LoadResult, interrupted: bool) -> (ExitCode, Option<String>) {
    let outcomes = &result.generator.outcomes;
    let unsent = [Outcome::NotSent, Outcome::Refused, Outcome::Unreachable];
    let unsent: u64 = unsent.iter().map(|outcome| outcomes.get(*outcome)).sum();
    let is = |held: Held| result.fail_if.iter().any(|checked| checked.held == held);
    let says = |code: ExitCode, why: &str| (code, Some(why.to_string()));
    if interrupted {
        return says(
            ExitCode::Interrupted,
            "interrupted; the figures are those until then",
        );
    }
    if outcomes.total() == unsent {
        return says(
            ExitCode::Unavailable,
            "nothing could be sent: no connection to the target was accepted",
        );
    }
    if outcomes.acked == 0 {
        return says(
            ExitCode::Inconclusive,
            &format!(
                "no request was answered well (with a status of 200 to 399{}): these are no times of a service",
                most_answered(&result.statuses)
            ),
        );
    }
    if result.generator.saturated {
        let why = format!(
            "the generator was at its own limit, so these figures are not the server's: {}",
            result.generator.why
        );
        return (ExitCode::Inconclusive, Some(why));
    }
    match (is(Held::Yes), is(Held::Unknown)) {
        (true, _) => says(ExitCode::Fail, "a condition of --fail-if holds"),
        (false, true) => says(
            ExitCode::Inconclusive,
            "a condition of --fail-if has no figure to be held against",
        ),
        (false, false) => (ExitCode::Pass, None),
    }
}
