//! Reading a copy through a list with a cursor.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::time::Instant;

use shakedown_record::readback::Row;
use shakedown_scenarios::plan::{CopyDepth, CopyTrades, FieldMap, JsonPointer, Request};

use super::ours::{OrderIds, Ours};
use super::rows::{elements, is_open, row, scalar_at};
use crate::probes::Target;

/// So many pages without a row in a row are no progress.
const MOST_EMPTY_PAGES: u32 = 20;

/// How a list is read: the profile's words.
#[derive(Debug, Clone)]
pub struct ListSpec {
    pub get: Request,
    pub rows: JsonPointer,
    pub next: Option<JsonPointer>,
    pub mark: Option<JsonPointer>,
    pub fields: FieldMap,
    pub trades: Option<Box<CopyTrades>>,
    pub depth: Option<Box<CopyDepth>>,
}

/// What a copy said from its first page to its last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dump {
    /// Orders of ours, each as often as the copy has it.
    pub rows: u64,
    /// Orders of others.
    pub foreign: u64,
    /// The lowest watermark that a page stated.
    pub mark: Option<u64>,
    /// Client ids of the sentinels that it has.
    pub sentinels: BTreeSet<String>,
    /// Orders of ours that are open; `None` when the profile does not tell open from done.
    pub open: Option<Vec<OrderIds>>,
}

/// The watermark of a copy, from its first page.
///
/// # Errors
/// In words, when it does not say.
pub async fn watermark(target: &Target, spec: &ListSpec, base: &str) -> Result<u64, String> {
    let mark = spec.mark.as_ref().ok_or("the profile names no watermark")?;
    let body = target.page(&spec.get, base, "").await?;
    let text = scalar_at(&body, mark);
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| format!("no watermark at '{}' in the reply", mark.0))
}

/// Reads all pages of a copy; every order of ours goes to `keep`, under its client id.
///
/// # Errors
/// In words, when not everything could be read: what went to `keep` is then a part of it.
pub async fn dump(
    target: &Target,
    spec: &ListSpec,
    base: &str,
    ours: &Ours,
    deadline: Instant,
    mut keep: impl FnMut(&Row) -> io::Result<()>,
) -> Result<Dump, String> {
    let mut dump = Dump {
        open: Some(Vec::new()),
        ..Dump::default()
    };
    let (mut cursor, mut cursors, mut empty) = (String::new(), HashSet::new(), 0);
    loop {
        if Instant::now() >= deadline {
            return Err(format!(
                "out of time after {} rows",
                dump.rows + dump.foreign
            ));
        }
        let body = target.page(&spec.get, base, &cursor).await?;
        let before = dump.rows + dump.foreign;
        page(target, spec, ours, &body, &mut dump, &mut keep)?;
        let Some(next) = next_cursor(spec, &body) else {
            return Ok(dump);
        };
        if !cursors.insert(next.clone()) {
            let next = target.client.clean(&next);
            return Err(format!(
                "its pages go in a circle: cursor '{next}' came twice"
            ));
        }
        empty = if dump.rows + dump.foreign == before {
            empty + 1
        } else {
            0
        };
        if empty >= MOST_EMPTY_PAGES {
            return Err(format!(
                "{empty} empty pages in a row, each with a next one"
            ));
        }
        cursor = next;
    }
}

/// The next cursor; `None` on the last page, where it is missing, null or empty.
fn next_cursor(spec: &ListSpec, body: &[u8]) -> Option<String> {
    scalar_at(body, spec.next.as_ref()?).filter(|next| !next.is_empty())
}

fn page(
    target: &Target,
    spec: &ListSpec,
    ours: &Ours,
    body: &[u8],
    dump: &mut Dump,
    keep: &mut impl FnMut(&Row) -> io::Result<()>,
) -> Result<(), String> {
    let orders = elements(body, &spec.rows).map_err(|why| target.client.clean(&why))?;
    if let Some(mark) = spec.mark.as_ref().and_then(|mark| scalar_at(body, mark)) {
        let mark = mark.parse().ok();
        dump.mark = match (dump.mark, mark) {
            (Some(known), Some(mark)) => Some(u64::min(known, mark)),
            (known, mark) => known.or(mark),
        };
    }
    for order in orders {
        let mut row = row(order.get().as_bytes(), &spec.fields);
        if row.id.is_empty() {
            return Err("an order in the list has no id where the profile says it is".to_string());
        }
        let Some(client) = ours.client_id(target, &row.id) else {
            dump.foreign += 1;
            continue;
        };
        let engine = std::mem::replace(&mut row.id, client.clone());
        match is_open(&row, &spec.fields) {
            None => dump.open = None,
            Some(false) => {}
            Some(true) => {
                let ids = OrderIds {
                    client: client.clone(),
                    engine,
                };
                dump.open.iter_mut().for_each(|open| open.push(ids.clone()));
            }
        }
        if ours.sentinels.acked().any(|order| order.words.id == client) {
            dump.sentinels.insert(client);
        }
        dump.rows += 1;
        keep(&row).map_err(|error| format!("the rows cannot be written: {error}"))?;
    }
    Ok(())
}
