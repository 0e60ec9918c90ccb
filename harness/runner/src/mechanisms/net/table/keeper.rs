//! The thread that owns the table: as long as it runs, the rules bite.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use shakedown_record::monotonic_ns;

use super::counts::Counts;
use super::messages::{self, Compiled};
use super::owned::Evidence;
use super::rule::Rule;
use crate::mechanisms::net::netlink::{NetlinkError, NetlinkSocket};

/// Renewals per life of an element: two may be late or lost before the rules let go.
const RENEWALS_PER_TIMEOUT: u32 = 3;
/// The kernel counts the life of an element in ticks of up to 10 ms, and may begin it a tick too early.
const TICKS: Duration = Duration::from_millis(25);

/// What the keeper is told. Each carries the way back for the answer.
pub(super) enum Order {
    Replace(Vec<Rule>, Sender<Result<(), NetlinkError>>),
    Evidence(Sender<Result<Evidence, NetlinkError>>),
    Remove(Sender<Result<(), NetlinkError>>),
}

/// The owner of one table.
pub(super) struct Keeper {
    socket: NetlinkSocket,
    table: String,
    timeout: Duration,
    current: Compiled,
    generation: u64,
    /// Counted by rules that have been replaced since.
    earlier: Counts,
    /// Just before the elements last got their whole time.
    renewed: Instant,
    next_renewal: Instant,
    renewals: u64,
    failed_renewals: u64,
    lapsed_at_mono_ns: Option<u64>,
    /// The elements have timed out and are not brought back.
    let_go: bool,
}

impl Keeper {
    /// Makes the table through a socket of the namespace that it is for. The socket owns it.
    pub fn create(
        mut socket: NetlinkSocket,
        table: String,
        timeout: Duration,
    ) -> Result<Keeper, NetlinkError> {
        socket.transaction("make the table of faults", &messages::create(&table))?;
        Ok(Keeper {
            socket,
            table,
            timeout,
            current: Compiled::default(),
            generation: 0,
            earlier: Counts::default(),
            renewed: Instant::now(),
            next_renewal: Instant::now() + timeout / RENEWALS_PER_TIMEOUT,
            renewals: 0,
            failed_renewals: 0,
            lapsed_at_mono_ns: None,
            let_go: false,
        })
    }

    /// Obeys until told to remove the table, or nobody is left who could tell. Then the socket closes, and whatever
    /// is left of the table goes with it.
    pub fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let until_renewal = self.next_renewal.saturating_duration_since(Instant::now());
            match orders.recv_timeout(until_renewal) {
                Ok(Order::Replace(rules, answer)) => {
                    drop(answer.send(self.replace(rules)));
                }
                Ok(Order::Evidence(answer)) => drop(answer.send(self.evidence())),
                Ok(Order::Remove(answer)) => {
                    drop(answer.send(self.remove()));
                    return;
                }
                Err(RecvTimeoutError::Timeout) => self.renew(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn replace(&mut self, rules: Vec<Rule>) -> Result<(), NetlinkError> {
        self.notice_lapse();
        let counted = self.counts()?;
        self.generation += 1;
        let new = Compiled::new(self.generation, rules);
        let changes = messages::replace(&self.table, &self.current, &new, self.timeout);
        let now = Instant::now();
        if !changes.is_empty() {
            self.socket
                .transaction("replace the rules of the table of faults", &changes)?;
        }
        self.earlier = counted;
        self.earlier
            .keep_only(new.rules.iter().map(|rule| rule.name.as_str()));
        self.current = new;
        self.renewed = now;
        self.next_renewal = now + self.timeout / RENEWALS_PER_TIMEOUT;
        self.let_go = false;
        Ok(())
    }

    fn evidence(&mut self) -> Result<Evidence, NetlinkError> {
        self.notice_lapse();
        Ok(Evidence {
            rules: self.counts()?.into_list(),
            renewals: self.renewals,
            failed_renewals: self.failed_renewals,
            lapsed_at_mono_ns: self.lapsed_at_mono_ns,
        })
    }

    fn counts(&mut self) -> Result<Counts, NetlinkError> {
        let mut counts = Counts::read(&mut self.socket, &self.table)?;
        counts.add(&self.earlier);
        Ok(counts)
    }

    fn renew(&mut self) {
        let now = Instant::now();
        self.next_renewal = now + self.timeout / RENEWALS_PER_TIMEOUT;
        self.notice_lapse();
        if self.let_go || self.current.rules.is_empty() {
            return;
        }
        let renewal = messages::renew(&self.table, &self.current);
        match self.socket.transaction("renew the elements", &renewal) {
            Ok(()) => {
                // Begun in time and done too late: there was a hole, and evidence must not hide it.
                if self.may_have_expired() {
                    self.lapsed_at_mono_ns.get_or_insert_with(monotonic_ns);
                }
                self.renewed = now;
                self.renewals += 1;
            }
            Err(error) => {
                self.failed_renewals += 1;
                tracing::warn!("{error}");
            }
        }
    }

    /// Once the elements have timed out, they stay away: a dead man's switch does not rearm itself, and a fault
    /// that comes back seconds later would be one that nobody asked for.
    fn notice_lapse(&mut self) {
        if self.let_go || self.current.rules.is_empty() || !self.may_have_expired() {
            return;
        }
        self.let_go = true;
        self.lapsed_at_mono_ns.get_or_insert_with(monotonic_ns);
        tracing::warn!(
            "the thread of {} was held up: its rules let go after {:?}",
            self.table,
            self.timeout
        );
    }

    fn may_have_expired(&self) -> bool {
        self.renewed.elapsed() >= self.timeout.saturating_sub(TICKS)
    }

    fn remove(&mut self) -> Result<(), NetlinkError> {
        let gone = messages::remove(&self.table);
        match self.socket.transaction("remove the table of faults", &gone) {
            Err(error) if error.is_absent() => Ok(()),
            done => done,
        }
    }
}
