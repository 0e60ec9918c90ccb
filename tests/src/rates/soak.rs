//! The generator for half an hour: its memory must not grow, with a ledger of every order on disk.

use std::path::Path;
use std::sync::mpsc::{Receiver as Inbox, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use shakedown_load::LoadError;
use shakedown_record::Outcome;

use super::receiver::Receiver;
use super::sender::{Asked, Sent, memory_bytes, send};

/// Minutes of the campaign, one row each.
pub const ROWS: usize = 30;

/// Columns of its table. Memory is that of the generator's process, in megabytes: what is its own, and the pages of the
/// ledger's files that are mapped.
pub const COLUMNS: &[&str] = &[
    "minute",
    "asked",
    "own_mb",
    "ledger_pages_mb",
    "not_acknowledged",
    "not_counted",
];

/// Orders a second.
const RATE_PER_S: u64 = 10_000;

/// An answer may take so long: for half an hour no machine is left its cores all the time.
const TIMEOUT_S: u64 = 10;

/// What the process may have in all, in megabytes, pages of the ledger apart.
const LARGEST_MB: f64 = 200.0;

/// What the second half may have more than the first, in megabytes.
const GROWTH_MB: f64 = 1.0;

/// A soak under way.
#[derive(Debug)]
pub struct Soak {
    receiver: Option<Receiver>,
    work: Option<JoinHandle<Result<Sent, LoadError>>>,
    done: Inbox<()>,
    began: Instant,
    _ledger: tempfile::TempDir,
}

impl Soak {
    /// Starts a load of `minutes`, into the sink of `rates`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(rates: &Path, minutes: u64) -> Soak {
        let receiver = Receiver::sink(rates).expect("the sink can be started");
        let ledger = tempfile::tempdir().expect("a folder for the ledger");
        let (path, (say, done)) = (ledger.path().to_path_buf(), channel());
        let asked = Asked {
            port: receiver.port,
            rate_per_s: RATE_PER_S as f64,
            duration_s: minutes * 60,
            sessions: 8,
            threads: 1,
            in_flight: 4096,
            batch: 64,
            timeout_s: TIMEOUT_S,
        };
        let work = thread::spawn(move || {
            let sent = send(asked, &path);
            // Nobody listens any more when the soak was given up.
            let _gone = say.send(());
            sent
        });
        Soak {
            receiver: Some(receiver),
            work: Some(work),
            done,
            began: Instant::now(),
            _ledger: ledger,
        }
    }

    /// The row of a minute, at its end; the last one also says what was not acknowledged, and what the sink did not count.
    ///
    /// # Panics
    /// When the load could not be made.
    pub fn row(&mut self, minute: u64) -> Vec<String> {
        let end = self.began + Duration::from_secs(minute * 60);
        // A little before the last minute's end, while everything is still in use.
        let look = end.checked_sub(Duration::from_millis(500)).unwrap_or(end);
        let ended = self
            .done
            .recv_timeout(look.saturating_duration_since(Instant::now()));
        assert_eq!(
            ended,
            Err(RecvTimeoutError::Timeout),
            "the load ended early"
        );
        let [own, pages] = memory_bytes().expect("a process knows its memory");
        let (asked, missing) = match minute == ROWS as u64 {
            false => (minute * 60 * RATE_PER_S, ["-".to_string(), "-".to_string()]),
            true => self.finish(),
        };
        let mb = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
        let [not_acked, not_counted] = missing;
        vec![
            minute.to_string(),
            asked.to_string(),
            mb(own),
            mb(pages),
            not_acked,
            not_counted,
        ]
    }

    fn finish(&mut self) -> (u64, [String; 2]) {
        let work = self.work.take().expect("it ends once");
        let sent = work
            .join()
            .expect("the load's thread ends")
            .expect("the load can be made");
        let receiver = self.receiver.take().expect("it ends once");
        let counted = receiver.finish().expect("the sink counts");
        let report = &sent.finished.report;
        let acked = report.outcomes.get(Outcome::Acked);
        let missing = [
            report.scheduled.abs_diff(acked),
            report.scheduled.abs_diff(counted),
        ];
        (report.scheduled, missing.map(|count| count.to_string()))
    }
}

/// Memory stayed below its limit and did not grow, a byte an order is more than the ledger took of it, and no order is missing.
///
/// # Errors
/// With what shows otherwise.
pub fn supports(rows: &[Vec<String>]) -> Result<(), String> {
    let read = |row: &Vec<String>, at: usize| -> Result<f64, String> {
        row[at]
            .parse()
            .map_err(|_| format!("{row:?} holds no figure"))
    };
    let mut own_mb = Vec::new();
    for row in rows {
        own_mb.push(read(row, 2)?);
    }
    let (first, second) = own_mb.split_at(rows.len() / 2);
    let most = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    let (before, after) = (most(first), most(second));
    if after > LARGEST_MB || before > LARGEST_MB {
        return Err(format!("{} MB", before.max(after)));
    }
    if after > before + GROWTH_MB {
        return Err(format!("{before} MB at first, {after} MB later"));
    }
    let Some(last) = rows.last() else {
        return Err("no rows".to_string());
    };
    if after * 1e6 > read(last, 1)? {
        return Err(format!("{after} MB for {} orders", last[1]));
    }
    match last[4..] == ["0", "0"] {
        true => Ok(()),
        false => Err(format!("{last:?} misses orders")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(own_mb: impl Fn(usize) -> f64, last: [&str; 2]) -> Vec<Vec<String>> {
        let row = |minute: usize| {
            let missing = if minute == ROWS { last } else { ["-", "-"] };
            let asked = minute as u64 * 60 * RATE_PER_S;
            let mut cells = vec![minute.to_string(), asked.to_string()];
            cells.extend([format!("{:.1}", own_mb(minute)), "64.0".to_string()]);
            cells.extend(missing.map(str::to_string));
            cells
        };
        (1..=ROWS).map(row).collect()
    }

    #[test]
    fn flat_memory_and_no_order_missing_is_what_is_claimed() {
        assert_eq!(supports(&rows(|_| 15.0, ["0", "0"])), Ok(()));
    }

    #[test]
    fn growth_size_and_missing_orders_are_told() {
        let grows = rows(|minute| minute as f64, ["0", "0"]);
        assert_eq!(supports(&grows), Err("15 MB at first, 30 MB later".into()));
        let large = rows(|_| 201.0, ["0", "0"]);
        assert_eq!(supports(&large), Err("201 MB".into()));
        let per_order = rows(|_| 40.0, ["0", "0"]);
        assert!(supports(&per_order).is_err_and(|why| why.contains("for 18000000 orders")));
        for missing in [["1", "0"], ["0", "1"]] {
            assert!(supports(&rows(|_| 15.0, missing)).is_err_and(|why| why.contains("misses")));
        }
    }
}
