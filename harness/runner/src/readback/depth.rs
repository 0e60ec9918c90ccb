//! Reading back how much rests at each price of a copy, by its own account.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use shakedown_load::http::Vars;
use shakedown_record::event::CopiedDepth;
use shakedown_record::readback::{DepthLevel, DepthOf};
use shakedown_scenarios::plan::{CopyDepth, JsonPointer};

use super::rows::{elements, scalar_at};
use crate::probes::{Copy, Target};

/// Reads the depth of every symbol of the load into a file.
///
/// # Errors
/// When the file cannot be written; what the copy does not tell is in the result.
pub async fn copy_depth(
    target: &Target,
    spec: &CopyDepth,
    copy: &Copy,
    path: &Path,
) -> io::Result<CopiedDepth> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut done = CopiedDepth {
        symbols: 0,
        incomplete: None,
    };
    for share in &target.plan.load.symbols {
        match depth_of(target, spec, copy, &share.name).await {
            Ok(depth) => {
                serde_json::to_writer(&mut file, &depth)?;
                file.write_all(b"\n")?;
                done.symbols += 1;
            }
            Err(why) => {
                let why = format!("the depth of {}: {why}", share.name);
                done.incomplete.get_or_insert(target.client.clean(&why));
            }
        }
    }
    file.flush()?;
    Ok(done)
}

async fn depth_of(
    target: &Target,
    spec: &CopyDepth,
    copy: &Copy,
    symbol: &str,
) -> Result<DepthOf, String> {
    let vars = Vars {
        symbol: Some(symbol),
        ..Vars::default()
    };
    let body = target.asked(&spec.get, &copy.base_url, &vars).await?;
    let mark = scalar_at(&body, &spec.mark).and_then(|mark| mark.parse().ok());
    Ok(DepthOf {
        symbol: symbol.to_string(),
        mark: mark.ok_or_else(|| format!("no watermark at '{}' in the reply", spec.mark.0))?,
        bids: levels(target, spec, &body, &spec.bids)?,
        asks: levels(target, spec, &body, &spec.asks)?,
    })
}

fn levels(
    target: &Target,
    spec: &CopyDepth,
    body: &[u8],
    at: &JsonPointer,
) -> Result<Vec<DepthLevel>, String> {
    let level = |entry: &[u8]| {
        Some(DepthLevel {
            price: scalar_at(entry, &spec.price)?,
            quantity: scalar_at(entry, &spec.quantity)?,
            orders: match &spec.orders {
                Some(at) => Some(scalar_at(entry, at)?),
                None => None,
            },
        })
    };
    let secrets = target.client.secrets();
    let is_clean = |level: &DepthLevel| {
        let orders = level.orders.as_deref().unwrap_or_default();
        let texts = [level.price.as_str(), level.quantity.as_str(), orders];
        !texts.iter().any(|text| secrets.appears_in(text))
    };
    let entries = elements(body, at)?.into_iter();
    let levels = entries.map(|entry| level(entry.get().as_bytes()).filter(is_clean));
    let levels: Option<Vec<DepthLevel>> = levels.collect();
    levels.ok_or_else(|| "an entry has not all that the profile says it has".to_string())
}
