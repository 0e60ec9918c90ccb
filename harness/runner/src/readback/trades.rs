//! Reading back the trades that a trading system keeps itself, to be held against what its venue did.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use shakedown_record::monotonic_ns;
use shakedown_record::venue::{TradeRow, TradesDone};
use shakedown_scenarios::plan::TradesRead;

use super::rows::{elements, scalar_at};
use crate::environment::Replica;
use crate::probes::Target;

/// How long all of them may take.
const READ_WITHIN: Duration = Duration::from_secs(60);

/// Reads the trades of every replica of the first part into a file.
///
/// # Errors
/// When the file cannot be written; what the system does not tell is in the result.
pub async fn read_trades(
    target: &Target,
    spec: &TradesRead,
    path: &Path,
) -> io::Result<TradesDone> {
    let mut file = BufWriter::new(File::create_new(path)?);
    let mut done = TradesDone {
        from_mono_ns: monotonic_ns(),
        ..TradesDone::default()
    };
    for replica in target.engine_replicas() {
        if let Err(why) = pages(target, spec, &replica, &mut file, &mut done.rows).await? {
            done.incomplete
                .get_or_insert(format!("{}: {why}", replica.name));
        }
    }
    file.flush()?;
    Ok(done)
}

/// All pages of a replica; the inner error is in words.
async fn pages(
    target: &Target,
    spec: &TradesRead,
    replica: &Replica,
    file: &mut impl Write,
    count: &mut u64,
) -> io::Result<Result<(), String>> {
    let deadline = Instant::now() + READ_WITHIN;
    let (mut cursor, mut cursors) = (String::new(), HashSet::new());
    loop {
        if Instant::now() >= deadline {
            return Ok(Err(format!("out of time after {count} trades")));
        }
        let body = match target.page(&spec.get, &replica.base_url, &cursor).await {
            Ok(body) => body,
            Err(why) => return Ok(Err(why)),
        };
        let rows = match elements(&body, &spec.rows) {
            Ok(rows) => rows,
            Err(why) => return Ok(Err(target.client.clean(&why))),
        };
        for trade in rows {
            let trade = trade.get().as_bytes();
            let Some(execution) = scalar_at(trade, &spec.execution) else {
                return Ok(Err("a trade does not name its execution".to_string()));
            };
            let value = |at: &Option<_>| at.as_ref().and_then(|at| scalar_at(trade, at));
            let row = TradeRow {
                replica: replica.name.clone(),
                execution,
                price: value(&spec.price),
                quantity: value(&spec.quantity),
            };
            serde_json::to_writer(&mut *file, &row)?;
            file.write_all(b"\n")?;
            *count += 1;
        }
        let next = spec.next.as_ref().and_then(|next| scalar_at(&body, next));
        match next.filter(|next| !next.is_empty()) {
            None => return Ok(Ok(())),
            Some(next) if !cursors.insert(next.clone()) => {
                return Ok(Err("its pages go in a circle".to_string()));
            }
            Some(next) => cursor = next,
        }
    }
}
