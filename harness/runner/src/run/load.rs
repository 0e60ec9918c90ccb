//! The load of a run, made by this process or by several.

use shakedown_load::workers::{Lost, Workers};
use shakedown_load::{Finished, Generator, LoadError};
use shakedown_record::slots::SlotStats;

/// Who makes the load.
#[derive(Debug)]
pub enum Source {
    /// Threads of this process.
    Here(Box<Generator>),
    /// Processes of which each has a part of the sessions.
    Spread(Box<Workers>),
}

impl Source {
    /// `CLOCK_MONOTONIC` of the first slot's intended time, in nanoseconds.
    pub fn zero_mono_ns(&self) -> u64 {
        match self {
            Source::Here(generator) => generator.zero_mono_ns(),
            Source::Spread(workers) => workers.zero_mono_ns(),
        }
    }

    /// 100 ms slots all of whose orders have ended, in order and without gaps, each once.
    pub fn take_slots(&mut self) -> Vec<(usize, SlotStats)> {
        match self {
            Source::Here(generator) => generator.take_slots(),
            Source::Spread(workers) => workers.take_slots(),
        }
    }

    /// Workers that were lost since the last call.
    pub fn take_lost(&mut self) -> Vec<Lost> {
        match self {
            Source::Here(_) => Vec::new(),
            Source::Spread(workers) => workers.take_lost(),
        }
    }

    /// True once every slot has ended.
    pub fn is_finished(&self) -> bool {
        match self {
            Source::Here(generator) => generator.is_finished(),
            Source::Spread(workers) => workers.is_finished(),
        }
    }

    fn request_stop(&self) {
        match self {
            Source::Here(generator) => generator.request_stop(),
            Source::Spread(workers) => workers.request_stop(),
        }
    }

    /// Waits for the last slot, and makes one report.
    ///
    /// # Errors
    /// When what was counted cannot be trusted.
    pub fn finish(self) -> Result<Finished, LoadError> {
        match self {
            Source::Here(generator) => generator.finish(),
            Source::Spread(workers) => workers.finish(),
        }
    }
}

/// The load, which is told to stop whatever becomes of its owner.
#[derive(Debug)]
pub struct Load(Option<Source>);

impl Load {
    pub fn new(source: Source) -> Self {
        Self(Some(source))
    }

    /// As long as it was not taken.
    pub fn source(&mut self) -> Option<&mut Source> {
        self.0.as_mut()
    }

    /// Takes it out, to end it.
    pub fn take(&mut self) -> Option<Source> {
        self.0.take()
    }

    /// No more slots from now on.
    pub fn request_stop(&self) {
        if let Some(source) = &self.0 {
            source.request_stop();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.request_stop();
    }
}
