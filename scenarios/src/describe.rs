//! A plan in words: what `shakedown plan` and `--dry-run` print.

use std::fmt::Write;

use shakedown_record::phase::Phase;

use crate::compile::{rate_text, share_text, time_text};
use crate::deeds::{Hand, deed, healing};
use crate::guards;
use crate::load_words::load_sentence;
use crate::plan::gates::CanaryRule;
use crate::plan::isolation::IsolationRule;
use crate::plan::{
    AbortRule, AlertRule, DataLayout, EnvironmentPlan, FaultPlan, FeedCount, FeedRule, FeedTime,
    LimitEnd, MetricLimit, MetricRule, Plan, PointsRule, ResourceRule, RestartedBy, RetryPolicy,
    Rule, RuleKind, TradeClass, Trigger, VenueRule,
};

/// The plan as a page of text.
pub fn describe(plan: &Plan) -> String {
    let mut text = format!("{}: {}\n", plan.scenario, plan.about);
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<12} {value}");
    };
    line(
        "system",
        format!("{} on {}", plan.system.name, plan.environment.name()),
    );
    line("where", place(plan));
    line("seed", plan.seed.to_string());
    line("load", load_sentence(&plan.load));
    if let Some(peak) = &plan.peak {
        line("peak", peak.origin());
    }
    line("phases", phases(plan));
    for fault in &plan.faults {
        line("fault", fault_sentence(fault, plan));
    }
    for rule in &plan.rules {
        line("rule", rule_sentence(rule));
    }
    for abort in &plan.abort {
        line("abort", abort_sentence(abort));
    }
    line("read back", read_back(plan));
    for guard in guards::sentences(plan) {
        line("guard", guard);
    }
    for note in &plan.notes {
        line("note", note.clone());
    }
    line("digest", plan.digest.clone());
    text
}

fn place(plan: &Plan) -> String {
    match &plan.environment {
        EnvironmentPlan::Local { stand_in } => {
            let replicas: u32 = plan.system.parts.iter().map(|part| part.replicas).sum();
            match stand_in.store() {
                None if stand_in.needs_namespaces() => {
                    format!("{replicas} child processes in namespaces of their own; needs root")
                }
                None => format!("{replicas} child processes on loopback; needs no privilege"),
                Some(store) => format!(
                    "{replicas} of {store} as child processes in namespaces of their own; needs root"
                ),
            }
        }
        EnvironmentPlan::External(endpoints) => format!("orders to {}", endpoints.entry.join(", ")),
        EnvironmentPlan::Docker(docker) => format!(
            "{} that run already; faults on links and limits need root on this machine",
            docker.words()
        ),
        EnvironmentPlan::Kubernetes(cluster) => {
            let by = match &cluster.agent {
                Some(agent) => format!("agents ({}) in {}", agent.image, agent.namespace),
                None => "the API alone: there is no agent".to_string(),
            };
            format!("{} that run already; faults by {by}", cluster.words())
        }
    }
}

fn phases(plan: &Plan) -> String {
    format!(
        "warm-up until steady (at most {}), steady {}, recovery until stable (at most {})",
        time_text(plan.phases.warm_up_at_most_ns),
        time_text(plan.phases.steady_ns),
        time_text(plan.phases.recovery_at_most_ns)
    )
}

/// One sentence on a fault: what, to whom, when, how long, by which mechanism.
pub fn fault_sentence(fault: &FaultPlan, plan: &Plan) -> String {
    let when = match &fault.when {
        Trigger::At { at_ns } => format!("at {}", time_text(*at_ns)),
        Trigger::AfterSteady { by_ns: 0 } => "when the steady phase ends".to_string(),
        Trigger::AfterSteady { by_ns } => format!("{} after the steady phase", time_text(*by_ns)),
        Trigger::AfterFault { fault, by_ns } => format!("{} after {fault}", time_text(*by_ns)),
    };
    let restarted = plan
        .system
        .parts
        .iter()
        .any(|part| part.restarted_by == RestartedBy::Platform);
    let hand = match plan.environment {
        EnvironmentPlan::Docker(_) => Hand::Engine,
        EnvironmentPlan::Kubernetes(_) => Hand::Agent,
        EnvironmentPlan::Local { .. } | EnvironmentPlan::External(_) => Hand::Own,
    };
    let what = deed(&fault.kind, &fault.to, &plan.system.name, hand);
    let hold = match fault.hold_ns {
        0 => String::new(),
        hold_ns => format!("for {} ", time_text(hold_ns)),
    };
    let heal = healing(&fault.kind, restarted, hand);
    let times = match fault.repeat.times {
        0 | 1 => String::new(),
        times => format!(
            ", {times} times, every {}",
            time_text(fault.repeat.every_ns)
        ),
    };
    format!("{}: {what}, {when}, {hold}{heal}{times}", fault.id)
}

