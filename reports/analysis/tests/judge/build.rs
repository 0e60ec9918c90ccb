//! Builds a run directory from a simple model of an engine that is gone for a while.

use std::collections::BTreeMap;

use shakedown_analysis::{Analysis, AnalysisError, analyse};
use shakedown_record::event::*;
use shakedown_record::fault::{Effect, FaultTarget, Firing};
use shakedown_record::ledger::{
    ConnectionEnd, ConnectionWriter, CopiedReport, DROP_COPY_END_FILE, DROP_COPY_FILE, DropCopyEnd,
    Entry, LedgerWriter, OrderKind, PlantedLine, Retry, ServerId, Side, Terms, append_planted,
};
use shakedown_record::readback::{
    DepthOf, ReadKind, Row, RowWriter, Trade, depth_path, rows_path, trades_path,
};
use shakedown_record::run_dir::RunDir;
use shakedown_record::run_record::Check;
use shakedown_record::{Decimal, Outcome, OutcomeCounts, Verdict};
use shakedown_scenarios::plan::Plan;

use crate::plan::plan;

pub const MS: u64 = 1_000_000;
pub const S: u64 = 1_000 * MS;
pub const ZERO: u64 = 77 * S;
pub const PREFIX: &str = "abc123";
pub const RATE: u64 = 500;
pub const SESSIONS: u64 = 8;
pub const TIMEOUT: u64 = S;
/// The fault strikes at no round moment.
pub const STRUCK: u64 = 12 * S + 37 * MS;
pub const END: u64 = 26 * S;

/// How a server is away.
#[derive(Clone, Copy, PartialEq)]
pub enum Away {
    /// Connections are refused.
    Dead,
    /// Requests are taken and answered when it is back.
    Frozen,
}

/// A run that can be spoiled in one place before it is judged.
#[derive(Clone)]
pub struct Run {
    pub plan: Plan,
    pub events: Vec<Stamped>,
    pub entries: Vec<Entry>,
    /// Ends of connections; `None`: nobody wrote them down.
    pub ends: Option<Vec<ConnectionEnd>>,
    pub retries: Vec<Retry>,
    /// What acknowledgements told of the terms of leaders.
    pub terms: Terms,
    pub server_ids: Vec<ServerId>,
    pub rows: BTreeMap<String, Vec<Row>>,
    /// Of every copy; `None`: the profile does not say where they are.
    pub trades: Option<Vec<Trade>>,
    /// How much rests at each price, by each copy's own account; empty: nobody asked.
    pub depths: BTreeMap<String, Vec<DepthOf>>,
    /// What further reads found.
    pub later: Vec<(ReadKind, BTreeMap<String, Vec<Row>>)>,
    /// What every copy tells of trades in these; `None`: nobody asked.
    pub later_trades: Option<Vec<Trade>>,
    /// What the drop copy received, and how it ended.
    pub copied: Option<(Vec<CopiedReport>, DropCopyEnd)>,
    /// Orders beside the load.
    pub planted: Vec<PlantedLine>,
    /// Names of those who answer, as entries count them from 1.
    pub served_by: Vec<&'static str>,
}

pub fn leader_dies() -> Firing {
    Firing {
        fault: "leader-dies".into(),
        occurrence: 0,
    }
}

pub fn order_id(slot: u64) -> String {
    format!("{PREFIX}-{slot}")
}

fn kind(slot: u64) -> OrderKind {
    match slot % 20 {
        7 => OrderKind::Cancel,
        9 => OrderKind::Replace,
        11 => OrderKind::Oversized,
        _ => OrderKind::New,
    }
}

