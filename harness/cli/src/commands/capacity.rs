//! `shakedown capacity`: run after run at other rates, and the highest at which the SLA holds.

use std::fs;
use std::path::{Path, PathBuf};

use shakedown_analysis::capacity::{Next, Probe, judge, next, point};
use shakedown_record::capacity::{
    CAPACITY_SCHEMA_VERSION, CapacityAsk, CapacityFound, CapacityPoint, CapacityRecord,
};
use shakedown_record::{ExitCode, Verdict};
use shakedown_scenarios::Compiled;
use shakedown_scenarios::capacity::{SearchArguments, at_rate, search, within_reach};

use super::run::{Done, Job, carry_out, new_run_id, no_place};
use crate::args::CapacityArgs;
use crate::files::{compile_changed, compile_scenario, folders_of, runs_folder};
use crate::guarding::Guarding;
use crate::output::{Failure, look, print, say};

/// Exit 0 with an answer to rely on (at least the rate that was asked for), 1 when the SLA holds at no rate or not at that
/// one, 2 when it cannot be told; the exit code of a probe that could not be carried out, or left something behind.
pub fn capacity(args: &CapacityArgs) -> Result<ExitCode, Failure> {
    let base = compile_scenario(&args.scenario)?;
    let typed = SearchArguments {
        from: args.from.as_deref(),
        floor: args.floor.as_deref(),
        ceiling: args.ceiling.as_deref(),
        at_least: args.at_least.as_deref(),
        precision: &args.precision,
        probes: args.probes,
        confirm: args.confirm,
    };
    let ask = asked(args, &base, &typed)?;
    let mut search = Search {
        folders: folders_of(&args.scenario.scenario)?,
        root: make_root(args, &base)?,
        args,
        base: &base,
        ask,
        points: Vec::new(),
        target_version: None,
    };
    let found = loop {
        match next(&ask, &search.probes()) {
            Next::Found(found) => break found,
            Next::Probe(rate_per_s) => {
                if let Some(ended) = search.probe(rate_per_s)? {
                    say(&format!(
                        "The search ends here: a probe ended with exit code {}. What was seen: {}",
                        ended.code(),
                        search.root.display()
                    ));
                    return Ok(ended);
                }
            }
        }
    };
    let record = search.record(&found);
    print(&match args.json {
        true => shakedown_render::render_capacity_json(&record),
        false => shakedown_render::render_capacity_text(&record, &look()),
    });
    say(&format!(
        "Evidence: {}   Report: {}",
        search.root.display(),
        search.root.join("capacity.html").display()
    ));
    Ok(ExitCode::from_code(record.exit_code).unwrap_or(ExitCode::Bug))
}

/// What is searched for, within the rates at which this scenario can be answered.
fn asked(
    args: &CapacityArgs,
    base: &Compiled,
    typed: &SearchArguments,
) -> Result<CapacityAsk, Failure> {
    let ask = search(&base.plan, typed).map_err(Failure::usage)?;
    let compiles = |rate_per_s: f64| {
        let overrides = at_rate(&base.plan, &base.scenario_yaml, rate_per_s);
        let compiled = compile_changed(&args.scenario, &overrides, args.scenario.seed);
        compiled.map(|_| ()).map_err(|failure| failure.message)
    };
    let reach = within_reach(ask, typed, &compiles).map_err(Failure::usage)?;
    reach.notes.iter().for_each(|note| say(note));
    Ok(reach.ask)
}

/// What is known of a search so far, and where it is kept.
struct Search<'a> {
    args: &'a CapacityArgs,
    base: &'a Compiled,
    ask: CapacityAsk,
    folders: Vec<PathBuf>,
    root: PathBuf,
    points: Vec<CapacityPoint>,
    target_version: Option<String>,
}

