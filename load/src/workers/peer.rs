//! One worker as its coordinator sees it.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use shakedown_record::monotonic_ns;

use super::clock::{ClockWatch, Exchange, Offset};
use super::frame::{self, Frame};
use super::message::{Ended, FromWorker, ToWorker};
use super::take::Taking;
use crate::engine::{Collected, ThreadSlots};

/// So many pings in a row without a word, and a worker counts as lost.
const SILENT_PINGS: u32 = 30;

/// The way to a worker, and power over it.
pub struct WorkerLink {
    /// Where it runs, in words.
    pub place: String,
    pub reader: Box<dyn Read + Send>,
    pub writer: Box<dyn Write + Send>,
    pub post: Box<dyn Post>,
    /// The folder of its own ledger, as it knows it.
    pub ledger: PathBuf,
    /// The same folder as we know it: after its death what is there is taken.
    pub shard: PathBuf,
}

/// Power over a worker.
pub trait Post: Send {
    /// Sees to it that the worker does nothing any more, and closes the way to it. Says how it ended, in words, such as
    /// `it was ended by signal 9`.
    fn end(&mut self) -> String;

    /// True when the worker has said something that nobody has read yet.
    fn has_unread(&self) -> bool;

    /// Brings the ledger of a worker that has ended to where it is taken from. Whether or not that is possible, the worker
    /// sends nothing any more when this returns.
    ///
    /// # Errors
    /// Why nobody will ever know what it sent last.
    fn rescue(&mut self) -> Result<(), String>;
}

/// How it stands with a worker.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    /// It has not dialled yet.
    Coming,
    Ready,
    /// Its last word was said, and agrees with what it sent.
    Ended(Box<Ended>),
    /// It will say nothing any more.
    Lost(String),
    /// What it sent cannot be what it wrote.
    Broken(String),
}

struct State {
    standing: Standing,
    clock: ClockWatch,
    /// Pings since the last word that came of it.
    silent: u32,
}

/// One worker.
pub(super) struct Peer {
    /// From 0.
    pub number: usize,
    out: Mutex<Box<dyn Write + Send>>,
    post: Mutex<Box<dyn Post>>,
    state: Mutex<State>,
    changed: Condvar,
    slots: Sender<ThreadSlots>,
}

impl Peer {
    pub(super) fn new(
        number: usize,
        writer: Box<dyn Write + Send>,
        post: Box<dyn Post>,
        slots: Sender<ThreadSlots>,
    ) -> Peer {
        Peer {
            number,
            out: Mutex::new(writer),
            post: Mutex::new(post),
            state: Mutex::new(State {
                standing: Standing::Coming,
                clock: ClockWatch::default(),
                silent: 0,
            }),
            changed: Condvar::new(),
            slots,
        }
    }

