//! Stories: why the verdict is what it is, and what became of one order.

use std::collections::BTreeSet;

use serde::Serialize;
use shakedown_record::Verdict;
use shakedown_record::run_dir::RunDir;
use shakedown_record::run_record::OrderExample;
use shakedown_scenarios::plan::Plan;

use crate::analyse::analysis_of;
use crate::analysis::{Analysis, Story};
use crate::data_loss::over;
use crate::error::AnalysisError;
use crate::facts::Facts;
use crate::feed::FeedMeasured;
use crate::input::Input;
use crate::measured::Measured;
use crate::story::{Followers, Teller};
use crate::words::{count, duration_s};

/// A story, in order of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The run, or the order.
    pub subject: String,
    /// The whole story in one sentence.
    pub headline: String,
    pub steps: Vec<Step>,
}

/// One step of a story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Run time in seconds; `None` for what belongs to no moment.
    pub at_s: Option<f64>,
    pub text: String,
}

/// Tells the story of an order (by id, by slot, or by the number at the end of its id), or of the verdict.
///
/// # Errors
/// When the directory does not exist, or the run has no such order.
pub fn explain(
    dir: &RunDir,
    plan: &Plan,
    order: Option<&str>,
) -> Result<Explanation, AnalysisError> {
    let input = Input::read(dir, plan.load.timeout_ns)?;
    match order {
        None => Ok(of_run(&input, plan)),
        Some(order) => of_order(&input, plan, order),
    }
}

fn of_run(input: &Input, plan: &Plan) -> Explanation {
    let analysis = analysis_of(input, plan);
    let mut steps = moments(&input.facts);
    steps.extend(outages(&analysis));
    steps.extend(analysis.platform.iter().map(|moment| Step {
        at_s: Some(moment.at_s),
        text: moment.sentence(),
    }));
    steps.sort_by(|a, b| {
        a.at_s
            .unwrap_or(f64::MAX)
            .total_cmp(&b.at_s.unwrap_or(f64::MAX))
    });
    let record = &analysis.record;
    let timeless = |text: String| Step { at_s: None, text };
    steps.extend(record.checks.iter().map(|check| {
        let (limit, observed) = (&check.limit.text, &check.observed.text);
        let verdict = check.verdict.name();
        timeless(format!(
            "{verdict} {}: limit {limit}, observed {observed}; {}",
            check.id, check.why
        ))
    }));
    let examples = record.data_loss.examples.iter();
    steps.extend(examples.map(|example| {
        timeless(format!(
            "{} {}: {}",
            example.class, example.order, example.story
        ))
    }));
    steps.extend(
        record
            .leftovers
            .details
            .iter()
            .map(|left| timeless(format!("left behind: {left}"))),
    );
    let others = record
        .reasons
        .iter()
        .skip(1)
        .map(|reason| timeless(reason.clone()));
    if record.verdict != Verdict::Pass {
        steps.extend(others);
    }
    let headline = record.reasons.first().map_or("", String::as_str);
    Explanation {
        subject: format!("run {} of {}", record.run.id, record.run.scenario),
        headline: format!("{}: {headline}", record.verdict.name()),
        steps,
    }
}

/// Events that a person wants to see, by time.
fn moments(facts: &Facts) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut add = |mono_ns: Option<u64>, text: String| {
        if let Some(at_s) = facts.at_s(mono_ns) {
            steps.push(Step {
                at_s: Some(at_s),
                text,
            });
        }
    };
    add(facts.steady_mono_ns, "steady state was proven".to_string());
    for firing in &facts.firings {
        let label = firing.firing.label();
        let targets: Vec<String> = firing
            .targets
            .iter()
            .map(|target| match &target.role {
                Some(role) => format!("{}, the {role}", target.name),
                None => target.name.clone(),
            })
            .collect();
        add(
            firing.injected,
            format!("{label}: {} {}", firing.kind, targets.join("; ")),
        );
        if let Some((at, effect)) = &firing.effect {
            let seen = if effect.confirmed {
                "effect seen"
            } else {
                "no effect"
            };
            add(Some(*at), format!("{label}: {seen}: {}", effect.text));
        }
        if !firing.is_kill_switch() {
            add(firing.healing, format!("{label}: healing"));
            add(firing.healed, format!("{label}: healed"));
        }
        add(firing.clean, format!("{label}: clean"));
        add(
            firing.redundancy,
            format!("{label}: all replicas have caught up"),
        );
    }
    steps
}

