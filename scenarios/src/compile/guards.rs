//! Guards of the profile and of the scenario, held against the system.

use std::collections::BTreeMap;

use crate::calendar::weekday;
use crate::plan::{BlastRadius, Guards, Hours, Protected, System, Window, WindowKind};
use crate::spec::guards::{AllowedSpec, BlastRadiusSpec, GuardsSpec, OutsideSpec, WindowSpec};

use super::human::time_text;
use super::references::instead;
use super::sheet::{At, Sheet};

/// Longest time that is kept clear around a market's hours.
const LONGEST_MARGIN_NS: u64 = 86_400_000_000_000;

/// Both sets of guards as one: every one of them holds.
pub(super) fn guards(
    of_profile: (&GuardsSpec, &Sheet),
    of_scenario: (&GuardsSpec, &Sheet),
    system: &System,
) -> Guards {
    let mut all = Guards::default();
    for (spec, sheet) in [of_profile, of_scenario] {
        protected(spec, sheet, system, &mut all.protected);
        let limit = spec.blast_radius.as_ref();
        all.blast_radius
            .extend(limit.and_then(|limit| blast_radius(limit, sheet)));
        for (id, window) in spec.windows.iter() {
            let at = At::of(&["guards", "windows", &id.0]);
            if all.windows.iter().any(|known| known.id == id.0) {
                sheet.refuse_entry(
                    &at,
                    format!("the profile has a window `{}` too", id.0),
                    "give this one another name: both hold",
                );
                continue;
            }
            let kind = match window {
                WindowSpec::Allowed(hours) => allowed(&at.to("allowed"), hours, sheet),
                WindowSpec::OutsideMarketHours(market) => {
                    outside(&at.to("outside-market-hours"), market, &all, sheet)
                }
            };
            all.windows.extend(kind.map(|kind| Window {
                id: id.0.clone(),
                kind,
            }));
        }
    }
    all
}

fn protected(spec: &GuardsSpec, sheet: &Sheet, system: &System, into: &mut Protected) {
    let at = At::of(&["guards", "protected"]);
    let parts: Vec<String> = system.parts.iter().map(|part| part.name.clone()).collect();
    let replicas: Vec<String> = (system.parts.iter())
        .flat_map(|part| (1..=part.replicas).map(|number| format!("{}-{number}", part.name)))
        .collect();
    let lists = [
        (
            "names",
            &spec.protected.names,
            &replicas,
            "its replicas are",
        ),
        ("parts", &spec.protected.parts, &parts, "its parts are"),
    ];
    for (field, written, known, they_are) in lists {
        for (index, name) in written.iter().enumerate() {
            if !known.contains(&name.0) {
                sheet.refuse_with(
                    &at.to(field).item(index),
                    format!(
                        "`{}` has no `{}`, so nothing is protected",
                        system.name, name.0
                    ),
                    instead(&name.0, known, they_are),
                );
            }
        }
    }
    let add = |names: &mut Vec<String>, written: &[crate::spec::scalar::Id]| {
        for name in written {
            if !names.contains(&name.0) {
                names.push(name.0.clone());
            }
        }
    };
    add(&mut into.names, &spec.protected.names);
    add(&mut into.parts, &spec.protected.parts);
    labels(spec, &mut into.labels);
}

fn labels(spec: &GuardsSpec, into: &mut BTreeMap<String, Vec<String>>) {
    for (key, value) in spec.protected.labels.iter() {
        let values = into.entry(key.0.clone()).or_default();
        if !values.contains(&value.0) {
            values.push(value.0.clone());
        }
    }
}

fn blast_radius(spec: &BlastRadiusSpec, sheet: &Sheet) -> Option<BlastRadius> {
    if spec.count.is_none() && spec.percent.is_none() {
        sheet.refuse_with(
            &At::of(&["guards", "blast-radius"]),
            "neither `count` nor `percent` is given: this limits nothing",
            "such as blast-radius: { count: 1, percent: 34% }",
        );
        return None;
    }
    Some(BlastRadius {
        count: spec.count,
        share: spec.percent.map(|percent| percent.fraction),
    })
}

fn allowed(at: &At, spec: &AllowedSpec, sheet: &Sheet) -> Option<WindowKind> {
    let every: Vec<u8> = (1..=7).collect();
    let days = spec.days.as_ref().map_or(every, |days| {
        let mut numbers: Vec<u8> = days
            .iter()
            .map(|day| weekday(*day).to_monday_one_offset() as u8)
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    });
    if days.is_empty() {
        sheet.refuse_with(
            &at.to("days"),
            "no day is named: this allows nothing",
            "such as [mon, tue, wed, thu, fri]",
        );
        return None;
    }
    if spec.from.minutes == 1440 {
        sheet.refuse_with(
            &at.to("from"),
            "24:00 is the end of a day",
            "write 00:00 and the day after",
        );
        return None;
    }
    Some(WindowKind::Allowed(Hours {
        days,
        from_minutes: spec.from.minutes,
        to_minutes: spec.to.minutes,
        zone: spec.zone.0.iana_name().unwrap_or("UTC").to_string(),
    }))
}

fn outside(at: &At, spec: &OutsideSpec, all: &Guards, sheet: &Sheet) -> Option<WindowKind> {
    let margin_ns = spec.margin.map_or(0, |margin| margin.ns);
    if margin_ns > LONGEST_MARGIN_NS {
        sheet.refuse_with(
            &at.to("margin"),
            format!("{} is longer than a day", time_text(margin_ns)),
            "15m or 1h is usual",
        );
        return None;
    }
    let written = spec.calendar.trim();
    if file_name(written).is_empty() {
        sheet.refuse_with(
            &at.to("calendar"),
            "no calendar is named",
            "such as calendars/my-market.yaml, or the name of a shipped one",
        );
        return None;
    }
    // A run directory keeps its calendars under their file names, so that it can be replayed elsewhere.
    let clash = all.windows.iter().find_map(|known| match &known.kind {
        WindowKind::OutsideMarketHours { calendar, .. }
            if calendar != written && file_name(calendar) == file_name(written) =>
        {
            Some(calendar)
        }
        WindowKind::OutsideMarketHours { .. } | WindowKind::Allowed(_) => None,
    });
    if let Some(other) = clash {
        sheet.refuse_with(
            &at.to("calendar"),
            format!("this and {other} are two calendars with one file name"),
            "give one of the files another name",
        );
        return None;
    }
    Some(WindowKind::OutsideMarketHours {
        calendar: written.to_string(),
        margin_ns,
    })
}

fn file_name(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or_default()
}
