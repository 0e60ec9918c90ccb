//! Limits that cannot all hold at the stated rate of failures.

use crate::plan::RuleKind;

use crate::compile::human::{number_text, share_text, time_text};
use crate::compile::rules::Written;

const PERIOD_NS: f64 = 30.0 * 86_400e9;

/// Limits that cannot hold together at the stated rate of failures.
pub(super) fn contradictions(rules: &[Written]) {
    for availability in rules {
        let RuleKind::Availability {
            at_least,
            projected: true,
            failures_per_30d,
        } = availability.rule.kind
        else {
            continue;
        };
        for failover in rules {
            let RuleKind::Failover { at_most_ns } = failover.rule.kind else {
                continue;
            };
            let left = 1.0 - failures_per_30d * at_most_ns as f64 / PERIOD_NS;
            if left + 1e-12 >= at_least {
                continue;
            }
            let allowed_s = (1.0 - at_least) * PERIOD_NS / failures_per_30d / 1e9;
            availability.sheet.refuse_with(
                &availability.kind_at().to("at-least"),
                format!(
                    "{} contradicts `{}`: {} failures of {} in 30 days leave 1 - {} x {} s / 2592000 s = {}",
                    share_text(at_least),
                    failover.rule.id,
                    number_text(failures_per_30d),
                    time_text(at_most_ns),
                    number_text(failures_per_30d),
                    number_text(at_most_ns as f64 / 1e9),
                    share_text(left)
                ),
                format!(
                    "a failover may then take {} s at most",
                    number_text((allowed_s * 1000.0).floor() / 1000.0)
                ),
            );
        }
    }
}
