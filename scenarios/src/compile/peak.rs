//! A recorded peak: what its standard asks of it, and the rules that ask for its double.
//!
//! A peak of the wrong window shows nothing of a standard, whatever the run says; it is refused before anything runs. Ages are
//! held against the day only where there is one: a saved run is judged as it was.

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use shakedown_record::run_record::Severity;

use crate::plan::{Arrival, Peak, PeakFlow, ReadBack, Rule, RuleKind, Standard, System};
use crate::spec::scalar::Rate;
use crate::spec::scenario::{MeasuredSpec, PeakSpec, StandardSpec};

use super::human::{counted, rate_text};
use super::rules::Written;
use super::sheet::{At, Sheet};

/// How many times the peak both standards ask for.
pub(super) const TIMES: f64 = 2.0;

/// "The previous six months" ends now. Figures are put together once a month, so that the last one may be missing.
const LATEST_END_DAYS: i32 = 31;

/// The peak as planned; mistakes are noted on the sheet.
pub(super) fn peak(spec: Option<&PeakSpec>, today: Option<Date>, sheet: &Sheet) -> Option<Peak> {
    let spec = spec?;
    let at = At::of(&["peak"]);
    let standard = match spec.standard {
        StandardSpec::Rts6 => Standard::Rts6,
        StandardSpec::Rts7 => Standard::Rts7,
    };
    let messages = at.to("messages");
    refuse_nothing(&messages.to("in"), spec.messages.incoming, sheet);
    refuse_nothing(&messages.to("out"), spec.messages.outgoing, sheet);
    match (spec.trades, standard) {
        (Some(trades), _) => refuse_nothing(&at.to("trades"), trades, sheet),
        (None, Standard::Rts6) => sheet.refuse_entry(
            &at,
            "`trades` is missing: RTS 6 asks for twice the highest volume of trading, too",
            "such as trades: 40/s, in the busiest second",
        ),
        (None, Standard::Rts7) => {}
    }
    if spec.source.trim().is_empty() {
        sheet.refuse_with(
            &at.to("source"),
            "nothing says where the figures are from",
            "such as source: logs of both order gateways",
        );
    }
    window(&at, spec, standard, sheet);
    if let Some(today) = today.filter(|_| !spec.example) {
        ages(&at, spec, standard, today, sheet);
    }
    Some(Peak {
        standard,
        in_per_s: spec.messages.incoming.per_s,
        out_per_s: spec.messages.outgoing.per_s,
        trades_per_s: spec.trades.map(|trades| trades.per_s),
        from: spec.measured.from.0,
        to: spec.measured.to.0,
        source: spec.source.trim().to_string(),
        date: spec.date.0,
        example: spec.example,
    })
}

fn refuse_nothing(at: &At, rate: Rate, sheet: &Sheet) {
    if rate.per_s <= 0.0 {
        sheet.refuse_with(
            at,
            "a peak of 0/s is none",
            "the number in the busiest second, such as 480/s",
        );
    }
}

/// What a standard asks the window to be.
fn asked(standard: Standard) -> (Span, &'static str) {
    match standard {
        Standard::Rts6 => (6.months(), "six months"),
        Standard::Rts7 => (5.years(), "five years"),
    }
}

/// The first day of a window of that length that ends on this day.
fn begin(to: Date, length: Span) -> Date {
    let after = to.tomorrow().unwrap_or(Date::MAX);
    after.checked_sub(length).unwrap_or(Date::MIN)
}