/// One sentence on a rule.
pub fn rule_sentence(rule: &Rule) -> String {
    let source = rule.source.as_ref();
    let source = source
        .map(|source| format!(" ({source})"))
        .unwrap_or_default();
    format!("{}: {}{source}", rule.id, limit_words(&rule.kind))
}

fn wall_words(rule: &IsolationRule) -> String {
    let (to, intruder, friend) = (&rule.to, rule.intruder.words(), rule.friend.words());
    format!("a pod with {intruder} never reaches {to}, one with {friend} does")
}

/// Of orders that are good until a time.
fn late(within_ns: u64) -> String {
    let within = time_text(within_ns);
    format!("orders end once, at most {within} after their time")
}

fn limit_words(kind: &RuleKind) -> String {
    let slow = |quantile: f64, clock: &str, at_most_ns: u64, phase: Phase| {
        let (quantile, limit) = (quantile_text(quantile), time_text(at_most_ns));
        format!("P{quantile} {clock} at most {limit} in {}", phase.name())
    };
    let share = |at_most: f64, what: &str, phase: Phase| {
        format!("at most {} {what} in {}", share_text(at_most), phase.name())
    };
    match *kind {
        RuleKind::Metric(ref rule) => metric_words(rule),
        RuleKind::Alert(ref rule) => alert_words(rule),
        RuleKind::Isolation(ref rule) => wall_words(rule),
        RuleKind::Resource(ref rule) => resource_words(rule),
        RuleKind::Latency {
            quantile,
            at_most_ns,
            phase,
        } => slow(quantile, "of response time", at_most_ns, phase),
        RuleKind::EngineLatency {
            quantile,
            at_most_ns,
            phase,
        } => slow(quantile, "by the engine's own clock", at_most_ns, phase),
        RuleKind::Throughput {
            at_least_per_s,
            phase,
        } => {
            let rate = rate_text(at_least_per_s);
            format!("at least {rate} acknowledged in {}", phase.name())
        }
        RuleKind::Failover { at_most_ns } => format!("failover at most {}", time_text(at_most_ns)),
        RuleKind::Availability {
            at_least,
            projected,
            failures_per_30d,
        } => availability_words(at_least, projected.then_some(failures_per_30d)),
        RuleKind::ErrorRate { at_most, phase } => share(at_most, "errors", phase),
        RuleKind::RejectRate { at_most, phase } => share(at_most, "rejected", phase),
        RuleKind::Orders { class, at_most } => format!("at most {at_most} orders {}", class.name()),
        RuleKind::CancelOnDisconnect => "orders end with their connection as agreed".to_string(),
        RuleKind::Exposure => "nobody has more open and filled than the limit".to_string(),
        RuleKind::KillSwitch => "nothing of an account after its kill switch".to_string(),
        RuleKind::Terms => "no leader acknowledges once a later one has".to_string(),
        RuleKind::Linearizable => "one order of all requests explains every answer".to_string(),
        RuleKind::Invariants => "books and trades keep their invariants".to_string(),
        RuleKind::Stops => "stop orders are triggered once, when reached".to_string(),
        RuleKind::Expiry { within_ns } => late(within_ns),
        RuleKind::DropCopy => "the drop copy tells what clients were told".to_string(),
        RuleKind::Peak {
            flow,
            at_least_per_s,
        } => format!("at least {} {}", rate_text(at_least_per_s), flow.words()),
        RuleKind::RestoreRpo { at_most_ns } => format!(
            "a restore takes away no more than {}, and nothing from before its moment",
            time_text(at_most_ns)
        ),
        RuleKind::Canary(ref rule) => canary_words(rule),
        RuleKind::Rpo { at_most_ns } => {
            format!("no lost order older than {}", time_text(at_most_ns))
        }
        RuleKind::Feed(ref rule) => feed_words(rule),
        RuleKind::Venue(ref rule) => venue_words(rule),
        RuleKind::Points(ref rule) => points_words(rule),
    }
}

