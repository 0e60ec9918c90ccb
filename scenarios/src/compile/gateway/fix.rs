//! Orders over FIX 4.4.

use crate::plan::{FixDropCopy, FixGateway, FixNumbers, FixTake};
use crate::spec::profile::{FixNumbersSpec, FixSpec};

use crate::compile::sheet::{At, Sheet};

/// Default of `heartbeat`, in seconds.
const HEARTBEAT_S: u64 = 10;

/// Longest time between heartbeats, in seconds.
const LONGEST_HEARTBEAT_S: u64 = 600;

/// What stands for the number of a session.
const SESSION: &str = "{{session}}";

pub(super) fn fix(at: &At, spec: &FixSpec, sheet: &Sheet) -> FixGateway {
    if spec.port == 0 {
        sheet.refuse_with(&at.to("port"), "there is no port 0", "from 1 to 65535");
    }
    let names = spec.sender.replacen(SESSION, "0", 1);
    comp_id(&at.to("sender"), &names, sheet);
    comp_id(&at.to("target"), &spec.target, sheet);
    let drop_copy = spec.drop_copy.as_ref().map(|copy| {
        let at = at.to("drop-copy");
        comp_id(&at.to("sender"), &copy.sender, sheet);
        comp_id(&at.to("target"), &copy.target, sheet);
        if (&copy.sender, &copy.target) == (&spec.sender, &spec.target) {
            sheet.refuse_with(
                &at,
                "the drop copy is a session of its own, and these are the names of another one",
                "give it a sender or a target of its own",
            );
        }
        FixDropCopy {
            sender: copy.sender.clone(),
            target: copy.target.clone(),
        }
    });
    FixGateway {
        port: spec.port,
        sender: spec.sender.clone(),
        target: spec.target.clone(),
        heartbeat_s: heartbeat_s(&at.to("heartbeat"), spec, sheet),
        numbers: match spec.numbers {
            None | Some(FixNumbersSpec::EachEntry) => FixNumbers::EachEntry,
            Some(FixNumbersSpec::AllEntries) => FixNumbers::AllEntries,
            Some(FixNumbersSpec::EachLogon) => FixNumbers::EachLogon,
        },
        take: FixTake {
            server_id: spec.take.server_id,
            sequence: spec.take.sequence,
            served_by: spec.take.served_by,
        },
        drop_copy,
    }
}

fn heartbeat_s(at: &At, spec: &FixSpec, sheet: &Sheet) -> u32 {
    let ns = spec
        .heartbeat
        .map_or(HEARTBEAT_S * 1_000_000_000, |every| every.ns);
    let s = ns / 1_000_000_000;
    if !ns.is_multiple_of(1_000_000_000) || !(1..=LONGEST_HEARTBEAT_S).contains(&s) {
        sheet.refuse_with(
            at,
            "heartbeats come every so many whole seconds",
            format!("from 1s to {LONGEST_HEARTBEAT_S}s"),
        );
    }
    s as u32
}

/// Visible characters only: what is in a CompID stands in every message as it is.
pub(in crate::compile) fn comp_id(at: &At, id: &str, sheet: &Sheet) {
    let is_good = !id.is_empty()
        && id.len() <= 64
        && id
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"{}=".contains(&byte));
    if !is_good {
        sheet.refuse_with(
            at,
            "a CompID has 1 to 64 letters, digits and signs, without spaces, braces and =",
            "such as SHK-{{session}} for the sender, ENGINE for the target",
        );
    }
}
