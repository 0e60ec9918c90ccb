//! The worker: the whole generator for its share of the sessions, told by its coordinator when to begin and to end.
//!
//! It listens on nothing. When its coordinator is gone, or has not said a word for a while, it ends at once.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, thread};

use shakedown_record::ledger::LedgerError;
use shakedown_record::monotonic_ns;
use shakedown_scenarios::{CompileInput, Diagnostics, KEPT_RECORDING, SourceFile, compile_with};

use super::frame::{self, Frame};
use super::message::{FromWorker, ToWorker, WorkerOrder};
use super::silence::Silence;
use super::tale::Tale;
use crate::config::{GeneratorConfig, RunParts};
use crate::engine::raise_urgency;
use crate::error::LoadError;
use crate::generator::{Generator, Prepared, prepare};

/// How often it tells what has ended.
const TELL_EVERY: Duration = Duration::from_millis(50);

/// The file in a worker's folder that holds its process id.
pub const WORKER_PID: &str = "worker.pid";

/// A coordinator that pings all the time and was not heard for so long is gone, and the worker ends. Only time counts in which
/// the worker itself could listen.
pub const DESERTED_AFTER: Duration = Duration::from_secs(5);

const DESERTED_NS: u64 = DESERTED_AFTER.as_nanos() as u64;

/// What a look in vain counts for at most, in nanoseconds: twice what lies between two.
const LOOK_NS: u64 = 2 * TELL_EVERY.as_nanos() as u64;

/// Others may be waited for before the load begins.
const BEGINS_WITHIN: Duration = Duration::from_secs(60);

/// Why a worker could not work to the end.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("nobody said what to do: a worker is started by Shakedown itself")]
    NoOrder,
    #[error("its coordinator is gone")]
    Deserted,
    #[error("the plan cannot be made of the texts that were sent: {0}")]
    Plan(Diagnostics),
    #[error(
        "the texts that were sent make another plan than the coordinator's: use one version of Shakedown"
    )]
    OtherPlan,
    #[error("its ledger cannot be made in {folder}: {source}")]
    Folder { folder: PathBuf, source: io::Error },
    #[error("its ledger cannot be read: {0}")]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("its coordinator cannot be told anything: {0}")]
    Pipe(#[from] io::Error),
}

/// Works for the coordinator at the other end: reads what to do, makes the load, tells of it. Returns when its last word
/// is said, or its coordinator is gone.
///
/// # Errors
/// Why it could not work to the end; the coordinator was told, if it still listens.
pub fn serve(
    mut input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
) -> Result<(), WorkerError> {
    let Some(Frame::Words(ToWorker::Order(order))) = frame::read(&mut input)? else {
        return Err(WorkerError::NoOrder);
    };
    let voice = Voice(Arc::new(Mutex::new(Box::new(output))));
    let worked = Duty::begin(*order, input, voice.clone()).and_then(Duty::work);
    if let Err(error) = &worked {
        let why = error.to_string();
        if voice.say(&FromWorker::Failed { why }).is_err() {
            tracing::debug!("the coordinator does not hear why");
        }
    }
    worked
}

/// The way to the coordinator, for two threads.
#[derive(Clone)]
pub(super) struct Voice(Arc<Mutex<Box<dyn Write + Send>>>);

impl Voice {
    pub(super) fn say(&self, message: &FromWorker) -> io::Result<()> {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        frame::say(&mut **out, message)
    }

    pub(super) fn send_block(&self, block: &[u8]) -> io::Result<()> {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        frame::send_block(&mut **out, block)
    }
}

/// What the listening thread heard.
enum Heard {
    Ping,
    Begin { zero_mono_ns: u64 },
    StopAt { run_ns: u64 },
    Gone,
}

/// A worker under way.
struct Duty {
    prepared: Prepared,
    voice: Voice,
    heard: Receiver<Heard>,
    tale: Tale,
}

impl Duty {
    fn begin(
        order: WorkerOrder,
        input: impl Read + Send + 'static,
        voice: Voice,
    ) -> Result<Duty, WorkerError> {
        let share = order.share();
        let ledger = order.ledger.clone();
        fs::create_dir_all(&ledger).map_err(|source| WorkerError::Folder {
            folder: ledger.clone(),
            source,
        })?;
        fs::write(ledger.join(WORKER_PID), std::process::id().to_string())?;
        let config = config(order, &ledger)?;
        let (say, heard) = channel();
        let ears = voice.clone();
        thread::Builder::new()
            .name("coordinator".to_string())
            .spawn(move || listen(input, &ears, &say))?;
        let tale = Tale::new(&ledger, share, &config.plan)?;
        let prepared = prepare(config, share)?;
        voice.say(&FromWorker::Ready)?;
        Ok(Duty {
            prepared,
            voice,
            heard,
            tale,
        })
    }

