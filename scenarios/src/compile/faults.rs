//! Faults, held against the system and the phases.

mod overlaps;
mod servers;
mod slow_links;

use crate::plan::{
    EnvironmentPlan, FaultKind, FaultPlan, Phases, Repeat, Selector, Signal, System,
};
use crate::spec::scalar::Id;
use crate::spec::scenario::{FaultSpec, KindSpec, LossSpec, RepeatSpec, RestartSpec, ScenarioSpec};

use super::cluster::{cluster_kind, ends_by_itself, refuse_far_senders, refuse_in_cluster};
use super::gates::{backup, migrate, refuse_unkept, restore};
use super::hook::hook;
use super::human::time_text;
use super::kill_switch::{killed, refuse_nobody_left};
use super::phases::GOOD_FOR_NS;
use super::resources::{clock_skew, cpu, memory, slow_disk};
use super::selectors::selector;
use super::sheet::{At, Sheet};
use super::triggers::{refuse_circles, trigger};
use super::venue::refuse_at_venue;
use overlaps::refuse_overlaps;
use servers::refuse_at_servers;
use slow_links::{bandwidth, delay};

const DEFAULT_GRACE_NS: u64 = 10_000_000_000;
pub(super) const LONGEST_GRACE_NS: u64 = 600_000_000_000;
pub(super) const LONGEST_HOLD_NS: u64 = 86_400_000_000_000;
const MOST_TIMES: u32 = 1000;

/// What a fault is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) system: &'a System,
    /// Of the profile.
    pub(super) accounts: &'a [String],
    pub(super) environment: Option<&'a EnvironmentPlan>,
    pub(super) phases: &'a Phases,
    pub(super) sheet: &'a Sheet<'a>,
}

/// The faults in the order in which they are written.
pub(super) fn faults(spec: &ScenarioSpec, ground: Ground) -> Vec<FaultPlan> {
    let known = ground.sheet.keys(&At::of(&["faults"]));
    let faults: Vec<FaultPlan> = spec
        .faults
        .iter()
        .filter_map(|(id, fault)| one(id, fault, &known, ground))
        .collect();
    refuse_circles(&faults, ground.sheet);
    refuse_overlaps(&faults, ground.system, ground.sheet);
    refuse_nobody_left(&faults, ground.accounts, ground.sheet);
    refuse_unkept(&faults, spec, ground.sheet);
    faults
}

fn one(id: &Id, spec: &FaultSpec, known: &[String], ground: Ground) -> Option<FaultPlan> {
    let at = At::of(&["faults", &id.0]);
    let kind = kind(&at.to("do"), &spec.kind, (&id.0, known), ground);
    let to = whom(&at, spec, ground);
    let when = trigger(&at.to("when"), &spec.when, &id.0, known, ground);
    refuse_elsewhere(&at.to("do"), spec.kind.name(), kind.as_ref(), ground);
    let kind = kind?;
    if let Some(to) = &to {
        refuse_other_targets(&at.to("to"), &kind, to, ground.sheet);
        refuse_at_venue(&at, &kind, to, ground.system, ground.sheet);
        refuse_at_servers(&at.to("do"), &kind, to, ground);
        if let Some(EnvironmentPlan::Kubernetes(_)) = ground.environment {
            refuse_far_senders(&at.to("to"), &kind, to, ground.sheet);
        }
    }
    let hold_ns = hold(&at, spec, &kind, ground.sheet)?;
    if matches!(kind, FaultKind::KillSwitch { .. }) && spec.repeat.is_some() {
        ground.sheet.refuse_with(
            &at.to("repeat"),
            "a kill switch stays pulled: it cannot be pulled again",
            "take it out",
        );
    }
    let repeat = repeat(
        &at.to("repeat"),
        spec.repeat.as_ref(),
        hold_ns,
        ground.sheet,
    );
    Some(FaultPlan {
        id: id.0.clone(),
        kind,
        to: to?,
        when: when?,
        hold_ns,
        repeat,
    })
}

