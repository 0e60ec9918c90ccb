//! Reading back trades: those that a trading system keeps itself, to be held against what its venue did, and those that
//! the copies of an engine hold, with both orders of each.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use shakedown_record::event::CopiedTrades;
use shakedown_record::monotonic_ns;
use shakedown_record::readback::Trade;
use shakedown_record::venue::{TradeRow, TradesDone};
use shakedown_scenarios::plan::{CopyTrades, JsonPointer, Request, TradesRead};

use super::ours::Ours;
use super::rows::{elements, scalar_at};
use crate::environment::Replica;
use crate::probes::{Copy, Target};

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
    let list = Pages {
        get: &spec.get,
        rows: &spec.rows,
        next: spec.next.as_ref(),
    };
    let keep = |trade: &[u8]| {
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
        write_line(file, &row)?;
        *count += 1;
        Ok(Ok(()))
    };
    list.each(target, &replica.base_url, keep).await
}

/// Reads the trades of a copy into a file, ours by the clients' ids of their orders.
///
/// # Errors
/// When the file cannot be written; what the copy does not tell is in the result.
pub async fn copy_trades(
    target: &Target,
    spec: &CopyTrades,
    ours: &Ours,
    copy: &Copy,
    path: &Path,
) -> io::Result<CopiedTrades> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut rows = 0;
    let list = Pages {
        get: &spec.get,
        rows: &spec.rows,
        next: spec.next.as_ref(),
    };
    let client = |id: String| ours.client_id(target, &id).unwrap_or(id);
    let secrets = target.client.secrets();
    let keep = |trade: &[u8]| {
        let Some(trade) = copied(trade, spec) else {
            let why = "a trade has not all that the profile says it has";
            return Ok(Err(why.to_string()));
        };
        let texts = [&trade.id, &trade.maker, &trade.taker];
        if texts.iter().any(|text| secrets.appears_in(text)) {
            return Ok(Err("a trade bears a secret".to_string()));
        }
        let (maker, taker) = (client(trade.maker.clone()), client(trade.taker.clone()));
        let row = Trade {
            maker,
            taker,
            ..trade
        };
        write_line(&mut file, &row)?;
        rows += 1;
        Ok(Ok(()))
    };
    let read = list.each(target, &copy.base_url, keep).await?;
    file.flush()?;
    Ok(CopiedTrades {
        rows,
        incomplete: read.err(),
    })
}

fn copied(trade: &[u8], spec: &CopyTrades) -> Option<Trade> {
    Some(Trade {
        id: scalar_at(trade, &spec.id)?,
        maker: scalar_at(trade, &spec.maker)?,
        taker: scalar_at(trade, &spec.taker)?,
        price: scalar_at(trade, &spec.price)?,
        quantity: scalar_at(trade, &spec.quantity)?,
        sequence: match &spec.sequence {
            Some(sequence) => Some(scalar_at(trade, sequence)?),
            None => None,
        },
    })
}

fn write_line(file: &mut impl Write, row: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *file, row)?;
    file.write_all(b"\n")
}

/// A list with a cursor.
struct Pages<'a> {
    get: &'a Request,
    rows: &'a JsonPointer,
    next: Option<&'a JsonPointer>,
}

impl Pages<'_> {
    /// Hands over every element of every page; the inner errors are in words.
    async fn each(
        &self,
        target: &Target,
        base: &str,
        mut keep: impl FnMut(&[u8]) -> io::Result<Result<(), String>>,
    ) -> io::Result<Result<(), String>> {
        let deadline = Instant::now() + READ_WITHIN;
        let (mut cursor, mut cursors, mut count) = (String::new(), HashSet::new(), 0u64);
        loop {
            if Instant::now() >= deadline {
                return Ok(Err(format!("out of time after {count} trades")));
            }
            let body = match target.page(self.get, base, &cursor).await {
                Ok(body) => body,
                Err(why) => return Ok(Err(why)),
            };
            let rows = match elements(&body, self.rows) {
                Ok(rows) => rows,
                Err(why) => return Ok(Err(target.client.clean(&why))),
            };
            for trade in rows {
                if let Err(why) = keep(trade.get().as_bytes())? {
                    return Ok(Err(why));
                }
                count += 1;
            }
            let next = self.next.and_then(|next| scalar_at(&body, next));
            match next.filter(|next| !next.is_empty()) {
                None => return Ok(Ok(())),
                Some(next) if !cursors.insert(next.clone()) => {
                    return Ok(Err("its pages go in a circle".to_string()));
                }
                Some(next) => cursor = next,
            }
        }
    }
}