/// One slot against a server that is away from `from` to `to`.
pub fn entry(slot: u64, rate: u64, from: u64, to: u64, away: Away) -> Entry {
    let intended_ns = slot * S / rate;
    let kind = kind(slot);
    let served = match kind {
        OrderKind::Oversized => Outcome::Rejected,
        _ => Outcome::Acked,
    };
    let is_away = |at: u64| from <= at && at < to;
    let (done_ns, outcome, sent) = match away {
        _ if !is_away(intended_ns) && !is_away(intended_ns + MS) => {
            (intended_ns + MS, served, true)
        }
        Away::Dead if is_away(intended_ns) => (intended_ns + MS / 10, Outcome::Refused, false),
        Away::Dead => (from, Outcome::ResetAfterSend, true),
        Away::Frozen if to - intended_ns > TIMEOUT => {
            (intended_ns + TIMEOUT, Outcome::Timeout, true)
        }
        Away::Frozen => (to + MS, served, true),
    };
    Entry {
        intended_ns,
        sent_ns: sent.then_some(intended_ns + 10_000),
        done_ns: Some(done_ns),
        lag_ns: 5_000,
        kind,
        side: if slot.is_multiple_of(2) {
            Side::Buy
        } else {
            Side::Sell
        },
        symbol: 0,
        account: 0,
        session: (slot % SESSIONS) as u16,
        price_ticks: 5_000_000 + (slot % 100) as i64,
        quantity_lots: 1 + (slot % 50) as u32,
        target: match kind {
            OrderKind::Cancel => Some(slot - 5),
            OrderKind::Replace => Some(slot - 8),
            OrderKind::New | OrderKind::Oversized | OrderKind::Request => None,
        },
        sequence: (outcome == Outcome::Acked).then_some(slot),
        served_by: 1,
        outcome: Some(outcome),
    }
}

impl Run {
    /// Dead for half a second, everything else as it should be.
    pub fn healthy() -> Run {
        Run::away(S / 2, Away::Dead)
    }

    /// The server is away for `length` from the moment at which the fault strikes.
    pub fn away(length: u64, away: Away) -> Run {
        let to = STRUCK.saturating_add(length);
        let entries = (0..END * RATE / S)
            .map(|slot| entry(slot, RATE, STRUCK, to, away))
            .collect();
        Run::of(entries)
    }

    pub fn of(entries: Vec<Entry>) -> Run {
        let mut run = Run {
            plan: plan(),
            events: Vec::new(),
            entries,
            ends: None,
            retries: Vec::new(),
            terms: Terms::default(),
            server_ids: Vec::new(),
            rows: BTreeMap::new(),
            trades: None,
            depths: BTreeMap::new(),
            later: Vec::new(),
            later_trades: None,
            copied: None,
            planted: Vec::new(),
            served_by: vec!["engine-1"],
        };
        run.fill_copies();
        run.events = run.story();
        run
    }

    /// Every copy holds every acknowledged order, with the values of its last replace.
    fn fill_copies(&mut self) {
        let mut rows: Vec<Row> = (0..self.entries.len() as u64)
            .filter(|slot| self.entries[*slot as usize].kind.makes_order())
            .filter(|slot| self.entries[*slot as usize].outcome == Some(Outcome::Acked))
            .map(|slot| self.row(slot))
            .collect();
        rows.push(Row {
            id: format!("{PREFIX}-s0"),
            found: true,
            ..Row::default()
        });
        self.rows = (1..=3)
            .map(|n| (format!("engine-{n}"), rows.clone()))
            .collect();
    }

    /// The right row of an order.
    pub fn row(&self, slot: u64) -> Row {
        let entry = &self.entries[slot as usize];
        // Orders are only ever replaced by the slot eight later, see `entry`.
        let replaced = self.entries.get(slot as usize + 8).filter(|later| {
            later.kind == OrderKind::Replace
                && later.target == Some(slot)
                && later.outcome == Some(Outcome::Acked)
        });
        let values = replaced.unwrap_or(entry);
        let (tick, lot): (Decimal, Decimal) = ("0.01".parse().unwrap(), "0.001".parse().unwrap());
        Row {
            id: order_id(slot),
            found: true,
            price: Some(tick.times(values.price_ticks).to_string()),
            quantity: Some(lot.times(i64::from(values.quantity_lots)).to_string()),
            symbol: Some("BTCUSD".into()),
            side: Some(
                if entry.side == Side::Buy {
                    "BUY"
                } else {
                    "SELL"
                }
                .into(),
            ),
            state: Some(
                if self.is_cancelled(slot) {
                    "cancelled"
                } else {
                    "open"
                }
                .into(),
            ),
            ..Row::default()
        }
    }

    /// Orders are only ever cancelled by the slot five later, see `entry`.
    fn is_cancelled(&self, slot: u64) -> bool {
        self.entries.get(slot as usize + 5).is_some_and(|later| {
            later.kind == OrderKind::Cancel
                && later.target == Some(slot)
                && later.outcome == Some(Outcome::Acked)
        })
    }

    /// Rewrites all rows after entries were changed, and the counts in the events.
    pub fn refill(mut self) -> Run {
        self.fill_copies();
        self.events = self.story();
        self
    }

