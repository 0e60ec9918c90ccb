//! The shell around the [`Machine`]: clocks, signals, the Lease and the steps on one side, report lines on the other.

use std::io::Write;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::leash::{self, Leash};
use super::life::{Life, take_back};
use super::machine::{Action, AgentExit, EndedBy, Event, Machine, Step};
use super::order::Order;
use super::report::Said;
use super::voice::{Board, Voice};
use super::work::{Done, Work, not_clean, unix_now_ns};
use crate::state_dir::StateDir;

/// What it takes to run an agent.
pub struct AgentSetup<L, B> {
    pub order: Order,
    pub leash: L,
    /// A folder of this agent alone, which outlives its process and ends with its pod.
    pub state: StateDir,
    /// The Shakedown binary, absolute: it is also the watchdog.
    pub exe: PathBuf,
    /// Where reports go.
    pub out: Box<dyn Write + Send>,
    /// Where they go besides.
    pub board: Option<B>,
}

/// Does what is ordered and takes it back. Returns when nothing is left to be done.
pub async fn run_agent<L: Leash, B: Board>(setup: AgentSetup<L, B>) -> AgentExit {
    let AgentSetup {
        order,
        leash,
        state,
        exe,
        out,
        board,
    } = setup;
    let mut voice = Voice::new(out, board);
    voice.say(Said::Ready {
        node: order.node.clone(),
        version: env!("CARGO_PKG_VERSION").to_string(),
    });
    let (ended, voice) = match Life::begin(&state) {
        Ok(Life::First) => first(Work::new(order, state, exe), leash, voice).await,
        Ok(Life::Later) => again(voice, state, order.run_id).await,
        Err(error) => {
            let folder = state.root().display();
            let why = format!("the folder for the journal, {folder}, cannot be written: {error}");
            let stage = Step::Preflight;
            voice.say(Said::Failed { stage, why });
            (AgentExit::Failed, voice)
        }
    };
    voice.finish().await;
    ended
}

/// The life in which the order is followed.
async fn first<L: Leash>(work: Work, leash: L, voice: Voice) -> (AgentExit, Voice) {
    let (tell, told) = unbounded_channel();
    let mut watchers = JoinSet::new();
    watchers.spawn(leash::watch(leash, tell.clone()));
    watchers.spawn(signals(tell.clone()));
    let order = work.order();
    let left = order.deadline.left(unix_now_ns());
    watchers.spawn(later(left, Event::Deadline, tell.clone()));
    let shell = Shell {
        voice,
        machine: Machine::default(),
        work: Arc::new(Mutex::new(work)),
        running: None,
        told,
        tell,
        watchers,
        order,
        trouble: None,
    };
    shell.run().await
}

/// A later life: takes back what is open, and does nothing else.
async fn again(mut voice: Voice, state: StateDir, run_id: String) -> (AgentExit, Voice) {
    voice.say(Said::Ended {
        why: EndedBy::Restarted,
    });
    let said = tokio::task::spawn_blocking(move || take_back(&state, &run_id)).await;
    let said = said.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    let clean = said.last() == Some(&Said::Clean);
    said.into_iter().for_each(|said| voice.say(said));
    match clean {
        true => (AgentExit::Clean, voice),
        false => (AgentExit::NotClean, voice),
    }
}

type Running = Pin<Box<dyn Future<Output = Done>>>;

struct Shell {
    voice: Voice,
    machine: Machine,
    work: Arc<Mutex<Work>>,
    running: Option<Running>,
    told: UnboundedReceiver<Event>,
    tell: UnboundedSender<Event>,
    watchers: JoinSet<()>,
    order: Arc<Order>,
    /// Why healing did not succeed the last time.
    trouble: Option<String>,
}

impl Shell {
    async fn run(mut self) -> (AgentExit, Voice) {
        loop {
            let event = self.next().await;
            for action in self.machine.on(event) {
                match action {
                    Action::Begin(step) => {
                        let work = Arc::clone(&self.work);
                        let doing = async move { work.lock().await.step(step).await };
                        self.running = Some(Box::pin(doing));
                    }
                    Action::Abandon => self.running = None,
                    Action::Say(why) => self.voice.say(Said::Ended { why }),
                    Action::Exit(how) => {
                        if let (AgentExit::NotClean, Some(why)) = (how, self.trouble.take()) {
                            self.voice.say(not_clean(why));
                        }
                        return (how, self.voice);
                    }
                }
            }
        }
    }

    /// What happens next. What comes from outside goes first: an end must not wait behind a step.
    async fn next(&mut self) -> Event {
        let done = match &mut self.running {
            None => return self.told.recv().await.unwrap_or(Event::Signal),
            Some(running) => tokio::select! {
                biased;
                event = self.told.recv() => return event.unwrap_or(Event::Signal),
                done = running => done,
            },
        };
        self.running = None;
        self.take(done)
    }

    fn take(&mut self, done: Done) -> Event {
        if let (Step::Heal, Some(Said::Failed { why, .. })) = (done.step, done.said.last()) {
            self.trouble = Some(why.clone());
        } else if done.step == Step::Heal {
            self.trouble = None;
        }
        done.said.into_iter().for_each(|said| self.voice.say(said));
        if let (Step::Inject, true, Some(hold_ns)) = (done.step, done.ok, self.order.hold_ns) {
            let hold = Duration::from_nanos(hold_ns);
            let over = later(hold, Event::HoldOver, self.tell.clone());
            self.watchers.spawn(over);
        }
        match done.ok {
            true => Event::StepDone(done.step),
            false => Event::StepFailed(done.step),
        }
    }
}

async fn later(after: Duration, event: Event, tell: UnboundedSender<Event>) {
    tokio::time::sleep(after).await;
    // Nobody to tell: the agent is about to end.
    let _ = tell.send(event);
}

async fn signals(tell: UnboundedSender<Event>) {
    let both = signal(SignalKind::terminate()).and_then(|terminate| {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok((terminate, interrupt))
    });
    match both {
        Ok((mut terminate, mut interrupt)) => loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if tell.send(Event::Signal).is_err() {
                return;
            }
        },
        Err(error) => {
            // Whoever cannot be asked to end must not begin.
            tracing::error!("cannot listen for signals: {error}");
            let _ = tell.send(Event::Signal);
        }
    }
}
