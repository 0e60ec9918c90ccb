//! The disk: each request of the kernel, judged by the fault of the moment, done, and answered.

use std::fs::File;
use std::io::{IoSlice, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use rustix::io::Errno;
use shakedown_record::monotonic_ns;

use super::encode::{Answer, LARGEST_REQUEST_BYTES, answer_header};
use super::fault::{DiskFault, DiskOperation};
use super::folder::Folder;
use super::held::{Held, HeldAnswer};
use super::status::{DiskStatus, Tally};
use super::unsynced::Unsynced;
use super::wire::{Ask, Header, Unreadable, ask, header};

/// A data folder behind a mount, and what is being done to it.
#[derive(Debug)]
pub(super) struct Disk {
    device: File,
    folder: Folder,
    active: RwLock<Active>,
    tally: Tally,
    held: Held,
}

/// The fault of the moment, and how many operations of each kind it has judged.
#[derive(Debug, Default)]
struct Active {
    fault: DiskFault,
    judged: [AtomicU64; DiskOperation::ALL.len()],
}

/// What is to become of one operation.
#[derive(Debug, Clone, Copy)]
struct Verdict {
    failure: Option<Errno>,
    delay_ns: u64,
}

impl Disk {
    /// The folder behind `root`, served over a FUSE device.
    pub(super) fn new(device: OwnedFd, root: OwnedFd) -> Result<Disk, Errno> {
        Ok(Disk {
            device: File::from(device),
            folder: Folder::of(root)?,
            active: RwLock::default(),
            tally: Tally::default(),
            held: Held::default(),
        })
    }

    /// Takes up a fault in the place of the one before. Answers that are held back go first: no delay outlives
    /// the fault that it came from.
    pub(super) fn set(&self, fault: DiskFault) {
        let mut active = self.active.write().unwrap_or_else(PoisonError::into_inner);
        self.folder.room().set(fault.room_bytes);
        *active = Active {
            fault,
            judged: Default::default(),
        };
        drop(active);
        self.held.release();
    }

    pub(super) fn unsynced(&self) -> &Unsynced {
        self.folder.unsynced()
    }

    pub(super) fn status(&self) -> DiskStatus {
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        DiskStatus {
            fault: active.fault,
            operations: self.tally.counts(),
            held: self.held.count(),
            room_left_bytes: self.folder.room().left(),
            out_of_room: self.folder.room().refused(),
            taken: self.folder.unsynced().taken(),
        }
    }

    /// Serves requests until the mount is gone. Any number of threads may do so.
    ///
    /// # Errors
    /// When the device cannot be read.
    pub(super) fn serve(&self) -> Result<(), Errno> {
        let mut buffer = vec![0; LARGEST_REQUEST_BYTES];
        loop {
            match rustix::io::read(&self.device, &mut buffer[..]) {
                Ok(bytes) => self.take_request(&buffer[..bytes]),
                // A request was withdrawn while it was being read, or a signal came.
                Err(Errno::NOENT | Errno::INTR | Errno::AGAIN) => {}
                Err(Errno::NODEV) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives answers that are held back when they are due, until [`Disk::end`].
    pub(super) fn serve_held(&self) {
        self.held.run(|answer| {
            let measured_ns = monotonic_ns().saturating_sub(answer.since_ns);
            match answer.cut_short {
                true => self.tally.cut_short(answer.operation),
                false => self
                    .tally
                    .delayed(answer.operation, answer.asked_ns, measured_ns),
            }
            self.send(&[IoSlice::new(&answer.message)]);
        });
    }

    /// Ends [`Disk::serve_held`].
    pub(super) fn end(&self) {
        self.held.end();
    }

    fn take_request(&self, bytes: &[u8]) {
        let (header, asked) = match header(bytes) {
            Ok((header, body)) => (header, ask(&header, body)),
            Err(Unreadable) => return tracing::error!("the kernel sent half a request"),
        };
        match asked {
            Ok(Ask::Forget(forgotten)) => self.folder.forget(&forgotten),
            Ok(Ask::Interrupt) => {}
            Ok(asked) => match operation_of(&asked) {
                Some(operation) => self.judge_and_do(&header, &asked, operation),
                None => self.answer(header.unique, self.folder.carry_out(&header, &asked)),
            },
            Err(Unreadable) => self.answer(header.unique, Err(Errno::INVAL)),
        }
    }

    fn judge_and_do(&self, header: &Header, asked: &Ask<'_>, operation: DiskOperation) {
        let verdict = self.judge(operation);
        let outcome = match verdict.failure {
            Some(error) => {
                self.tally.failed(operation);
                Err(error)
            }
            None => {
                let start_ns = monotonic_ns();
                let outcome = self.folder.carry_out(header, asked);
                self.tally.carried_out(operation, monotonic_ns() - start_ns);
                outcome
            }
        };
        // Under the lock of the fault, so that none is held back by one that was healed meanwhile.
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        let asked_ns = verdict.delay_ns.min(active.fault.of(operation).delay_ns);
        if asked_ns == 0 {
            drop(active);
            return self.answer(header.unique, outcome);
        }
        let (error, body) = parts(outcome);
        let mut message = answer_header(header.unique, error, body.len()).to_vec();
        message.extend(body);
        let answer = HeldAnswer {
            message,
            operation,
            waiter: header.pid,
            asked_ns,
            since_ns: monotonic_ns(),
            cut_short: false,
        };
        self.held.hold(answer, active.fault.one_at_a_time);
    }

    fn judge(&self, operation: DiskOperation) -> Verdict {
        self.tally.arrived(operation);
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        let number = active.judged[operation.index()].fetch_add(1, Ordering::Relaxed);
        Verdict {
            failure: active.fault.failure_of(operation, number),
            delay_ns: active.fault.of(operation).delay_ns,
        }
    }

    fn answer(&self, unique: u64, outcome: Result<Answer, Errno>) {
        let (error, body) = parts(outcome);
        let header = answer_header(unique, error, body.len());
        self.send(&[IoSlice::new(&header), IoSlice::new(&body)]);
    }

    fn send(&self, message: &[IoSlice<'_>]) {
        // The kernel takes an answer whole or not at all. It does not take one that nobody waits for any more.
        match (&self.device).write_vectored(message) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!("the kernel did not take an answer: {error}"),
        }
    }
}

fn parts(outcome: Result<Answer, Errno>) -> (Option<Errno>, Vec<u8>) {
    match outcome {
        Ok(answer) => (None, answer.into_bytes()),
        Err(error) => (Some(error), Vec::new()),
    }
}

/// The kind that a fault knows a request by; `None`: no fault touches it.
fn operation_of(asked: &Ask<'_>) -> Option<DiskOperation> {
    match asked {
        Ask::Read { .. } => Some(DiskOperation::Read),
        Ask::Write { .. } => Some(DiskOperation::Write),
        Ask::Sync { data_only, .. } | Ask::SyncFolder { data_only, .. } => Some(match data_only {
            true => DiskOperation::SyncData,
            false => DiskOperation::Sync,
        }),
        Ask::SetAttributes(set) => set.size.map(|_| DiskOperation::Change),
        Ask::SymLink { .. }
        | Ask::MakeNode { .. }
        | Ask::MakeFolder { .. }
        | Ask::RemoveFile { .. }
        | Ask::RemoveFolder { .. }
        | Ask::Rename { .. }
        | Ask::Link { .. }
        | Ask::Create { .. }
        | Ask::Allocate { .. } => Some(DiskOperation::Change),
        Ask::Init { .. }
        | Ask::Destroy
        | Ask::Lookup { .. }
        | Ask::Forget(_)
        | Ask::GetAttributes
        | Ask::ReadLink
        | Ask::Open { .. }
        | Ask::Seek { .. }
        | Ask::Release { .. }
        | Ask::Room
        | Ask::OpenFolder
        | Ask::ReadFolder { .. }
        | Ask::ReleaseFolder { .. }
        | Ask::Interrupt
        | Ask::Unknown => None,
    }
}