    fn story(&self) -> Vec<Stamped> {
        let firing = leader_dies();
        let mut outcomes = OutcomeCounts::default();
        self.entries
            .iter()
            .for_each(|entry| outcomes.add(entry.settled(), 1));
        let scheduled = self.entries.len() as u64;
        let end_ns = self
            .entries
            .last()
            .map_or(0, |last| last.intended_ns + S / RATE);
        let effect = Effect::seen("pid 11 is gone, its port refuses");
        let target = FaultTarget {
            name: "engine-1".into(),
            role: Some("leader".into()),
            handle: "pid 11".into(),
        };
        let prepared = Event::FaultPrepared {
            firing: firing.clone(),
            kind: "kill".into(),
            targets: vec![target],
            mechanism: "signal".into(),
        };
        let report = GeneratorReport {
            scheduled,
            outcomes,
            send_lag_p99_ns: Some(9_000),
            ..GeneratorReport::default()
        };
        let mut events = vec![
            (0, started()),
            (0, seen(Moment::Before)),
            (
                0,
                Event::LoadStarted {
                    zero_mono_ns: ZERO,
                    sessions: SESSIONS as u32,
                    threads: 1,
                },
            ),
            (6 * S, Event::SteadyReached),
            (STRUCK - MS, prepared),
            (
                STRUCK,
                Event::FaultInjected {
                    firing: firing.clone(),
                },
            ),
            (
                STRUCK + 12 * MS,
                Event::FaultEffect {
                    firing: firing.clone(),
                    effect,
                },
            ),
            (
                STRUCK + 3 * S,
                Event::FaultHealing {
                    firing: firing.clone(),
                },
            ),
            (
                STRUCK + 3 * S + MS,
                Event::FaultHealed {
                    firing: firing.clone(),
                },
            ),
            (
                STRUCK + 4 * S,
                Event::FaultClean {
                    firing: firing.clone(),
                },
            ),
            (STRUCK + 5 * S, Event::RedundancyRestored { firing }),
            (end_ns, Event::LoadStopped { scheduled, end_ns }),
            (end_ns, Event::Generator { report }),
            (
                end_ns,
                Event::Sentinel {
                    acked: true,
                    id: format!("{PREFIX}-s0"),
                    reason: None,
                    read: ReadKind::Converged,
                },
            ),
        ];
        for (replica, rows) in &self.rows {
            events.push((
                end_ns,
                Event::ReadBack(read_done(replica, rows.len() as u64)),
            ));
        }
        events.push((
            end_ns,
            Event::CleanedUp {
                cancelled: 5,
                orders_open: Some(0),
                reason: None,
            },
        ));
        events.push((end_ns, seen(Moment::After)));
        events.push((
            end_ns,
            Event::RunFinished {
                finished_at: "2026-01-01T00:01:00Z".into(),
            },
        ));
        events
            .into_iter()
            .map(|(at, event)| Stamped {
                mono_ns: ZERO + at,
                event,
            })
            .collect()
    }

    /// Drops events.
    pub fn without(mut self, drop: impl Fn(&Event) -> bool) -> Run {
        self.events.retain(|stamped| !drop(&stamped.event));
        self
    }

    /// Changes events in place.
    pub fn with(mut self, change: impl Fn(&mut Event)) -> Run {
        self.events
            .iter_mut()
            .for_each(|stamped| change(&mut stamped.event));
        self
    }

    /// Adds an event at a run time.
    pub fn and(mut self, at_ns: u64, event: Event) -> Run {
        self.events.push(Stamped {
            mono_ns: ZERO + at_ns,
            event,
        });
        self.events.sort_by_key(|stamped| stamped.mono_ns);
        self
    }

    /// Changes the rows of one copy, and the event that counts them.
    pub fn copy(mut self, replica: &str, change: impl Fn(&mut Vec<Row>)) -> Run {
        let rows = self.rows.get_mut(replica).unwrap();
        change(rows);
        let (n, name) = (rows.len() as u64, replica.to_string());
        self.with(|event| {
            if let Event::ReadBack(done) = event
                && done.replica == name
            {
                done.rows = n;
            }
        })
    }

    pub fn every_copy(self, change: impl Fn(&mut Vec<Row>)) -> Run {
        ["engine-1", "engine-2", "engine-3"]
            .into_iter()
            .fold(self, |run, replica| run.copy(replica, &change))
    }