/// Whom it means.
fn whom(at: &At, spec: &FaultSpec, ground: Ground) -> Option<Selector> {
    match (&spec.to, &spec.kind) {
        (
            None,
            KindSpec::Hook(_)
            | KindSpec::KillSwitch(_)
            | KindSpec::Migrate(_)
            | KindSpec::Backup(_)
            | KindSpec::Restore(_)
            | KindSpec::ApiServerStop(_)
            | KindSpec::Switch(_),
        ) => Some(Selector::System),
        (
            Some(_),
            KindSpec::KillSwitch(_)
            | KindSpec::Migrate(_)
            | KindSpec::Backup(_)
            | KindSpec::Restore(_)
            | KindSpec::ApiServerStop(_)
            | KindSpec::Switch(_),
        ) => {
            ground.sheet.refuse_with(
                &at.to("to"),
                format!(
                    "`{}` is not done to replicas: it has no `to`",
                    spec.kind.name()
                ),
                "take it out",
            );
            None
        }
        (Some(to), _) => selector(&at.to("to"), to, ground),
        (None, _) => {
            ground.sheet.refuse_entry(
                at,
                "`to` is missing: nothing says who is meant",
                "such as to: { role: leader }",
            );
            None
        }
    }
}

/// `named`: the fault's own id, and those of all.
fn kind(at: &At, spec: &KindSpec, named: (&str, &[String]), ground: Ground) -> Option<FaultKind> {
    let sheet = ground.sheet;
    match spec {
        KindSpec::Kill(kill) => Some(FaultKind::Kill {
            signal: kill.signal.unwrap_or(Signal::Kill),
        }),
        KindSpec::Freeze(freeze) => Some(FaultKind::Freeze {
            by: freeze.by.unwrap_or_default(),
        }),
        KindSpec::Restart(restart) => Some(FaultKind::Restart {
            grace_ns: grace(&at.to("restart"), restart, sheet),
        }),
        KindSpec::Stop(stop) => Some(FaultKind::Stop {
            grace_ns: grace(&at.to("stop"), stop, sheet),
        }),
        KindSpec::Disconnect(_) => Some(FaultKind::Disconnect),
        KindSpec::ClockSkew(spec) => clock_skew(&at.to("clock-skew"), spec, sheet),
        KindSpec::SlowDisk(spec) => {
            slow_disk(&at.to("slow-disk").to("sync-by"), spec.sync_by.ns, sheet)
        }
        KindSpec::FailingDisk(spec) => {
            let at = at.to("failing-disk").to("share");
            chance(&at, spec.share.fraction, "100% is no disk at all", sheet)
                .map(|share| FaultKind::FailingDisk { share })
        }
        KindSpec::DiskFull(spec) => Some(FaultKind::DiskFull {
            leave_bytes: spec.leave.map_or(0, |leave| leave.bytes),
        }),
        KindSpec::PowerCut(_) => Some(FaultKind::PowerCut),
        KindSpec::Cpu(spec) => cpu(&at.to("cpu"), spec, sheet),
        KindSpec::Memory(spec) => memory(&at.to("memory").to("limit"), spec.limit.bytes, sheet),
        KindSpec::OutOfMemory(_) => Some(FaultKind::OutOfMemory),
        KindSpec::Partition(spec) => Some(FaultKind::Partition {
            ports: ports(&at.to("partition"), spec.ports.as_deref(), sheet),
        }),
        KindSpec::Reset(spec) => Some(FaultKind::Reset {
            ports: ports(&at.to("reset"), spec.ports.as_deref(), sheet),
        }),
        KindSpec::Loss(spec) => loss(&at.to("loss"), spec, sheet),
        KindSpec::Delay(spec) => delay(&at.to("delay"), spec, sheet),
        KindSpec::Bandwidth(spec) => {
            bandwidth(&at.to("bandwidth").to("rate"), spec.rate.bytes_per_s, sheet)
        }
        KindSpec::HalfOpen(_) => Some(FaultKind::HalfOpen),
        KindSpec::Dns(_) => Some(FaultKind::Dns),
        KindSpec::Hook(spec) => hook(&at.to("hook"), spec, sheet).map(FaultKind::Hook),
        KindSpec::KillSwitch(spec) => killed(&at.to("kill-switch"), spec, ground),
        KindSpec::Migrate(_) => migrate(&at.to("migrate"), ground),
        KindSpec::Backup(_) => backup(&at.to("backup"), ground),
        KindSpec::Restore(spec) => restore(&at.to("restore"), spec, named, ground),
        KindSpec::Delete(_)
        | KindSpec::Evict(_)
        | KindSpec::Cordon(_)
        | KindSpec::Drain(_)
        | KindSpec::Taint(_)
        | KindSpec::NodeStop(_)
        | KindSpec::Reboot(_)
        | KindSpec::KubeletStop(_)
        | KindSpec::RuntimeStop(_)
        | KindSpec::ApiServerStop(_)
        | KindSpec::RollingUpdate(_)
        | KindSpec::Rollback(_)
        | KindSpec::Scale(_)
        | KindSpec::Switch(_) => cluster_kind(at, spec, sheet).map(FaultKind::Cluster),
    }
}