    fn work(self) -> Result<(), WorkerError> {
        let Duty {
            prepared,
            voice,
            heard,
            mut tale,
            ..
        } = self;
        let zero_mono_ns = wait_for_zero(&heard)?;
        let generator = prepared.begin(zero_mono_ns)?;
        thread::scope(|scope| {
            let teller = scope.spawn(|| tell_until_finished(&mut tale, &generator, &voice));
            let heeded = heed(&heard, &generator, || teller.is_finished());
            if heeded.is_err() {
                // Whoever tells may be kept from it by the very coordinator that is gone: no order is sent meanwhile.
                generator.abandon();
            }
            let told = teller.join();
            heeded.and(told.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })?;
        tale.tell(&generator, &voice)?;
        tale.end(generator, &voice)
    }
}

fn tell_until_finished(
    tale: &mut Tale,
    generator: &Generator,
    voice: &Voice,
) -> Result<(), WorkerError> {
    while !generator.is_finished() {
        tale.tell(generator, voice)?;
        thread::sleep(TELL_EVERY);
    }
    Ok(())
}

/// Does what the coordinator says, until nobody tells it anything any more or it is gone.
fn heed(
    heard: &Receiver<Heard>,
    generator: &Generator,
    is_over: impl Fn() -> bool,
) -> Result<(), WorkerError> {
    let mut silence = Silence::new(LOOK_NS, monotonic_ns());
    while !is_over() {
        match heard.recv_timeout(TELL_EVERY) {
            Ok(Heard::Ping) => silence.end(monotonic_ns()),
            Ok(Heard::StopAt { run_ns }) => generator.request_stop_at(run_ns),
            Ok(Heard::Begin { .. }) => {}
            Err(RecvTimeoutError::Timeout) if silence.look(monotonic_ns()) < DESERTED_NS => {}
            Ok(Heard::Gone) | Err(_) => return Err(WorkerError::Deserted),
        }
    }
    Ok(())
}

/// The configuration that the coordinator would have with the whole load.
fn config(order: WorkerOrder, ledger: &Path) -> Result<GeneratorConfig, WorkerError> {
    let file = |name: &str, text: String| SourceFile {
        name: name.to_string(),
        text,
    };
    let (scenario, profile) = (
        file("scenario.yaml", order.scenario_yaml),
        file("system.yaml", order.system_yaml),
    );
    let input = CompileInput {
        scenario: (&scenario).into(),
        profile: (&profile).into(),
        overrides: &[],
        environment: None,
        seed: None,
    };
    let recording = order.recording;
    let read = |path: &str, _: &SourceFile| match &recording {
        Some(text) if path == KEPT_RECORDING => Ok(text.clone()),
        Some(_) | None => Err("it was not sent".to_string()),
    };
    let compiled = compile_with(&input, &read).map_err(WorkerError::Plan)?;
    if compiled.plan.digest != order.plan_digest {
        return Err(WorkerError::OtherPlan);
    }
    let parts = RunParts {
        entry: order.entry,
        reports: order.reports,
        ledger: ledger.to_path_buf(),
        prefix: order.prefix,
    };
    Ok(GeneratorConfig::of(
        &compiled.plan,
        order.secrets.take(),
        parts,
    ))
}

/// Answers pings at once, and passes on what else is said.
fn listen(mut input: impl Read, voice: &Voice, say: &Sender<Heard>) {
    raise_urgency(true);
    loop {
        let message = frame::read(&mut input);
        let heard_ns = monotonic_ns();
        let heard = match message {
            Ok(Some(Frame::Words(ToWorker::Ping { sent_ns }))) => {
                let pong = FromWorker::Pong {
                    sent_ns,
                    heard_ns,
                    said_ns: monotonic_ns(),
                };
                match voice.say(&pong) {
                    Ok(()) => Heard::Ping,
                    Err(_) => Heard::Gone,
                }
            }
            Ok(Some(Frame::Words(ToWorker::Begin { zero_mono_ns }))) => {
                Heard::Begin { zero_mono_ns }
            }
            Ok(Some(Frame::Words(ToWorker::StopAt { run_ns }))) => Heard::StopAt { run_ns },
            Ok(Some(Frame::Words(ToWorker::Order(_)) | Frame::Block(_)) | None) | Err(_) => {
                Heard::Gone
            }
        };
        let is_over = matches!(heard, Heard::Gone);
        if say.send(heard).is_err() || is_over {
            return;
        }
    }
}

fn wait_for_zero(heard: &Receiver<Heard>) -> Result<u64, WorkerError> {
    loop {
        match heard.recv_timeout(BEGINS_WITHIN) {
            Ok(Heard::Begin { zero_mono_ns }) => return Ok(zero_mono_ns),
            Ok(Heard::Ping) => {}
            Ok(Heard::StopAt { .. } | Heard::Gone) | Err(_) => return Err(WorkerError::Deserted),
        }
    }
}
