//! `shakedown explain`: the story of a run, or of one order.

use shakedown_record::ExitCode;

use crate::files::{compile_saved, find_run};
use crate::output::{Failure, look, print};

/// Explains a verdict or an order.
pub fn explain(run: &str, order: Option<&str>) -> Result<ExitCode, Failure> {
    let dir = find_run(run)?;
    let compiled = compile_saved(&dir)?;
    let explanation =
        shakedown_analysis::explain(&dir, &compiled.plan, order).map_err(Failure::usage)?;
    print(&shakedown_render::render_explanation(&explanation, &look()));
    Ok(ExitCode::Pass)
}
