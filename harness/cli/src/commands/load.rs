//! `shakedown load`: ad-hoc load on one URL, judged by the same code as a run.

use std::path::Path;
use std::thread;
use std::time::Duration;

use shakedown_analysis::fail_if::{FailIf, Held};
use shakedown_analysis::{LoadResult, analyse_load};
use shakedown_load::{Generator, GeneratorConfig, Mode, Work};
use shakedown_record::{ExitCode, Outcome};
use shakedown_runner::RunError;
use shakedown_scenarios::adhoc::{self, Adhoc, AdhocArrival};

use crate::args::{ArrivalName, LoadArgs};
use crate::output::{Failure, look, print, say};
use crate::progress::{Display, Seconds};

/// Exit 0 when measured and no `--fail-if` holds, 1 when one does, 2 when the figures cannot be trusted, 69 when the
/// target never answered a connection.
pub fn load(args: &LoadArgs) -> Result<ExitCode, Failure> {
    let conditions = args
        .fail_if
        .iter()
        .map(|text| text.parse::<FailIf>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(Failure::usage)?;
    let adhoc = read_arguments(args)?;
    let folder = scratch_folder()?;
    let measured = measure(args, &adhoc, &folder);
    // The ledger of an ad-hoc load is scratch; what remains of it is only disk space.
    let _ = std::fs::remove_dir_all(&folder);
    let result = measured?;
    print(&if args.json {
        shakedown_render::render_load_json(&result)
    } else {
        shakedown_render::render_load_text(&result, &look())
    });
    Ok(exit_code(&result, &conditions))
}

fn read_arguments(args: &LoadArgs) -> Result<Adhoc, Failure> {
    let body = match args
        .data
        .as_deref()
        .map(|data| (data, data.strip_prefix('@')))
    {
        None => None,
        Some((_, Some(path))) => Some(
            std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("--data @{path}: {error}")))?,
        ),
        Some((text, None)) => Some(text.to_string()),
    };
    Adhoc::parse(&adhoc::Arguments {
        url: &args.url,
        rate: args.rate.as_deref(),
        duration: &args.duration,
        timeout: &args.timeout,
        method: args.method.as_deref(),
        headers: &args.header,
        body: body.as_deref(),
        sessions: args.sessions,
        threads: args.threads,
        arrival: match args.arrival {
            ArrivalName::Constant => AdhocArrival::Constant,
            ArrivalName::Poisson => AdhocArrival::Poisson,
        },
    })
    .map_err(Failure::usage)
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

fn measure(args: &LoadArgs, adhoc: &Adhoc, folder: &Path) -> Result<LoadResult, Failure> {
    let config = GeneratorConfig {
        plan: adhoc.plan.clone(),
        seed: args.seed,
        session: adhoc.session,
        work: Work::Requests {
            request: adhoc.request.clone(),
            secrets: Default::default(),
        },
        entry: vec![adhoc.base_url.clone()],
        ledger: folder.to_path_buf(),
        prefix: "load".to_string(),
        mode: if args.closed {
            Mode::Closed
        } else {
            Mode::Open
        },
        duration_ns: Some(adhoc.duration_ns),
    };
    let interrupt = interrupted_flag()?;
    let mut generator = shakedown_load::start(config).map_err(Failure::unavailable)?;
    let (mut display, mut seconds) = (Display::new(), Seconds::default());
    while !generator.is_finished() {
        if interrupt.load(std::sync::atomic::Ordering::Relaxed) {
            generator.request_stop();
        }
        thread::sleep(Duration::from_millis(100));
        show(&mut display, &mut seconds, &mut generator);
    }
    display.finish();
    let finished = generator.finish().map_err(|error| {
        let error = RunError::from(error);
        Failure {
            code: error.exit(),
            message: error.to_string(),
        }
    })?;
    let digest = finished
        .digest
        .ok_or_else(|| Failure::bug("a load on one URL ended without its figures"))?;
    analyse_load(
        &digest,
        folder,
        adhoc.plan.timeout_ns,
        finished.end_ns,
        &finished.report,
    )
    .map_err(Failure::bug)
}

/// Shows one line for each second of finished slots.
fn show(display: &mut Display, seconds: &mut Seconds, generator: &mut Generator) {
    for (index, slot) in generator.take_slots() {
        if let Some(second) = seconds.add(index, &slot) {
            display.show(&second);
        }
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

fn exit_code(result: &LoadResult, conditions: &[FailIf]) -> ExitCode {
    let outcomes = &result.generator.outcomes;
    let answered = outcomes.total()
        - outcomes.get(Outcome::NotSent)
        - outcomes.get(Outcome::Refused)
        - outcomes.get(Outcome::Unreachable);
    if answered == 0 {
        say("Nothing could be sent: no connection to the target was accepted.");
        return ExitCode::Unavailable;
    }
    let held: Vec<(&FailIf, Held)> = conditions
        .iter()
        .map(|condition| (condition, condition.holds(result)))
        .collect();
    for (condition, _) in held.iter().filter(|(_, held)| *held == Held::Yes) {
        say(&format!("FAIL  {condition}"));
    }
    let untrusted = result.generator.saturated || outcomes.acked == 0;
    if untrusted {
        return ExitCode::Inconclusive;
    }
    if held.iter().any(|(_, held)| *held == Held::Yes) {
        ExitCode::Fail
    } else if held.iter().any(|(_, held)| *held == Held::Unknown) {
        ExitCode::Inconclusive
    } else {
        ExitCode::Pass
    }
}