/// What the environment has no means for.
fn refuse_elsewhere(at: &At, name: &str, kind: Option<&FaultKind>, ground: Ground) {
    let Some(kind) = kind else { return };
    let before_start = kind.is_of_disks()
        || matches!(
            kind,
            FaultKind::ClockSkew { .. }
                | FaultKind::Delay { .. }
                | FaultKind::Bandwidth { .. }
                | FaultKind::HalfOpen
        );
    let (message, hint) = match ground.environment {
        _ if matches!(
            kind,
            FaultKind::Hook(_) | FaultKind::KillSwitch { .. } | FaultKind::Operation(_)
        ) =>
        {
            return;
        }
        Some(EnvironmentPlan::Kubernetes(plan)) => {
            return refuse_in_cluster(at, kind, plan, ground.sheet);
        }
        Some(elsewhere) if matches!(kind, FaultKind::Cluster(_)) => (
            format!(
                "`{name}` is done to a Kubernetes cluster, and in the environment `{}` there is none",
                elsewhere.name()
            ),
            "run it with --environment kubernetes",
        ),
        Some(EnvironmentPlan::External(_)) => (
            format!(
                "the environment `external` has no handle on processes: nothing here can {name} one"
            ),
            "let commands of yours do it (do: { hook: … }), or run it with --environment local",
        ),
        Some(EnvironmentPlan::Docker(_)) if before_start => (
            format!(
                "`{name}` is not done to containers: it must be there before the process starts, and Shakedown starts \
                 no container anew"
            ),
            "run it with --environment local",
        ),
        Some(EnvironmentPlan::Local { .. }) if kind.is_of_containers() => (
            format!(
                "`{name}` is done to containers, and in the environment `local` there are none"
            ),
            "kill: { signal: TERM } stops a process, partition: {} cuts it off; or --environment docker",
        ),
        Some(EnvironmentPlan::Docker(_) | EnvironmentPlan::Local { .. }) | None => return,
    };
    ground.sheet.refuse_with(at, message, hint);
}

/// How long an orderly stop may take.
fn grace(at: &At, spec: &RestartSpec, sheet: &Sheet) -> u64 {
    let grace_ns = spec.grace.map_or(DEFAULT_GRACE_NS, |grace| grace.ns);
    if grace_ns > LONGEST_GRACE_NS {
        sheet.refuse_with(
            &at.to("grace"),
            format!("a grace of {} is not sensible", time_text(grace_ns)),
            "at most 10m; 10s is usual",
        );
    }
    grace_ns
}

/// A link is not a replica, and a replica is not a link.
fn refuse_other_targets(at: &At, kind: &FaultKind, to: &Selector, sheet: &Sheet) {
    let is_link = matches!(to, Selector::Link { .. });
    if kind.is_of_links() && !is_link {
        sheet.refuse_with(
            at,
            format!(
                "`{}` is done to a link, and this names replicas",
                kind.name()
            ),
            "such as to: { link: { from: { role: leader }, to: { peers: {} } } }",
        );
    } else if is_link && !kind.is_of_links() && !matches!(kind, FaultKind::Hook(_)) {
        sheet.refuse_with(
            at,
            format!("`{}` is done to replicas, and this is a link", kind.name()),
            "such as to: { role: leader }",
        );
    }
}