    /// All copies were down and up again, and read with what has become of their rows.
    pub fn outage(mut self, read: ReadKind, change: impl Fn(&mut Vec<Row>)) -> Run {
        self.plan.reads.push(read);
        let id = format!("{PREFIX}-s{}", self.later.len() + 1);
        let sentinel = Row {
            id: id.clone(),
            found: true,
            ..Row::default()
        };
        let before = self.later.last().map_or(&self.rows, |(_, rows)| rows);
        let mut rows = before.clone();
        for rows in rows.values_mut() {
            change(rows);
            rows.push(sentinel.clone());
        }
        let at_ns = END + (self.later.len() as u64 + 1) * S;
        let over = OutageOver {
            read,
            down_after_ns: Some(MS),
            dropped: Vec::new(),
            failed: None,
        };
        let begun = Event::OutageBegun {
            read,
            replicas: rows.keys().cloned().collect(),
        };
        let behind = Event::Sentinel {
            acked: true,
            id,
            reason: None,
            read,
        };
        let mut run = self
            .and(at_ns, begun)
            .and(at_ns + MS, Event::OutageOver(over))
            .and(at_ns + 2 * MS, behind);
        for (replica, rows) in &rows {
            let done = ReadBackDone {
                read,
                ..read_done(replica, rows.len() as u64)
            };
            run = run.and(at_ns + 3 * MS, Event::ReadBack(done));
        }
        run.later.push((read, rows));
        run
    }

    /// While the fault is on, one copy is asked at this run time, and shows what `change` leaves of its rows.
    pub fn degraded(mut self, at_ns: u64, mark: u64, change: impl Fn(&mut Vec<Row>)) -> Run {
        self.plan.reads.insert(0, ReadKind::Degraded);
        let mut rows = self.rows["engine-2"].clone();
        change(&mut rows);
        let during = During {
            firing: leader_dies(),
            from_mono_ns: ZERO + at_ns,
            to_mono_ns: ZERO + at_ns + MS,
        };
        let done = ReadBackDone {
            read: ReadKind::Degraded,
            watermark: Some(mark),
            during: Some(Box::new(during)),
            ..read_done("engine-2", rows.len() as u64)
        };
        let copies = BTreeMap::from([(done.rows_name(), rows)]);
        self.later.push((ReadKind::Degraded, copies));
        self.and(at_ns + MS, Event::ReadBack(done))
    }

