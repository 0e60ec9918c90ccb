//! The thread that publishes, and the handle by which it is ended.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shakedown_record::points::{PointsReport, PointsWriter};
use shakedown_record::{monotonic_ns, wall_ns};
use shakedown_scenarios::plan::PublishPlan;

use super::account::Account;
use super::batches::Batches;
use super::config::PointsConfig;
use super::frames::Frames;
use super::link::Link;
use super::source::{Point, Source};
use super::way::{Heard, Way};
use crate::error::LoadError;
use crate::http::{BaseUrl, auth_headers};

/// Between two attempts to connect, in nanoseconds.
const DIAL_EVERY_NS: u64 = 10_000_000;

/// Shortest time from one pass to the next, in nanoseconds: what is due in it goes out together.
const PASS_NS: u64 = 200_000;

/// Longest time without a look around, in nanoseconds.
const LOOK_EVERY_NS: u64 = 20_000_000;

/// A publisher at work. Dropping it ends it.
#[derive(Debug)]
pub struct Publisher {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<PointsReport>>,
}

/// The state of the thread.
struct Shop {
    source: Source,
    way: Way,
    account: Account,
    addresses: Vec<SocketAddr>,
    dialled: u64,
    dial_after_ns: u64,
    link: Option<Link>,
    /// Points of the batch that is being made.
    batch: Vec<Point>,
    most_points: usize,
    buffer: Vec<u8>,
    writer: PointsWriter,
    report: PointsReport,
    zero_mono_ns: u64,
    timeout_ns: u64,
}

impl Publisher {
    /// Publishes from `zero_mono_ns` on, which is the zero of the run.
    ///
    /// # Errors
    /// When an entry is no URL, the plan cannot be carried out, or the file cannot be created.
    pub fn start(config: &PointsConfig, zero_mono_ns: u64) -> Result<Publisher, LoadError> {
        let shop = Shop::open(config, zero_mono_ns)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("points".to_string())
            .spawn(move || shop.run(&stopping))
            .map_err(|source| LoadError::Kernel {
                what: "threads",
                source,
            })?;
        Ok(Publisher {
            stop,
            thread: Some(thread),
        })
    }

    /// Ends it and returns how it went; blocks until everything is acknowledged, or the timeout is over.
    ///
    /// # Errors
    /// When the thread died, or the points do not add up: a bug.
    pub fn end(mut self) -> Result<PointsReport, LoadError> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take();
        let report = thread.and_then(|thread| thread.join().ok());
        let report = report.ok_or_else(|| LoadError::Panicked {
            thread: 0,
            what: "the thread that publishes market data".to_string(),
        })?;
        let (scheduled, ended) = (report.counts.offered, report.counts.ended());
        match scheduled == ended {
            true => Ok(report),
            false => Err(LoadError::Conservation { scheduled, ended }),
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Shop {
    fn open(config: &PointsConfig, zero_mono_ns: u64) -> Result<Shop, LoadError> {
        let refuse = |what: &str| LoadError::Plan {
            what: what.to_string(),
        };
        let mut addresses = Vec::new();
        let mut hosts = Vec::new();
        for url in &config.entry {
            let url = BaseUrl::resolve_as(url, config.plan.scheme())?.bare()?;
            hosts.extend(url.addresses.iter().map(|_| url.host.clone()));
            addresses.extend(url.addresses);
        }
        if addresses.is_empty() {
            return Err(LoadError::NoEntry);
        }
        if config.symbols.is_empty() {
            return Err(refuse("market data needs a symbol"));
        }
        let zero_wall_ns = (wall_ns() + zero_mono_ns).saturating_sub(monotonic_ns());
        let symbols = &config.symbols;
        let (way, batch) = match &config.plan {
            PublishPlan::Binary(_) => (Frames::new(symbols, zero_wall_ns).map(Way::Frames), 0),
            PublishPlan::Http(plan) => {
                let headers = auth_headers(&config.auth, &config.secrets);
                let lines = headers
                    .iter()
                    .map(|(name, value)| format!("{name}: {value}\r\n"));
                let lines: String = lines.collect();
                let batches = Batches::new(plan, symbols, zero_wall_ns, &hosts, &lines);
                (batches.map(|it| Way::Batches(Box::new(it))), plan.batch)
            }
        };
        let way = way.ok_or_else(|| refuse("a symbol's ticks are too fine to be published"))?;
        let writer = PointsWriter::create(&config.file).map_err(|source| LoadError::Ledger {
            path: config.file.clone(),
            source,
        })?;
        let most_points = way.most_points(batch);
        Ok(Shop {
            source: Source::new(config.rate_per_s, symbols, config.seed),
            account: Account::new(way.most_open()),
            way,
            addresses,
            dialled: 0,
            dial_after_ns: 0,
            link: None,
            batch: Vec::with_capacity(most_points),
            most_points,
            buffer: vec![0; 1 << 16],
            writer,
            report: PointsReport::default(),
            zero_mono_ns,
            timeout_ns: config.timeout_ns,
        })
    }

    /// Nanoseconds since zero.
    fn now_ns(&self) -> u64 {
        monotonic_ns().saturating_sub(self.zero_mono_ns)
    }

    fn run(mut self, stopping: &AtomicBool) -> PointsReport {
        self.connect(0);
        while monotonic_ns() < self.zero_mono_ns && !stopping.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_micros(200));
        }
        let mut stop_ns = None;
        loop {
            let now_ns = self.now_ns();
            if stop_ns.is_none() && stopping.load(Ordering::Relaxed) {
                stop_ns = Some(now_ns);
            }
            self.pass(now_ns, stop_ns.unwrap_or(u64::MAX));
            if let Some(stop_ns) = stop_ns {
                let is_all = self.source.due_ns() > stop_ns && self.account.open() == 0;
                if is_all || now_ns > stop_ns + 2 * self.timeout_ns {
                    break;
                }
            }
            self.wait(now_ns, stop_ns);
        }
        self.finish(stop_ns.unwrap_or_default())
    }

