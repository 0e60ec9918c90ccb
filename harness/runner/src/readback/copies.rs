//! Reading every copy after the heal, behind the sentinel, into the run directory.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use shakedown_record::event::{CopiedDepth, CopiedTrades, ReadBackDone};
use shakedown_record::readback::{ReadKind, Row, RowWriter, depth_path, trades_path};
use shakedown_record::run_dir::RunDir;
use shakedown_scenarios::plan::ReadBack;
use tokio::task::JoinSet;

use super::by_id::{Behind, ByIdSpec, Told, ask, wait_for_sentinels};
use super::depth::copy_depth;
use super::list::{Dump, ListSpec, dump, watermark};
use super::ours::{OrderIds, Ours};
use super::rows::without_secrets;
use super::trades::copy_trades;
use crate::probes::together::spread;
use crate::probes::{Copy, Target};

/// Pause between two looks at a copy that has not caught up.
const PAUSE: Duration = Duration::from_millis(250);

/// Orders that are asked for at once when a copy is read by id.
const BY_ID_AT_ONCE: usize = 16;

/// After so many orders without a clear answer a copy counts as unreadable, and no more are asked for.
const MOST_UNCLEAR: u32 = 64;

/// The slowest reading by id that is waited for, and the longest it may take whatever the number of orders.
const BY_ID_SLOWEST_PER_S: f64 = 250.0;
const BY_ID_AT_MOST: Duration = Duration::from_secs(600);

/// Everything a read of the copies needs.
#[derive(Debug)]
pub struct Reading {
    pub target: Arc<Target>,
    pub ours: Arc<Ours>,
    pub run_dir: RunDir,
    pub kind: ReadKind,
    /// How long copies may take to catch up with the sentinel.
    pub converge_within: Duration,
}

/// What came of one copy.
#[derive(Debug, Clone, PartialEq)]
pub struct CopyRead {
    pub done: ReadBackDone,
    /// Orders of ours that are open on it; `None` when that cannot be told.
    pub open: Option<Vec<OrderIds>>,
}

/// Reads every copy that the profile can read, all at once; nothing without a `read-back` in the profile.
pub async fn read_copies(reading: &Arc<Reading>) -> Vec<CopyRead> {
    let Some(read_back) = &reading.target.plan.system.read_back else {
        return Vec::new();
    };
    let each = match read_back {
        ReadBack::List {
            at_each_replica, ..
        }
        | ReadBack::ById {
            at_each_replica, ..
        } => *at_each_replica,
    };
    let copies = reading.target.copies(each);
    let mut reads = JoinSet::new();
    for copy in copies.clone() {
        let (reading, read_back) = (Arc::clone(reading), read_back.clone());
        reads.spawn(async move { reading.copy(&read_back, &copy).await });
    }
    let mut done = reads.join_all().await;
    done.sort_by_key(|read| {
        let mut names = copies.iter();
        names.position(|copy| copy.name == read.done.replica)
    });
    done
}

/// The part of the profile that says how to read a list, or an order by its id.
#[derive(Debug, Clone)]
pub enum ReadSpec {
    List(ListSpec),
    ById(ByIdSpec),
}

impl ReadSpec {
    /// The profile's way of reading.
    pub fn of(read_back: &ReadBack) -> Self {
        match read_back.clone() {
            ReadBack::List {
                get,
                rows,
                next,
                mark,
                at_each_replica: _,
                fields,
                trades,
                depth,
            } => ReadSpec::List(ListSpec {
                trades,
                depth,
                get,
                rows,
                next,
                mark,
                fields,
            }),
            ReadBack::ById {
                get,
                found,
                absent,
                at_each_replica: _,
                fields,
            } => ReadSpec::ById(ByIdSpec {
                get,
                found,
                absent,
                fields,
            }),
        }
    }
}

impl Reading {
    async fn copy(self: &Arc<Self>, read_back: &ReadBack, copy: &Copy) -> CopyRead {
        match ReadSpec::of(read_back) {
            ReadSpec::List(spec) => self.list(&spec, copy).await,
            ReadSpec::ById(spec) => self.by_id(&spec, copy).await,
        }
    }