fn loss(at: &At, spec: &LossSpec, sheet: &Sheet) -> Option<FaultKind> {
    let whole = "`partition` loses everything";
    let share = chance(&at.to("share"), spec.share.fraction, whole, sheet)?;
    Some(FaultKind::Loss {
        share,
        ports: ports(at, spec.ports.as_deref(), sheet),
    })
}

pub(super) fn chance(at: &At, share: f64, whole: &str, sheet: &Sheet) -> Option<f64> {
    if share > 0.0 && share < 1.0 {
        return Some(share);
    }
    sheet.refuse_with(
        at,
        "this is no matter of chance",
        format!("more than 0% and less than 100%; {whole}"),
    );
    None
}

fn ports(at: &At, spec: Option<&[u16]>, sheet: &Sheet) -> Vec<u16> {
    let Some(ports) = spec else { return Vec::new() };
    if ports.is_empty() || ports.contains(&0) {
        sheet.refuse_with(
            &at.to("ports"),
            "these are no ports",
            "from 1 to 65535; leave it out to mean all packets",
        );
    }
    ports.to_vec()
}

/// How long the fault stays; a restart heals itself.
fn hold(at: &At, spec: &FaultSpec, kind: &FaultKind, sheet: &Sheet) -> Option<u64> {
    match (kind, spec.hold) {
        (FaultKind::Restart { .. } | FaultKind::KillSwitch { .. }, None) => Some(0),
        (FaultKind::Operation(_), None) => Some(0),
        (FaultKind::Operation(operation), Some(_)) => {
            sheet.refuse_with(
                &at.to("for"),
                format!(
                    "a {} is over when it is done: it has no `for`",
                    operation.name()
                ),
                "take it out",
            );
            None
        }
        (FaultKind::KillSwitch { .. }, Some(_)) => {
            sheet.refuse_with(
                &at.to("for"),
                "a kill switch stays pulled: it has no `for`",
                "take it out; whoever runs the engine lets the account in again",
            );
            None
        }
        (kind, None) if ends_by_itself(kind) => Some(0),
        (FaultKind::Restart { .. }, Some(_)) => {
            sheet.refuse_with(
                &at.to("for"),
                "a restart is over when the process runs again: it has no `for`",
                "take it out; how long the stop may take is `grace`",
            );
            None
        }
        (_, None) => {
            sheet.refuse_entry(
                at,
                "`for` is missing: nothing says when it is healed",
                "such as for: 5s",
            );
            None
        }
        (_, Some(hold)) if (1_000_000..=LONGEST_HOLD_NS).contains(&hold.ns) => Some(hold.ns),
        (_, Some(hold)) => {
            sheet.refuse_with(
                &at.to("for"),
                format!("{} is not sensible", time_text(hold.ns)),
                "from 1ms to 1d; 5s is usual",
            );
            None
        }
    }
}

fn repeat(at: &At, spec: Option<&RepeatSpec>, hold_ns: u64, sheet: &Sheet) -> Repeat {
    let Some(spec) = spec else {
        return Repeat {
            times: 1,
            every_ns: 0,
            jitter_ns: 0,
        };
    };
    if !(1..=MOST_TIMES).contains(&spec.times) {
        sheet.refuse_with(
            &at.to("times"),
            format!("{} times is not sensible", spec.times),
            format!("from 1 to {MOST_TIMES}"),
        );
    }
    let shortest_ns = hold_ns.saturating_add(GOOD_FOR_NS);
    if spec.times > 1 && spec.every.ns <= shortest_ns {
        sheet.refuse_with(
            &at.to("every"),
            format!(
                "every {} leaves no time to prove steady state in between",
                time_text(spec.every.ns)
            ),
            format!(
                "more than {}: the fault's own {} and {} of good service",
                time_text(shortest_ns),
                time_text(hold_ns),
                time_text(GOOD_FOR_NS)
            ),
        );
    }
    let jitter_ns = spec.jitter.map_or(0, |jitter| jitter.ns);
    if jitter_ns > LONGEST_HOLD_NS || spec.every.ns > LONGEST_HOLD_NS {
        sheet.refuse_with(at, "this is longer than a day", "20s and 2s are usual");
    }
    Repeat {
        times: spec.times,
        every_ns: spec.every.ns,
        jitter_ns,
    }
}