/// `failures`: it is projected over so many in 30 days.
fn availability_words(at_least: f64, failures: Option<f64>) -> String {
    let at_least = share_text(at_least);
    match failures {
        Some(failures) => {
            format!("availability at least {at_least}, projected at {failures} failures in 30 days")
        }
        None => format!("availability at least {at_least}, over the run"),
    }
}

fn resource_words(rule: &ResourceRule) -> String {
    format!(
        "at most {} of the {} in use at each replica in {}{}",
        share_text(rule.at_most),
        rule.of.name(),
        rule.phase.name(),
        hold_words(rule.for_ns)
    )
}

fn points_words(rule: &PointsRule) -> String {
    match *rule {
        PointsRule::Rate {
            at_least_per_s,
            phase,
        } => {
            let (rate, phase) = (rate_text(at_least_per_s), phase.name());
            format!("at least {rate} points of market data taken in, in {phase}")
        }
        PointsRule::Lost { at_most } => {
            format!("at most {at_most} points of market data not taken in")
        }
    }
}

fn venue_words(rule: &VenueRule) -> String {
    match *rule {
        VenueRule::Response {
            quantile,
            at_most_ns,
            phase,
        } => {
            let (quantile, limit) = (quantile_text(quantile), time_text(at_most_ns));
            format!(
                "P{quantile} from message to order at the venue at most {limit} in {}",
                phase.name()
            )
        }
        VenueRule::Trades { what, at_most } => {
            let what = match what {
                TradeClass::Missing => "fills missing among the trades",
                TradeClass::Phantom => "trades that the venue never made",
                TradeClass::Duplicate => "fills twice among the trades",
                TradeClass::Wrong => "trades that differ from their fill",
            };
            format!("at most {at_most} {what}")
        }
        VenueRule::FillRate { at_least, phase } => {
            let (share, phase) = (share_text(at_least), phase.name());
            format!("at least {share} of the quantity that came to the venue in {phase} is filled")
        }
        VenueRule::Rate {
            of,
            at_least_per_s,
            phase,
        } => {
            let (rate, of) = (rate_text(at_least_per_s), of.name());
            format!("at least {rate} {of} at the venue in {}", phase.name())
        }
        VenueRule::StaleQuotes {
            older_than_ns,
            at_most,
            phase,
        } => format!(
            "at most {at_most} orders stand at the venue for {} after the market has moved, in {}",
            time_text(older_than_ns),
            phase.name()
        ),
    }
}

fn feed_words(rule: &FeedRule) -> String {
    match *rule {
        FeedRule::Count { what, at_most } => {
            let what = match what {
                FeedCount::Gaps => "messages missing in the feed",
                FeedCount::Duplicates => "messages twice in the feed",
                FeedCount::Untold => "acknowledged orders that the feed does not tell of",
                FeedCount::Phantom => "orders that the feed told of, and that are on no copy",
            };
            format!("at most {at_most} {what}")
        }
        FeedRule::Book => "the books that the feed tells are those of every copy".to_string(),
        FeedRule::Time {
            what,
            quantile,
            at_most_ns,
            phase,
        } => {
            let what = match what {
                FeedTime::Freshness => "of the age of the feed's messages",
                FeedTime::Skew => "between acknowledgement and feed",
            };
            let (quantile, limit) = (quantile_text(quantile), time_text(at_most_ns));
            format!("P{quantile} {what} at most {limit} in {}", phase.name())
        }
    }
}

fn alert_words(rule: &AlertRule) -> String {
    let over = match rule.resolved_within_ns {
        None => String::new(),
        Some(over_ns) => format!(", and is over {} after the heal", time_text(over_ns)),
    };
    format!(
        "the alert {} fires at most {} after {}{over}",
        rule.words(),
        time_text(rule.within_ns),
        rule.after
    )
}

fn hold_words(for_ns: u64) -> String {
    match for_ns {
        0 => String::new(),
        for_ns => format!(", broken once it is beyond for {}", time_text(for_ns)),
    }
}

