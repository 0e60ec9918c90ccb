//! A plan in words, with what depends on this machine.

use shakedown_runner::mechanisms_here;
use shakedown_scenarios::describe;
use shakedown_scenarios::plan::{EnvironmentPlan, Plan};

/// The plan, and by which mechanism its faults on links would be done here. That is no part of the plan itself: equal
/// plans have equal digests on all machines.
pub fn plan_text(plan: &Plan) -> String {
    let mut text = describe(plan);
    if let EnvironmentPlan::Local { .. } = plan.environment {
        for (fault, means) in mechanisms_here(plan) {
            text.push_str(&format!("  {:<12} {fault}: {means}\n", "here by"));
        }
    }
    text
}