fn outages(analysis: &Analysis) -> Vec<Step> {
    let tell = |entry: &shakedown_record::run_record::Failover| {
        let of = match &entry.fault {
            Some(fault) => format!("service after {fault}"),
            None => "an outage that no fault explains".to_string(),
        };
        let text = match (entry.recovered_s, entry.censored_at_s) {
            (Some(recovered_s), _) => format!("{of}: good again after {}", duration_s(recovered_s)),
            (None, Some(seen_s)) => format!(
                "{of}: not good again in the {} that were seen",
                duration_s(seen_s)
            ),
            (None, None) => of,
        };
        Step {
            at_s: Some(entry.started_at_s + entry.recovered_s.unwrap_or(0.0)),
            text,
        }
    };
    analysis.record.failover.iter().map(tell).collect()
}

/// The story of the first order of each class of data loss, for those that have a slot.
pub(crate) fn stories(input: &Input, plan: &Plan, measured: &Measured) -> Vec<Story> {
    let over = over(&measured.struck, &measured.recovered);
    let teller = teller(input, plan, measured, &over);
    let mut firsts: Vec<(&OrderExample, u64)> = Vec::new();
    for example in &measured.assessment.data_loss.examples {
        let told = firsts.iter().any(|(it, _)| it.class == example.class);
        firsts.extend(example.slot.filter(|_| !told).map(|slot| (example, slot)));
    }
    let of_books = of_books(measured);
    let slots = firsts.iter().map(|(_, slot)| *slot);
    let slots = slots.chain(of_books.iter().map(|first| first.slot));
    let followers = Followers::of(input, &slots.collect());
    let told = firsts.into_iter().map(|(example, slot)| Story {
        class: example.class.clone(),
        order: example.order.clone(),
        explanation: of_slot(measured, &teller, &followers, slot),
    });
    let of_books = of_books.iter().map(|first| {
        let mut explanation = of_slot(measured, &teller, &followers, first.slot);
        explanation.headline = first.text.to_string();
        explanation
            .steps
            .extend(first.around.iter().map(|line| Step {
                at_s: None,
                text: line.clone(),
            }));
        Story {
            class: first.class.to_string(),
            order: input.order_id(first.slot),
            explanation,
        }
    });
    told.chain(of_books).collect()
}

/// A contradiction or a breach.
struct OfBooks<'a> {
    class: &'static str,
    slot: u64,
    text: &'a str,
    /// The requests around it.
    around: &'a [String],
}

/// The first contradiction and the first breach, where there is an order behind them.
fn of_books(measured: &Measured) -> Vec<OfBooks<'_>> {
    let history = measured.history.iter().flat_map(|it| it.first.first());
    let history = history.map(|first| ("history", first.slot, &first.text, &first.around[..]));
    let broken = measured.invariants.iter().flat_map(|it| it.first.first());
    let broken = broken.map(|first| ("invariants", first.slot, &first.text, &[][..]));
    let ended = measured.disconnects.iter().flat_map(|it| it.first.first());
    let ended = ended.map(|(text, slot)| ("cancel-on-disconnect", *slot, text, &[][..]));
    let exposed = measured.exposed.iter().flat_map(|it| it.first.first());
    let exposed = exposed.map(|(text, slot)| ("exposure", *slot, text, &[][..]));
    let killed = measured.killed.iter().flat_map(|it| it.first.first());
    let killed = killed.map(|(text, slot)| ("kill-switch", *slot, text, &[][..]));
    let terms = measured.terms.iter().flat_map(|it| it.first.first());
    let terms = terms.map(|(text, slot)| ("terms", *slot, text, &[][..]));
    let copied = measured.drop_copy.iter().flat_map(|it| it.first.first());
    let copied = copied.map(|(text, slot)| ("drop-copy", *slot, text, &[][..]));
    let told = measured.feed_book.iter().flat_map(|it| it.first.first());
    let told = told.map(|(text, slot)| ("feed-book", *slot, text, &[][..]));
    let gone = match &measured.feed {
        FeedMeasured::Heard(figures) => figures.phantoms.first.first(),
        FeedMeasured::Unasked | FeedMeasured::Silent(_) => None,
    };
    let gone = gone.map(|(slot, text)| ("feed-phantom", Some(*slot), text, &[][..]));
    let with_slot = ended
        .chain(told)
        .chain(gone)
        .chain(exposed)
        .chain(killed)
        .chain(terms)
        .chain(history)
        .chain(broken)
        .chain(copied)
        .filter_map(|(class, slot, text, around)| {
            Some(OfBooks {
                class,
                slot: slot?,
                text,
                around,
            })
        });
    with_slot.collect()
}