fn metric_words(rule: &MetricRule) -> String {
    let (of, phase) = (rule.of.words(), rule.phase.name());
    let side = |end: LimitEnd| match end {
        LimitEnd::AtMost => "at most",
        LimitEnd::AtLeast => "at least",
    };
    match &rule.limit {
        MetricLimit::Quantile { quantile, at_most } => {
            let quantile = quantile_text(*quantile);
            format!("P{quantile} of {of} at most {at_most} in {phase}, by the system's own metrics")
        }
        MetricLimit::Value { end, limit, for_ns } => {
            let (end, hold) = (side(*end), hold_words(*for_ns));
            format!("{of} {end} {limit} at each replica in {phase}{hold}")
        }
        MetricLimit::Increase { at_most, over_ns } => format!(
            "{of} grows by at most {at_most} over all replicas in any {} of {phase}",
            time_text(*over_ns)
        ),
        MetricLimit::Rate { end, limit_per_s } => {
            let (end, rate) = (side(*end), rate_text(*limit_per_s));
            format!("{of} grows by {end} {rate} over all replicas in {phase}")
        }
        MetricLimit::Ratio { to, end, limit } => {
            let (end, share, to) = (side(*end), share_text(*limit), to.words());
            format!("{of} is {end} {share} of {to} over all replicas in {phase}")
        }
        MetricLimit::Improvement { over, at_least } => {
            let (share, over) = (share_text(*at_least), over.words());
            format!("the mean of {of} is at least {share} below that of {over} in {phase}")
        }
    }
}

fn abort_sentence(abort: &AbortRule) -> String {
    match abort {
        AbortRule::ErrorRate { id, above, for_ns } => {
            format!(
                "{id}: more than {} errors for {}",
                share_text(*above),
                time_text(*for_ns)
            )
        }
    }
}

fn read_back(plan: &Plan) -> String {
    let copies = match &plan.system.data {
        DataLayout::Replicated => "every replica must hold every acknowledged order".to_string(),
        DataLayout::Sharded { by } => format!("the shard's copy must hold it (sharded by {by})"),
        DataLayout::Store { part } if plan.system.copies_are_equal() => {
            format!("every replica of {part} must hold every acknowledged order")
        }
        DataLayout::Store { part } => format!("{part} must hold it"),
        DataLayout::Memory => "the replica that acknowledged must hold it".to_string(),
    };
    let retry = match plan.system.session.retry {
        RetryPolicy::Never => "nothing is sent twice",
        RetryPolicy::SameIdAfterHeal => {
            "unanswered orders are sent again under the same id after the heal"
        }
    };
    let reads: Vec<&str> = plan.reads.iter().map(|read| read.name()).collect();
    if reads.is_empty() {
        "not possible with this profile".to_string()
    } else {
        format!("{}: {copies}; {retry}", reads.join(", "))
    }
}

/// `99.9` for the quantile 0.999.
fn quantile_text(quantile: f64) -> String {
    share_text(quantile).trim_end_matches('%').to_string()
}

fn canary_words(rule: &CanaryRule) -> String {
    let latency = rule.latency.map(|ratio| {
        let quantile = share_text(ratio.quantile);
        format!("{} times the {quantile} latency", ratio.at_most)
    });
    let errors = rule
        .more_errors
        .map(|more| format!("{} more errors", share_text(more)));
    let limits: Vec<String> = latency.into_iter().chain(errors).collect();
    format!(
        "{} in {}, held against {}: at most {}",
        rule.of.words(),
        rule.phase.name(),
        rule.against_words(),
        limits.join(" and ")
    )
}

#[cfg(test)]
mod tests {
    use super::describe;
    use crate::{CompileInput, SourceFile, compile, library};

    #[test]
    fn every_fault_and_rule_of_a_shipped_scenario_has_its_sentence() {
        let source = |name: &str| {
            let shipped = library::find(name).expect("shipped");
            SourceFile {
                name: shipped.path.to_string(),
                text: shipped.text.to_string(),
            }
        };
        let (scenario, profile) = (source("quickstart"), source("reference"));
        let input = CompileInput {
            scenario: (&scenario).into(),
            profile: (&profile).into(),
            overrides: &[],
            environment: None,
            seed: None,
        };
        let plan = compile(&input).expect("compiles").plan;
        let text = describe(&plan);
        for id in plan
            .faults
            .iter()
            .map(|fault| &fault.id)
            .chain(plan.rules.iter().map(|rule| &rule.id))
        {
            assert!(text.contains(&format!("{id}: ")), "{id} in\n{text}");
        }
        assert!(
            text.contains(
                "kill (Kill, by pidfd) the replica that is leader then, when the steady phase ends"
            ),
            "{text}"
        );
    }
}
