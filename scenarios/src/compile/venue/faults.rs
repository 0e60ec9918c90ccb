//! What cannot be done to the venue that Shakedown plays, or would mean nothing: said before a run, not found out by it.

use crate::plan::{FaultKind, LinkEnd, Selector, System, VenueSide};

use crate::compile::sheet::{At, Sheet};

/// Refuses a fault at the venue that nothing could come of.
pub(in crate::compile) fn refuse_at_venue(
    at: &At,
    kind: &FaultKind,
    to: &Selector,
    system: &System,
    sheet: &Sheet,
) {
    let (Some(venue), Some(first)) = (&system.venue, system.parts.first()) else {
        return;
    };
    let link = format!(
        "such as to: {{ link: {{ from: {{ part: {} }}, to: {{ part: {} }} }} }}",
        first.name, venue.part
    );
    match (kind, to) {
        (FaultKind::ClockSkew { .. }, to) if is_of(to, venue) => sheet.refuse_with(
            &at.to("do"),
            "times at the venue are measured by its clock: with another one, responses could not be told",
            format!("do it to another part, such as {}", first.name),
        ),
        (
            FaultKind::SlowDisk { .. }
            | FaultKind::FailingDisk { .. }
            | FaultKind::DiskFull { .. }
            | FaultKind::PowerCut,
            to,
        ) if is_of(to, venue) => sheet.refuse_with(
            &at.to("do"),
            "the venue keeps nothing in a data folder: its log is part of the run's evidence",
            format!("do it to another part, such as {}", first.name),
        ),
        (_, Selector::Link { from, to, .. }) if is_of(from, venue) => match to {
            LinkEnd::Clients => sheet.refuse_with(
                &at.to("to"),
                "the load does not speak to the venue: the trading system does",
                link,
            ),
            LinkEnd::Peers => {
                sheet.refuse_with(&at.to("to"), "there is one venue: it has no peers", link);
            }
            LinkEnd::Replicas(_) | LinkEnd::Service(_) => {}
        },
        _ => {}
    }
}

/// True when a selector means the venue and nobody else.
fn is_of(selector: &Selector, venue: &VenueSide) -> bool {
    let is_one_of = |name: &str| {
        let part = name.rsplit_once('-').map(|(part, _)| part);
        part == Some(venue.part.as_str())
    };
    match selector {
        Selector::Name(name) => is_one_of(name),
        Selector::Part(part) | Selector::Random { part, .. } => *part == venue.part,
        Selector::Role(_) | Selector::Link { .. } | Selector::System | Selector::Placed(_) => false,
    }
}