    /// Everything that can be done now.
    fn pass(&mut self, now_ns: u64, stop_ns: u64) {
        if self.link.is_none() && now_ns >= self.dial_after_ns {
            self.connect(now_ns);
        }
        if let Err(why) = self.hear() {
            self.cut(why, now_ns);
        }
        self.release(now_ns, stop_ns);
        if let Some(link) = &mut self.link {
            let flushed = link.flush();
            self.account.wrote(link.written(), now_ns);
            if let Err(error) = flushed {
                self.cut(error.to_string(), now_ns);
            }
        }
        while let Some(row) = self.account.row(now_ns) {
            if let Err(error) = self.writer.write(&row) {
                self.report.unwritten = Some(error.to_string());
            }
        }
    }

    fn connect(&mut self, now_ns: u64) {
        let address = (self.dialled % self.addresses.len() as u64) as usize;
        self.dialled += 1;
        match Link::dial(self.addresses[address]) {
            Ok(mut link) => {
                self.report.connected += 1;
                self.way.begin(address, &mut link.out);
                self.link = Some(link);
            }
            Err(error) => self.report.trouble = Some(error.to_string()),
        }
        self.dial_after_ns = now_ns + DIAL_EVERY_NS;
    }

    /// The connection is of no use any more.
    fn cut(&mut self, why: String, now_ns: u64) {
        if let Some(link) = self.link.take() {
            self.account.cut(link.written());
            self.report.trouble = Some(why);
            self.dial_after_ns = now_ns + DIAL_EVERY_NS;
        }
    }

    fn hear(&mut self) -> Result<(), String> {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        loop {
            let read = link.read(&mut self.buffer).map_err(|it| it.to_string())?;
            if read == 0 {
                return Ok(());
            }
            let (account, report) = (&mut self.account, &mut self.report);
            let heard = self.way.hear(&self.buffer[..read], |heard| {
                if let Heard::Refused(status) = heard {
                    report.trouble = Some(format!("status {status}"));
                }
                account.heard(heard);
            });
            heard.map_err(|wrong| wrong.0.to_string())?;
        }
    }

    /// Makes batches of what is due, as far as there is room for them, and leaves out what is too late.
    fn release(&mut self, now_ns: u64, stop_ns: u64) {
        let until_ns = now_ns.min(stop_ns);
        while self.source.due_ns() <= until_ns {
            if now_ns - self.source.due_ns() > self.timeout_ns {
                self.source.take();
                self.account.left_out(1);
                continue;
            }
            let most_open = self.way.most_open();
            let Some(link) = self.link.as_mut().filter(|link| link.has_room()) else {
                return;
            };
            if self.account.open() >= most_open {
                return;
            }
            self.batch.clear();
            while self.batch.len() < self.most_points && self.source.due_ns() <= until_ns {
                self.batch.push(self.source.take());
            }
            let begins = link.end();
            self.way.append(&self.batch, &mut link.out);
            let (points, first_at_ns) = (self.batch.len() as u64, self.batch[0].at_ns);
            self.account.made(points, (begins, link.end()), first_at_ns);
        }
    }

    /// Until the next point is due, though for one pass at least, or something can be read or written.
    fn wait(&self, now_ns: u64, stop_ns: Option<u64>) {
        let due_ns = match stop_ns {
            Some(stop_ns) if self.source.due_ns() > stop_ns => now_ns + LOOK_EVERY_NS,
            Some(_) | None => self.source.due_ns(),
        };
        let next_ns = due_ns.clamp(now_ns + PASS_NS, now_ns + LOOK_EVERY_NS);
        let left_ns = next_ns.saturating_sub(self.now_ns());
        // What is said meanwhile can wait for so short a time.
        match &self.link {
            Some(link) if left_ns > PASS_NS || !link.has_room() => link.wait(left_ns),
            Some(_) | None => thread::sleep(Duration::from_nanos(left_ns)),
        }
    }

    fn finish(mut self, stop_ns: u64) -> PointsReport {
        // What nobody took in until now is late by more than the timeout.
        while self.source.due_ns() <= stop_ns {
            self.source.take();
            self.account.left_out(1);
        }
        let written = self.link.as_ref().map_or(0, |link| link.written());
        self.account.cut(written);
        let (row, counts, write_lag_p99_ns) = self.account.end();
        if let Err(error) = self.writer.write(&row) {
            self.report.unwritten = Some(error.to_string());
        }
        PointsReport {
            counts,
            write_lag_p99_ns,
            ..self.report
        }
    }
}