    /// Dumps the copy again and again until it has every sentinel.
    async fn list(&self, spec: &ListSpec, copy: &Copy) -> CopyRead {
        let deadline = Instant::now() + self.converge_within;
        self.wait_for_watermark(spec, copy, deadline).await;
        loop {
            let mut rows = 0;
            let dumped = self
                .dump(spec, copy, deadline + self.converge_within, &mut rows)
                .await;
            let reason = match &dumped {
                Err(why) => Some(why.clone()),
                Ok(dump) => self.not_converged(copy, dump),
            };
            let Some(reason) = reason else {
                let mut read = self.outcome(copy, dumped.unwrap_or_default(), rows, None);
                // At once, while the copy stands as it was listed.
                read.done.depth = self.depth(spec, copy).await;
                read.done.trades = self.trades(spec, copy).await;
                return read;
            };
            let hopeless = self.ours.sentinels.missing.is_some() && dumped.is_ok();
            if hopeless || Instant::now() >= deadline {
                return self.outcome(copy, dumped.unwrap_or_default(), rows, Some(reason));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Asks for the watermark alone until it has passed the sentinels, so that a slow copy is not dumped in vain.
    async fn wait_for_watermark(&self, spec: &ListSpec, copy: &Copy, deadline: Instant) {
        let Some(sequence) = self
            .ours
            .sentinels
            .sequence_for(&copy.name)
            .filter(|_| spec.mark.is_some())
        else {
            return;
        };
        while Instant::now() < deadline {
            match watermark(&self.target, spec, &copy.base_url).await {
                Ok(mark) if mark >= sequence => return,
                Ok(_) | Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn dump(
        &self,
        spec: &ListSpec,
        copy: &Copy,
        deadline: Instant,
        rows: &mut u64,
    ) -> Result<Dump, String> {
        let writer = RowWriter::create(self.run_dir.root(), self.kind, &copy.name);
        let mut writer = writer.map_err(cannot_write)?;
        let base = &copy.base_url;
        let keep = |row: &Row| writer.write(&self.clean(row.clone()));
        let dumped = dump(&self.target, spec, base, &self.ours, deadline, keep).await;
        *rows = writer.finish().map_err(cannot_write)?;
        dumped
    }

    /// Reads the trades of a copy that was read to its end, where the profile says how.
    async fn trades(&self, spec: &ListSpec, copy: &Copy) -> Option<CopiedTrades> {
        let spec = spec.trades.as_ref()?;
        let path = trades_path(self.run_dir.root(), self.kind, &copy.name);
        let read = copy_trades(&self.target, spec, &self.ours, copy, &path).await;
        Some(read.unwrap_or_else(|error| CopiedTrades {
            rows: 0,
            incomplete: Some(format!("the trades cannot be written: {error}")),
        }))
    }

    /// Reads the depth of a copy that was read to its end, where the profile says how.
    async fn depth(&self, spec: &ListSpec, copy: &Copy) -> Option<CopiedDepth> {
        let spec = spec.depth.as_ref()?;
        let path = depth_path(self.run_dir.root(), self.kind, &copy.name);
        let read = copy_depth(&self.target, spec, copy, &path).await;
        Some(read.unwrap_or_else(|error| CopiedDepth {
            symbols: 0,
            incomplete: Some(format!("the depth cannot be written: {error}")),
        }))
    }

    /// Why a dump does not prove that the copy was read to its end; `None` when it does.
    fn not_converged(&self, copy: &Copy, dump: &Dump) -> Option<String> {
        let sentinels = &self.ours.sentinels;
        if let Some(missing) = &sentinels.missing {
            return Some(missing.clone());
        }
        if dump.rows == 0 {
            return Some("it answers OK, but has no order of this run".to_string());
        }
        let mut acked = sentinels.acked_for(&copy.name);
        if let Some(order) = acked.find(|order| !dump.sentinels.contains(&order.words.id)) {
            let id = &order.words.id;
            return Some(format!("it does not have the acknowledged sentinel {id}"));
        }
        match (sentinels.sequence_for(&copy.name), dump.mark) {
            (Some(sequence), Some(mark)) if mark < sequence => Some(format!(
                "its watermark {mark} is below the sentinel's sequence {sequence}"
            )),
            _ => None,
        }
    }

    fn outcome(&self, copy: &Copy, dump: Dump, rows: u64, reason: Option<String>) -> CopyRead {
        CopyRead {
            done: ReadBackDone {
                read: self.kind,
                replica: copy.name.clone(),
                complete: reason.is_none(),
                rows,
                watermark: dump.mark,
                reason,
                by_id: false,
                foreign: Some(dump.foreign),
                trades: None,
                depth: None,
                during: None,
            },
            open: dump.open,
        }
    }

    async fn by_id(self: &Arc<Self>, spec: &ByIdSpec, copy: &Copy) -> CopyRead {
        let deadline = Instant::now() + self.converge_within;
        let sentinels = wait_for_sentinels(&self.target, spec, copy, &self.ours, deadline).await;
        let mut done = ReadBackDone {
            read: self.kind,
            replica: copy.name.clone(),
            complete: false,
            rows: 0,
            watermark: None,
            reason: None,
            by_id: true,
            foreign: None,
            trades: None,
            depth: None,
            during: None,
        };
        match sentinels {
            Ok(()) => {}
            Err(Behind::Missing(why)) => done.reason = Some(why),
            // Asking for every order would take long and tell nothing.
            Err(Behind::Unreadable(why)) => {
                done.reason = Some(why);
                let rows = RowWriter::create(self.run_dir.root(), self.kind, &copy.name);
                if let Err(error) = rows.and_then(RowWriter::finish) {
                    done.reason = Some(cannot_write(error));
                }
                return CopyRead { done, open: None };
            }
        }
        match self.ask_all(spec, copy, &mut done).await {
            Ok(open) => CopyRead { done, open },
            Err(why) => {
                done.reason.get_or_insert(why);
                CopyRead { done, open: None }
            }
        }
    }

    /// Asks a copy for every order; fills in what came of it, and returns the open ones.
    async fn ask_all(
        self: &Arc<Self>,
        spec: &ByIdSpec,
        copy: &Copy,
        done: &mut ReadBackDone,
    ) -> Result<Option<Vec<OrderIds>>, String> {
        let asked = self
            .ours
            .asked(&self.target)
            .map_err(|error| error.to_string())?;
        let identity = self.target.plan.system.orders.identity;
        let mut orders = asked.orders;
        orders.extend(self.ours.sentinels.ids(identity));
        let writer = RowWriter::create(self.run_dir.root(), self.kind, &copy.name);
        let writer = Arc::new(Mutex::new(Some(writer.map_err(cannot_write)?)));
        let deadline = Instant::now() + self.by_id_time(orders.len());
        let spread = {
            let (reading, spec, writer) = (Arc::clone(self), spec.clone(), Arc::clone(&writer));
            let (base, unclear) = (copy.base_url.clone(), Arc::new(AtomicU32::new(0)));
            spread(orders, BY_ID_AT_ONCE, deadline, move |ids| {
                let (reading, spec) = (Arc::clone(&reading), spec.clone());
                let (writer, base) = (Arc::clone(&writer), base.clone());
                let unclear = Arc::clone(&unclear);
                async move {
                    if unclear.load(Ordering::Relaxed) >= MOST_UNCLEAR {
                        let why = "not asked for after so many".to_string();
                        return (ids, One::Unclear(why));
                    }
                    let one = reading.ask_one(&spec, &base, ids, &writer).await;
                    if let One::Unclear(_) = one.1 {
                        unclear.fetch_add(1, Ordering::Relaxed);
                    }
                    one
                }
            })
            .await
        };
        let written = writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let finished = written.map(RowWriter::finish).transpose();
        done.rows = finished.map_err(cannot_write)?.unwrap_or(0);
        let mut open = Some(Vec::new());
        let (mut unclear, mut first) = (0, None);
        for (ids, one) in spread.results {
            match one {
                One::Open => open.iter_mut().for_each(|open| open.push(ids.clone())),
                One::Done => {}
                One::Unknown => open = None,
                One::Unclear(why) => {
                    unclear += 1;
                    first.get_or_insert(format!("{}: {why}", ids.client));
                }
            }
        }
        done.reason = done
            .reason
            .take()
            .or_else(|| {
                first.map(|it| format!("{unclear} orders without a clear answer, the first {it}"))
            })
            .or_else(|| not_asked(spread.left, asked.without_id));
        done.complete = done.reason.is_none();
        Ok(open)
    }

    async fn ask_one(
        &self,
        spec: &ByIdSpec,
        base: &str,
        ids: OrderIds,
        writer: &Mutex<Option<RowWriter>>,
    ) -> (OrderIds, One) {
        let words = self.ours.words(&self.target, &ids.client);
        let told = ask(&self.target, spec, base, &ids, words.as_ref()).await;
        let (row, one) = match told {
            Told::Unclear(why) => return (ids, One::Unclear(why)),
            Told::Absent => (
                Row {
                    id: ids.client.clone(),
                    found: false,
                    ..Row::default()
                },
                One::Done,
            ),
            Told::Found { row, open } => match open {
                Some(true) => (*row, One::Open),
                Some(false) => (*row, One::Done),
                None => (*row, One::Unknown),
            },
        };
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let written = writer.as_mut().map(|writer| writer.write(&self.clean(row)));
        match written {
            Some(Err(error)) => (ids, One::Unclear(cannot_write(error))),
            Some(Ok(())) | None => (ids, one),
        }
    }

    /// How long asking for so many orders may take.
    fn by_id_time(&self, orders: usize) -> Duration {
        let ceiling = self.target.plan.system.ceilings.queries_per_s;
        let copies = self.target.copies(true).len().max(1) as f64;
        let slowest = ceiling.map_or(BY_ID_SLOWEST_PER_S, |ceiling| {
            BY_ID_SLOWEST_PER_S.min(ceiling * 0.5 / copies)
        });
        let time = Duration::from_secs_f64(orders as f64 / slowest.max(0.1));
        (self.converge_within + time).min(BY_ID_AT_MOST)
    }

    fn clean(&self, row: Row) -> Row {
        without_secrets(row, self.target.client.secrets())
    }
}

/// What an answer means for the order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum One {
    Open,
    /// Found and done, or not there.
    Done,
    /// Found, and the profile does not tell open from done.
    Unknown,
    Unclear(String),
}

/// Why orders were not asked for; `None` when all were.
fn not_asked(left: usize, without_id: u64) -> Option<String> {
    if left > 0 {
        return Some(format!("out of time with {left} orders not asked for"));
    }
    (without_id > 0)
        .then(|| format!("for {without_id} acknowledged orders the engine told no id to ask for"))
}

fn cannot_write(error: io::Error) -> String {
    format!("the rows cannot be written: {error}")
}