    /// Says something; one that cannot hear it any more is seen by its silence.
    pub(super) fn say(&self, message: &ToWorker) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = frame::say(&mut **out, message) {
            tracing::debug!("worker {} does not hear: {error}", self.number + 1);
        }
    }

    /// Asks for its clock.
    pub(super) fn ping(&self) {
        let sent_ns = monotonic_ns();
        self.say(&ToWorker::Ping { sent_ns });
    }

    /// Asks for its clock, unless it has been silent for too long: then it is put down, by a thread of its own, because others
    /// wait to be asked.
    ///
    /// What counts is how often it was asked in vain: while we are kept from running ourselves, nobody is silent, nor is one
    /// whose words lie there unread.
    pub(super) fn ping_or_lose(self: &Arc<Self>) {
        if !self.works() {
            return;
        }
        let is_heard = self.post.try_lock().is_ok_and(|post| post.has_unread());
        let silent = {
            let mut state = self.state();
            state.silent += u32::from(!is_heard);
            state.silent
        };
        if silent <= SILENT_PINGS {
            return self.ping();
        }
        self.lose("it answered nothing for 3 s and was put down");
        let peer = Arc::clone(self);
        let put_down = move || {
            peer.put_down();
        };
        if thread::Builder::new().spawn(put_down).is_err() {
            self.put_down();
        }
    }

    /// Sees to it that it does nothing any more; how it ended.
    pub(super) fn put_down(&self) -> String {
        let mut post = self.post.lock().unwrap_or_else(PoisonError::into_inner);
        post.end()
    }

    /// Brings the ledger of a worker that was lost to where it is taken from.
    pub(super) fn rescue(&self) -> Result<(), String> {
        let mut post = self.post.lock().unwrap_or_else(PoisonError::into_inner);
        post.rescue()
    }

    pub(super) fn standing(&self) -> Standing {
        self.state().standing.clone()
    }

    /// True until its last word, and as long as it is not lost.
    pub(super) fn works(&self) -> bool {
        self.state().standing.works()
    }

    pub(super) fn exchanges(&self) -> u64 {
        self.state().clock.exchanges()
    }

    /// From now on its times are turned by the best offset so far.
    pub(super) fn fix_clock(&self) -> Option<Offset> {
        self.state().clock.fix()
    }

    pub(super) fn clock_bound(&self) -> Option<Offset> {
        self.state().clock.bound()
    }

    /// Waits until `is_so` of its standing, or the time is over.
    pub(super) fn wait(&self, at_most: Duration, is_so: impl Fn(&Standing) -> bool) -> Standing {
        let waits = |state: &mut State| !is_so(&state.standing);
        let waited = self
            .changed
            .wait_timeout_while(self.state(), at_most, waits);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.standing.clone()
    }

    /// Listens until its last word, its loss, or something that it cannot mean.
    pub(super) fn attend(&self, mut reader: Box<dyn Read + Send>, mut taking: Taking) -> Taking {
        loop {
            let read = frame::read(&mut *reader);
            self.state().silent = 0;
            let told = match read {
                Ok(Some(Frame::Block(block))) => taking.block(&block),
                Ok(Some(Frame::Words(word))) => self.hear(word, &mut taking),
                Ok(None) => {
                    let how = self.put_down();
                    self.lose(&how);
                    Ok(())
                }
                Err(error) => {
                    let how = self.put_down();
                    self.lose(&format!("{how}; the way to it broke: {error}"));
                    Ok(())
                }
            };
            if let Err(what) = told {
                self.turn(Standing::Broken(what));
                self.put_down();
            }
            if !self.works() {
                return taking;
            }
        }
    }

    fn hear(&self, word: FromWorker, taking: &mut Taking) -> Result<(), String> {
        match word {
            FromWorker::Ready => self.turn(Standing::Ready),
            FromWorker::Failed { why } => self.lose(&format!("it could not go on: {why}")),
            FromWorker::Pong {
                sent_ns,
                heard_ns,
                said_ns,
            } => {
                let mut state = self.state();
                state.clock.add(&Exchange {
                    sent_ns,
                    heard_ns,
                    said_ns,
                    back_ns: monotonic_ns(),
                });
                drop(state);
                self.changed.notify_all();
            }
            FromWorker::Slot { index, tally } => self.tell(ThreadSlots::Finished {
                thread: self.number,
                index,
                collected: Collected {
                    tally,
                    entries: Vec::new(),
                },
            }),
            FromWorker::Names { names } => taking.names(names)?,
            FromWorker::ServerIds { thread, lines } => taking.ids(thread, &lines)?,
            FromWorker::Ended(ended) => {
                taking.agrees(&ended)?;
                self.turn(Standing::Ended(ended));
            }
        }
        Ok(())
    }

    fn lose(&self, why: &str) {
        self.turn(Standing::Lost(why.to_string()));
    }

    /// Nothing comes after an end, whichever it is.
    fn turn(&self, standing: Standing) {
        let mut state = self.state();
        if !state.standing.works() {
            return;
        }
        state.standing = standing;
        let is_over = !state.standing.works();
        drop(state);
        self.changed.notify_all();
        if is_over {
            let thread = self.number;
            self.tell(ThreadSlots::Ended { thread });
        }
    }

    fn tell(&self, slots: ThreadSlots) {
        if self.slots.send(slots).is_err() {
            tracing::debug!("nobody takes 100 ms slots any more");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    pub(super) fn works(&self) -> bool {
        match self {
            Standing::Coming | Standing::Ready => true,
            Standing::Ended(_) | Standing::Lost(_) | Standing::Broken(_) => false,
        }
    }
}