impl Search<'_> {
    fn probes(&self) -> Vec<Probe> {
        let probe = |point: &CapacityPoint| Probe {
            rate_per_s: point.rate_per_s,
            told: point.told,
        };
        self.points.iter().map(probe).collect()
    }

    /// Runs the scenario at this rate. `Some`: it told nothing of the rate, and there is no sense in more.
    fn probe(&mut self, rate_per_s: f64) -> Result<Option<ExitCode>, Failure> {
        let number = self.points.len() as u64 + 1;
        let overrides = at_rate(&self.base.plan, &self.base.scenario_yaml, rate_per_s);
        // Each run draws anew: two at one rate are two samples.
        let seed = self.base.plan.seed.wrapping_add(number - 1);
        let compiled = compile_changed(&self.args.scenario, &overrides, Some(seed))?;
        let guarding = Guarding::of(&compiled.plan, &self.folders, &self.args.guards)?;
        say(&format!(
            "probe {number} of at most {}: {}",
            self.ask.probes,
            shakedown_analysis::words::rate(rate_per_s)
        ));
        let name = format!("probe-{number:02}-{rate_per_s}");
        let done = carry_out(&Job {
            compiled: &compiled,
            guarding: &guarding,
            defects: &self.args.defect,
            blunted: &[],
            out: Some(&self.root.join(&name)),
            runs: Path::new(""),
            // Whoever agreed to the first has agreed to all.
            yes: self.args.guards.yes || number > 1,
            run_id: None,
        })?;
        self.keep(&done, rate_per_s, &name)?;
        Ok(match done.code {
            ExitCode::Pass | ExitCode::Fail | ExitCode::Inconclusive => None,
            ExitCode::Dirty
            | ExitCode::Usage
            | ExitCode::Unavailable
            | ExitCode::Bug
            | ExitCode::Refused
            | ExitCode::Interrupted => Some(done.code),
        })
    }

    /// After each probe there is a table, whatever becomes of the rest.
    fn keep(&mut self, done: &Done, rate_per_s: f64, name: &str) -> Result<(), Failure> {
        let record = &done.analysis.record;
        self.target_version = record.target.version.clone();
        let point = point(record, rate_per_s, name);
        say(&shakedown_render::capacity_line(&point));
        self.points.push(point);
        let found = match next(
            &CapacityAsk {
                probes: 0,
                ..self.ask
            },
            &self.probes(),
        ) {
            Next::Found(found) => found,
            Next::Probe(_) => return Err(Failure::bug("a search without probes goes on")),
        };
        let record = self.record(&found);
        let files = [
            (
                "capacity.json",
                shakedown_render::render_capacity_json(&record),
            ),
            (
                "capacity.html",
                shakedown_render::render_capacity_html(&record),
            ),
        ];
        for (name, text) in files {
            let path = self.root.join(name);
            fs::write(&path, text)
                .map_err(|error| Failure::bug(format!("{}: {error}", path.display())))?;
        }
        Ok(())
    }

    fn record(&self, found: &CapacityFound) -> CapacityRecord {
        let (verdict, headline) = judge(&self.ask, found);
        let plan = &self.base.plan;
        CapacityRecord {
            schema_version: CAPACITY_SCHEMA_VERSION,
            verdict,
            exit_code: match verdict {
                Verdict::Pass => ExitCode::Pass,
                Verdict::Fail => ExitCode::Fail,
                Verdict::Inconclusive => ExitCode::Inconclusive,
            }
            .code(),
            headline,
            scenario: plan.scenario.clone(),
            system: plan.system.name.clone(),
            environment: plan.environment.name().to_string(),
            target_version: self.target_version.clone(),
            shakedown_version: env!("CARGO_PKG_VERSION").to_string(),
            ask: self.ask,
            found: found.clone(),
            points: self.points.clone(),
        }
    }
}

fn make_root(args: &CapacityArgs, base: &Compiled) -> Result<PathBuf, Failure> {
    let root = args.out.clone().unwrap_or_else(|| {
        let name = format!("{}-capacity", base.plan.scenario);
        runs_folder().join(new_run_id(&name))
    });
    if let Some(parent) = root.parent() {
        fs::create_dir_all(parent).map_err(|error| no_place(&root, &error))?;
    }
    fs::create_dir(&root).map_err(|error| no_place(&root, &error))?;
    Ok(root)
}
