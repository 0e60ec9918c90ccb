//! Rules about a new version beside the present one.

use crate::plan::gates::{AnsweredBy, CanaryRule, LatencyRatio};
use crate::plan::{GatewayPlan, RuleKind, System};
use crate::spec::canary::{AnsweredBySpec, CanaryLimit};
use crate::spec::sla::RuleSpec;

use crate::compile::answerable::Refusal;
use crate::compile::sheet::{At, Sheet};

/// Slower than this is not a comparison any more.
const LARGEST_RATIO: f64 = 1000.0;

/// What a rule limits of a restore, and of a new version.
pub(in crate::compile) fn gate_rules(at: &At, spec: &RuleSpec, sheet: &Sheet) -> Vec<RuleKind> {
    let restore = spec.restore_rpo.as_ref().map(|limit| RuleKind::RestoreRpo {
        at_most_ns: limit.at_most.ns,
    });
    let new = spec.canary.as_ref();
    let new = new.map(|limit| RuleKind::Canary(canary(&at.to("canary"), limit, sheet)));
    restore.into_iter().chain(new).collect()
}

/// The rule as planned.
fn canary(at: &At, spec: &CanaryLimit, sheet: &Sheet) -> CanaryRule {
    if spec.latency.is_none() && spec.errors.is_none() {
        sheet.refuse_entry(
            at,
            "nothing is compared",
            "write latency: { quantile: 99%, ratio-at-most: 1.2 } or errors: { more-at-most: 1% }, or both",
        );
    }
    let latency = spec.latency.as_ref().map(|limit| {
        let ratio = limit.ratio_at_most.0.to_string();
        let at_most: f64 = ratio.parse().unwrap_or(f64::NAN);
        if !(at_most > 0.0 && at_most <= LARGEST_RATIO) {
            sheet.refuse_with(
                &at.to("latency").to("ratio-at-most"),
                format!("{ratio} times is not sensible"),
                "above 0, at most 1000; 1.2 is usual",
            );
        }
        LatencyRatio {
            quantile: limit.quantile.fraction,
            at_most,
        }
    });
    let more_errors = spec.errors.as_ref().map(|limit| {
        let more = limit.more_at_most.fraction;
        if more <= 0.0 {
            sheet.refuse_with(
                &at.to("errors").to("more-at-most"),
                "that two shares are the same cannot be shown, however many answers there are",
                "write how much more would do no harm, such as 0.5%",
            );
        }
        more
    });
    CanaryRule {
        of: answered_by(&at.to("of"), &spec.of, sheet),
        against: spec
            .against
            .as_ref()
            .map(|against| answered_by(&at.to("against"), against, sheet)),
        latency,
        more_errors,
        phase: spec.phase,
    }
}

fn answered_by(at: &At, spec: &AnsweredBySpec, sheet: &Sheet) -> AnsweredBy {
    match spec {
        AnsweredBySpec::Names(names) => {
            if names.is_empty() {
                sheet.refuse_with(&at.to("names"), "nobody is named", "such as [engine-3]");
            }
            AnsweredBy::Names(names.iter().map(|name| name.0.clone()).collect())
        }
        AnsweredBySpec::Prefix(prefix) => AnsweredBy::Prefix(prefix.0.clone()),
    }
}

/// Why answers cannot be told apart.
pub(in crate::compile) fn canary_refusal(system: &System) -> Option<Refusal> {
    let said = match &system.gateway {
        GatewayPlan::Http | GatewayPlan::Http2 => system.orders.take.served_by.is_some(),
        GatewayPlan::Reported(way) | GatewayPlan::WebSocket(way) => way.take.served_by.is_some(),
        GatewayPlan::Fix(way) => way.take.served_by.is_some(),
        GatewayPlan::Binary(_) => true,
        GatewayPlan::PostgreSql(_) | GatewayPlan::Redis(_) => false,
    };
    (!said).then(|| {
        (
            "",
            format!("answers of `{}` do not say who gave them", system.name),
            "let the profile take it: take: { served-by: { header: X-Pod } }".to_string(),
        )
    })
}