/// The window by itself: in order, and as long as the standard asks.
fn window(at: &At, spec: &PeakSpec, standard: Standard, sheet: &Sheet) {
    let measured = at.to("measured");
    let MeasuredSpec { from, to } = spec.measured;
    if from > to {
        sheet.refuse_with(
            &measured.to("to"),
            format!("the window ends on {}, before it begins", to.0),
            "the first day, then the last",
        );
        return;
    }
    if spec.date < to {
        sheet.refuse_with(
            &at.to("date"),
            format!(
                "the figures are of {}, and their window ends on {} only",
                spec.date.0, to.0
            ),
            "the day on which they were put together",
        );
    }
    let (length, words) = asked(standard);
    let covers_its_life = spec.since.is_some_and(|since| from <= since && since <= to);
    let name = standard.article();
    if from.0 > begin(to.0, length) && !covers_its_life {
        let days = i64::from(from.0.until(to.0).map_or(0, |span| span.get_days())) + 1;
        let other = match standard {
            Standard::Rts7 if from.0 <= begin(to.0, 6.months()) => {
                "; six months are what rts-6 asks for"
            }
            Standard::Rts6 | Standard::Rts7 => "",
        };
        sheet.refuse_with(
            &measured.to("from"),
            format!(
                "a window of {} is too short: {name} asks for the peak of {words}{other}",
                counted(days as u64, "day")
            ),
            format!(
                "begin on {} or before, or say since when the system is in service: since: {}",
                begin(to.0, length),
                from.0
            ),
        );
    }
    if standard == Standard::Rts6 && from.0 <= begin(to.0, 5.years()) {
        sheet.refuse_with(
            &measured.to("from"),
            format!("this is the window of rts-7, five years: {name} asks for the peak of {words}"),
            format!("begin on {}, or write standard: rts-7", begin(to.0, length)),
        );
    }
}

/// The window and its figures, held against the day.
fn ages(at: &At, spec: &PeakSpec, standard: Standard, today: Date, sheet: &Sheet) {
    let to = spec.measured.to.0;
    let dated = [
        (at.to("measured").to("to"), to),
        (at.to("date"), spec.date.0),
    ];
    for (at, day) in dated {
        if day > today {
            sheet.refuse_with(
                &at,
                format!("{day} is still to come: nothing was measured then"),
                format!("today is {today}"),
            );
        }
    }
    let oldest = today
        .checked_sub(LATEST_END_DAYS.days())
        .unwrap_or(Date::MIN);
    if to < oldest {
        let (_, words) = asked(standard);
        sheet.refuse_with(
            &at.to("measured").to("to"),
            format!(
                "this peak is too old: {} asks for the previous {words}, and the window ended on {to}",
                standard.article()
            ),
            format!("measure again, up to {oldest} or later"),
        );
    }
}

/// What the load and the profile must be for the double to be shown.
pub(super) fn refuse_unshown(peak: &Peak, arrival: &Arrival, system: &System, sheet: &Sheet) {
    let at = At::of(&["peak"]);
    let offered = arrival.rate_per_s();
    let owed_out = TIMES * peak.out_per_s;
    if owed_out > offered {
        sheet.refuse_with(
            &at.to("messages").to("out"),
            format!(
                "clients see one answer for each message: of {} offered, {} cannot be seen to go out",
                rate_text(offered),
                rate_text(owed_out)
            ),
            "let twice as many be offered as must go out: arrival: { doubled-peak: { of: larger } }",
        );
    }
    let states = match &system.read_back {
        Some(ReadBack::List { fields, .. } | ReadBack::ById { fields, .. }) => {
            &fields.filled_states[..]
        }
        None => &[],
    };
    if peak.trades_per_s.is_some() && states.is_empty() {
        sheet.refuse_with(
            &at.to("trades"),
            format!(
                "trades cannot be seen with the profile of `{}`: nothing says which orders are filled",
                system.name
            ),
            "write into its read-back the states that mean so: filled: [FILLED]",
        );
    }
}

/// A rule for each flow, which nobody has to write.
pub(super) fn implied_by_peak(peak: &Peak) -> Vec<Rule> {
    let rule = |(flow, per_s): (PeakFlow, f64)| Rule {
        id: flow.rule_id().to_string(),
        kind: RuleKind::Peak {
            flow,
            at_least_per_s: TIMES * per_s,
        },
        severity: Severity::Critical,
        source: Some(peak.origin()),
    };
    peak.flows().into_iter().map(rule).collect()
}

/// The ids of these rules may not be used for anything else.
pub(super) fn refuse_peak_ids(written: &[Written], implied: &[Rule]) {
    for rule in implied {
        if let Some(taken) = written.iter().find(|known| known.rule.id == rule.id) {
            taken.sheet.refuse_entry(
                &taken.at,
                format!(
                    "the id `{}` belongs to the rule that `peak` implies",
                    rule.id
                ),
                "choose another id",
            );
        }
    }
}