    /// Writes everything into a new directory.
    pub fn write(&self) -> (tempfile::TempDir, RunDir) {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::create(&folder.path().join("run")).unwrap();
        let mut events = EventWriter::create(&dir.events()).unwrap();
        self.events
            .iter()
            .for_each(|stamped| events.append(stamped).unwrap());
        let mut ledger = LedgerWriter::new(&dir.ledger());
        for (slot, entry) in self.entries.iter().enumerate() {
            ledger.put(slot as u64, entry).unwrap();
        }
        drop(ledger);
        LedgerWriter::finish(&dir.ledger(), self.entries.len() as u64).unwrap();
        let lines = |values: Vec<String>| {
            values
                .into_iter()
                .map(|line| line + "\n")
                .collect::<String>()
        };
        if let Some(ends) = &self.ends {
            let mut out = ConnectionWriter::open(&dir.ledger(), 0).unwrap();
            ends.iter().for_each(|end| out.add(end));
            out.flush().unwrap();
        }
        append_planted(&dir.ledger(), &self.planted).unwrap();
        let retries = self
            .retries
            .iter()
            .map(|retry| serde_json::to_string(retry).unwrap())
            .collect();
        std::fs::write(dir.ledger().join("retries.jsonl"), lines(retries)).unwrap();
        self.terms.write(&dir.ledger()).unwrap();
        let ids = self
            .server_ids
            .iter()
            .map(|id| serde_json::to_string(id).unwrap())
            .collect();
        std::fs::write(dir.ledger().join("server-ids-0.jsonl"), lines(ids)).unwrap();
        if let Some((reports, end)) = &self.copied {
            let reports = reports.iter().map(|it| serde_json::to_string(it).unwrap());
            let path = dir.ledger().join(DROP_COPY_FILE);
            std::fs::write(path, lines(reports.collect())).unwrap();
            let path = dir.ledger().join(DROP_COPY_END_FILE);
            std::fs::write(path, serde_json::to_vec(end).unwrap()).unwrap();
        }
        let names = serde_json::to_vec(&self.served_by).unwrap();
        std::fs::write(dir.ledger().join("served-by.json"), names).unwrap();
        let mut last: Option<(&String, &Vec<Row>)> = None;
        for (replica, rows) in &self.rows {
            let path = |replica: &str| rows_path(dir.root(), ReadKind::Converged, replica);
            match last {
                Some((twin, same)) if same == rows => {
                    std::fs::copy(path(twin), path(replica)).unwrap();
                }
                _ => {
                    let mut out =
                        RowWriter::create(dir.root(), ReadKind::Converged, replica).unwrap();
                    rows.iter().for_each(|row| out.write(row).unwrap());
                    out.finish().unwrap();
                }
            }
            if let Some(depth) = self.depths.get(replica) {
                let all = depth.iter().map(|it| serde_json::to_string(it).unwrap());
                let path = depth_path(dir.root(), ReadKind::Converged, replica);
                std::fs::write(path, lines(all.collect())).unwrap();
            }
            last = Some((replica, rows));
            if let Some(trades) = &self.trades {
                let all = trades.iter().map(|it| serde_json::to_string(it).unwrap());
                let path = trades_path(dir.root(), ReadKind::Converged, replica);
                std::fs::write(path, lines(all.collect())).unwrap();
            }
        }
        for (read, copies) in &self.later {
            for (replica, rows) in copies {
                let mut out = RowWriter::create(dir.root(), *read, replica).unwrap();
                rows.iter().for_each(|row| out.write(row).unwrap());
                out.finish().unwrap();
                if let Some(trades) = &self.later_trades {
                    let all = trades.iter().map(|it| serde_json::to_string(it).unwrap());
                    let path = trades_path(dir.root(), *read, replica);
                    std::fs::write(path, lines(all.collect())).unwrap();
                }
            }
        }
        (folder, dir)
    }

    pub fn judge(&self) -> Analysis {
        self.try_judge().unwrap()
    }

    pub fn try_judge(&self) -> Result<Analysis, AnalysisError> {
        let (_folder, dir) = self.write();
        analyse(&dir, &self.plan)
    }
}

fn started() -> Event {
    Event::RunStarted {
        run_id: "r1".into(),
        scenario: "leader-kill".into(),
        system: "hive-mind".into(),
        environment: "local".into(),
        seed: 7,
        started_at: "2026-01-01T00:00:00Z".into(),
        operator: None,
        shakedown_version: "0.1.0".into(),
        order_prefix: PREFIX.into(),
        defect: None,
    }
}

fn seen(when: Moment) -> Event {
    let replicas = (1..=3).map(|n| ReplicaSeen {
        name: format!("engine-{n}"),
        reachable: true,
        ready: Some(true),
        role: None,
        version: Some("4.12.0".into()),
    });
    Event::TargetSeen {
        when,
        version: Some("4.12.0".into()),
        image_digests: Vec::new(),
        replicas: replicas.collect(),
    }
}

pub fn read_done(replica: &str, rows: u64) -> ReadBackDone {
    ReadBackDone {
        read: ReadKind::Converged,
        replica: replica.into(),
        complete: true,
        rows,
        watermark: None,
        reason: None,
        by_id: false,
        foreign: Some(0),
        trades: None,
        depth: None,
        during: None,
    }
}

/// The check with an id.
pub fn the<'a>(analysis: &'a Analysis, id: &str) -> &'a Check {
    analysis
        .record
        .checks
        .iter()
        .find(|check| check.id == id)
        .unwrap()
}

/// The ids of the checks that came to a verdict.
pub fn ids(analysis: &Analysis, verdict: Verdict) -> Vec<&str> {
    let of = analysis
        .record
        .checks
        .iter()
        .filter(|check| check.verdict == verdict);
    of.map(|check| check.id.as_str()).collect()
}

/// Seconds within a tolerance in milliseconds.
pub fn near(observed_s: Option<f64>, expected_s: f64, tolerance_ms: f64) {
    let observed_s = observed_s.unwrap_or_else(|| panic!("null instead of {expected_s} s"));
    assert!(
        (observed_s - expected_s).abs() <= tolerance_ms / 1e3,
        "{observed_s} s instead of {expected_s} s"
    );
}