fn teller<'a>(
    input: &'a Input,
    plan: &'a Plan,
    measured: &'a Measured,
    over: &'a [Option<u64>],
) -> Teller<'a> {
    Teller {
        input,
        plan,
        struck: &measured.struck,
        over,
        reads: &measured.assessment.reads,
    }
}

fn of_slot(
    measured: &Measured,
    teller: &Teller<'_>,
    followers: &Followers,
    slot: u64,
) -> Explanation {
    let order = teller.input.order_id(slot);
    Explanation {
        subject: format!("order {order}, slot {}", count(slot)),
        headline: teller.in_short(slot),
        steps: order_steps(measured, teller, followers, slot),
    }
}

fn of_order(input: &Input, plan: &Plan, order: &str) -> Result<Explanation, AnalysisError> {
    let slot = slot_of(input, order).ok_or_else(|| AnalysisError::NoSuchOrder {
        order: order.to_string(),
        example: input.order_id(0),
        scheduled: input.orders.slots_end,
    })?;
    let measured = Measured::of(input, plan);
    let over = over(&measured.struck, &measured.recovered);
    let teller = teller(input, plan, &measured, &over);
    let followers = Followers::of(input, &BTreeSet::from([slot]));
    Ok(of_slot(&measured, &teller, &followers, slot))
}

fn order_steps(
    measured: &Measured,
    teller: &Teller<'_>,
    followers: &Followers,
    slot: u64,
) -> Vec<Step> {
    let input = teller.input;
    let Some(entry) = input.orders.get(slot) else {
        return Vec::new();
    };
    let at = |ns: u64, text: String| Step {
        at_s: Some(ns as f64 / 1e9),
        text,
    };
    let phase = input.phase(&measured.windows, &entry);
    let mut steps = vec![at(
        entry.intended_ns,
        format!("{}; phase {}", teller.what(&entry), phase.name()),
    )];
    if let Some(sent_ns) = entry.sent_ns {
        steps.push(at(sent_ns, "written to the socket".to_string()));
    }
    let ended_ns = entry
        .done_ns
        .unwrap_or(entry.intended_ns + input.orders.timeout_ns);
    steps.push(at(ended_ns, teller.ending(&entry)));
    for firing in &measured.struck {
        let phases = [
            ("struck", Some(firing.injected_ns)),
            ("was clean", firing.clean_ns),
        ];
        for (what, ns) in phases
            .into_iter()
            .filter_map(|(what, ns)| Some((what, ns?)))
        {
            steps.push(at(ns, format!("{} {what}", firing.label)));
        }
    }
    let retries = input.retries.get(&slot).map_or(&[][..], Vec::as_slice);
    steps.extend(
        retries
            .iter()
            .zip(teller.retries(slot))
            .map(|(retry, text)| at(retry.sent_ns, text)),
    );
    let followers = followers.of_order(slot).map(|it| teller.follower(it));
    steps.extend(followers.map(|(ns, text)| at(ns, text)));
    steps.sort_by(|a, b| {
        a.at_s
            .unwrap_or(f64::MAX)
            .total_cmp(&b.at_s.unwrap_or(f64::MAX))
    });
    let found = teller.found_on(slot);
    steps.push(Step {
        at_s: None,
        text: match found.trim_start_matches("; ") {
            "" => "no copy was read back".to_string(),
            found => found.to_string(),
        },
    });
    steps
}

/// The slot that a person means.
fn slot_of(input: &Input, order: &str) -> Option<u64> {
    if let Some(slot) = input.server_ids.slot_of.get(order) {
        return Some(*slot);
    }
    let number = match order.rsplit_once('-') {
        None => order,
        Some((prefix, number)) if prefix == input.facts.prefix() || prefix == "o" => number,
        Some(_) => return None,
    };
    number
        .parse()
        .ok()
        .filter(|slot| *slot < input.orders.slots_end)
}
