//! What is done by the API of a cluster or to its nodes: kinds, and whom they mean.

use std::collections::BTreeMap;

use crate::plan::{
    ClusterKind, Direction, EnvironmentPlan, FaultKind, KubernetesPlan, LinkEnd, Placed, Selector,
    TaintEffect,
};
use crate::spec::Entries;
use crate::spec::scalar::Symbol;
use crate::spec::scenario::{DeleteSpec, KindSpec, SwitchSpec, TaintSpec};

use super::faults::{Ground, LONGEST_GRACE_NS};
use super::sheet::{At, Sheet};

const MOST_REPLICAS: u32 = 1_000;
const TAINT_VALUE: &str = "shakedown";

/// The kind; `None` when it is another kind, or has a mistake.
pub(super) fn cluster_kind(at: &At, spec: &KindSpec, sheet: &Sheet) -> Option<ClusterKind> {
    match spec {
        KindSpec::Delete(spec) => delete(&at.to("delete"), spec, sheet),
        KindSpec::Evict(_) => Some(ClusterKind::Evict),
        KindSpec::Cordon(_) => Some(ClusterKind::Cordon),
        KindSpec::Drain(_) => Some(ClusterKind::Drain),
        KindSpec::Taint(spec) => taint(&at.to("taint"), spec, sheet),
        KindSpec::NodeStop(_) => Some(ClusterKind::NodeStop),
        KindSpec::Reboot(_) => Some(ClusterKind::NodeReboot),
        KindSpec::KubeletStop(_) => Some(ClusterKind::KubeletStop),
        KindSpec::RuntimeStop(_) => Some(ClusterKind::RuntimeStop),
        KindSpec::ApiServerStop(_) => Some(ClusterKind::ApiServerStop),
        KindSpec::RollingUpdate(spec) => {
            let image = spec.image.clone();
            if let Some(image) = &image {
                refuse_no_image(&at.to("rolling-update").to("image"), image, sheet);
            }
            Some(ClusterKind::RollingUpdate { image })
        }
        KindSpec::Rollback(_) => Some(ClusterKind::Rollback),
        KindSpec::Scale(spec) => {
            let at = at.to("scale").to("replicas");
            if spec.replicas > MOST_REPLICAS {
                sheet.refuse_with(&at, "so many are not sensible", "1000 at most");
            }
            Some(ClusterKind::Scale {
                replicas: spec.replicas,
            })
        }
        KindSpec::Switch(spec) => switch(&at.to("switch"), spec, sheet),
        KindSpec::Kill(_)
        | KindSpec::Freeze(_)
        | KindSpec::Restart(_)
        | KindSpec::Stop(_)
        | KindSpec::Disconnect(_)
        | KindSpec::Cpu(_)
        | KindSpec::Memory(_)
        | KindSpec::OutOfMemory(_)
        | KindSpec::ClockSkew(_)
        | KindSpec::SlowDisk(_)
        | KindSpec::FailingDisk(_)
        | KindSpec::DiskFull(_)
        | KindSpec::PowerCut(_)
        | KindSpec::Partition(_)
        | KindSpec::Loss(_)
        | KindSpec::Reset(_)
        | KindSpec::Delay(_)
        | KindSpec::Bandwidth(_)
        | KindSpec::HalfOpen(_)
        | KindSpec::Dns(_)
        | KindSpec::Hook(_)
        | KindSpec::KillSwitch(_)
        | KindSpec::Backup(_)
        | KindSpec::Restore(_)
        | KindSpec::Migrate(_) => None,
    }
}

fn delete(at: &At, spec: &DeleteSpec, sheet: &Sheet) -> Option<ClusterKind> {
    let grace_ns = spec.grace.map(|grace| grace.ns);
    if grace_ns.is_some_and(|ns| ns > LONGEST_GRACE_NS || !ns.is_multiple_of(1_000_000_000)) {
        sheet.refuse_with(
            &at.to("grace"),
            "the API takes a grace in whole seconds, and more than 10m is not sensible",
            "such as 2s",
        );
        return None;
    }
    Some(ClusterKind::Delete { grace_ns })
}

fn taint(at: &At, spec: &TaintSpec, sheet: &Sheet) -> Option<ClusterKind> {
    let value = spec.value.as_ref();
    let value = value.map_or(TAINT_VALUE.to_string(), |value| value.0.clone());
    if !is_label_text(&spec.key.0) || !is_label_text(&value) {
        sheet.refuse_with(
            at,
            format!("`{}={value}` is no taint", spec.key.0),
            "key and value have letters, digits, - _ . and /; the effect stands apart: { key: maintenance, effect: no-execute }",
        );
        return None;
    }
    Some(ClusterKind::Taint {
        key: spec.key.0.clone(),
        value,
        effect: spec.effect.unwrap_or(TaintEffect::NoExecute),
    })
}

fn switch(at: &At, spec: &SwitchSpec, sheet: &Sheet) -> Option<ClusterKind> {
    Some(ClusterKind::Switch {
        service: spec.service.0.clone(),
        selector: labels(&at.to("selector"), &spec.selector, sheet)?,
    })
}

/// Labels with their values, at least one.
pub(super) fn labels(
    at: &At,
    entries: &Entries<Symbol, Symbol>,
    sheet: &Sheet,
) -> Option<BTreeMap<String, String>> {
    if entries.is_empty() {
        sheet.refuse_with(at, "no label is named", "such as { deployment: green }");
        return None;
    }
    let mut found = BTreeMap::new();
    for (key, value) in entries.iter() {
        if !is_label_text(&key.0) || !is_label_text(&value.0) {
            sheet.refuse_with(
                &at.to(&key.0),
                format!("`{}: {}` is no label with its value", key.0, value.0),
                "letters, digits, - _ . and / only, such as { app: engine }",
            );
            return None;
        }
        found.insert(key.0.clone(), value.0.clone());
    }
    Some(found)
}

/// What keys and values of labels and taints are made of.
pub(super) fn is_label_text(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}

pub(super) fn refuse_no_image(at: &At, image: &str, sheet: &Sheet) {
    if image.is_empty() || image.contains(char::is_whitespace) {
        sheet.refuse_with(at, "this is no image", "such as registry/engine:2.1");
    }
}

/// Replicas by where they are; only in a cluster.
pub(super) fn placed(at: &At, placed: Placed, ground: Ground) -> Option<Placed> {
    let elsewhere = match ground.environment {
        Some(EnvironmentPlan::Kubernetes(_)) | None => return Some(placed),
        Some(elsewhere) => elsewhere.name(),
    };
    ground.sheet.refuse_with(
        at,
        format!("in the environment `{elsewhere}` there are no pods and nodes to choose by"),
        "role, name, part, random and percent work everywhere; or --environment kubernetes",
    );
    None
}

/// What a kind needs that this profile does not say, or what is not done to pods at all.
pub(super) fn refuse_in_cluster(at: &At, kind: &FaultKind, plan: &KubernetesPlan, sheet: &Sheet) {
    let name = kind.name();
    let missing = |section: &str, hint: &str| {
        sheet.refuse_with(
            at,
            format!("`{name}` needs `environments.kubernetes.{section}` in the profile"),
            hint,
        );
    };
    match kind {
        FaultKind::Cluster(ClusterKind::NodeStop) if plan.nodes.power.is_none() => missing(
            "nodes",
            "say how: nodes: { stop: [cloud, stop, \"{{node}}\"], start: [cloud, start, \"{{node}}\"] }",
        ),
        FaultKind::Cluster(ClusterKind::NodeReboot) if plan.nodes.reboot.is_none() => missing(
            "nodes.reboot",
            "say how: nodes: { reboot: [cloud, reboot, \"{{node}}\"] }",
        ),
        FaultKind::Cluster(ClusterKind::ApiServerStop) if plan.api_server.is_none() => missing(
            "api-server",
            "say how: api-server: { stop: [tool, stop], start: [tool, start] }",
        ),
        FaultKind::Cluster(kind) if !kind.needs_agent() => {}
        FaultKind::Hook(_) | FaultKind::KillSwitch { .. } | FaultKind::Operation(_) => {}
        FaultKind::Restart { .. } => sheet.refuse_with(
            at,
            "a pod is not restarted: it is replaced by another",
            "delete: {}, or rolling-update: {} for one after the other; kill: {} lets its container start again",
        ),
        FaultKind::Stop { .. } | FaultKind::Disconnect => sheet.refuse_with(
            at,
            format!("`{name}` is done to containers of a Docker Engine"),
            "delete: { grace: 10s } stops a pod in order; partition: {} cuts it off",
        ),
        FaultKind::ClockSkew { .. }
        | FaultKind::SlowDisk { .. }
        | FaultKind::FailingDisk { .. }
        | FaultKind::DiskFull { .. }
        | FaultKind::PowerCut
        | FaultKind::HalfOpen => sheet.refuse_with(
            at,
            format!(
                "`{name}` is not done to pods: it must be there before the process starts, and Shakedown starts none"
            ),
            "run it with --environment local",
        ),
        FaultKind::Kill { .. }
        | FaultKind::Freeze { .. }
        | FaultKind::Cpu { .. }
        | FaultKind::CpuStress { .. }
        | FaultKind::Memory { .. }
        | FaultKind::OutOfMemory
        | FaultKind::Partition { .. }
        | FaultKind::Loss { .. }
        | FaultKind::Reset { .. }
        | FaultKind::Delay { .. }
        | FaultKind::Bandwidth { .. }
        | FaultKind::Dns
        | FaultKind::Cluster(_) => {
            if plan.agent.is_none() {
                missing(
                    "agent",
                    "say which image has the Shakedown binary: agent: { image: registry/shakedown:1.0 }; or use delete, \
                     evict, drain, which need no agent",
                );
            }
        }
    }
}

/// Packets are made slow where they are sent, by an agent on the first end's node: what others send is out of its reach.
pub(super) fn refuse_far_senders(at: &At, kind: &FaultKind, to: &Selector, sheet: &Sheet) {
    let (
        FaultKind::Delay { .. } | FaultKind::Bandwidth { .. },
        Selector::Link { to, direction, .. },
    ) = (kind, to)
    else {
        return;
    };
    let hint = match (direction, to) {
        (Direction::Back, LinkEnd::Replicas(_)) => "exchange the ends, and write direction: there",
        (Direction::Back, LinkEnd::Peers | LinkEnd::Clients | LinkEnd::Service(_))
        | (Direction::Both, LinkEnd::Clients | LinkEnd::Service(_)) => "write direction: there",
        (Direction::There, _) | (Direction::Both, LinkEnd::Replicas(_) | LinkEnd::Peers) => return,
    };
    sheet.refuse_with(
        at,
        format!(
            "`{}` acts where packets are sent, and in a cluster that is the first end only",
            kind.name()
        ),
        hint,
    );
}

/// True for what is over by itself: nothing has to say how long it stays.
pub(super) fn ends_by_itself(kind: &FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Cluster(
            ClusterKind::Delete { .. }
                | ClusterKind::Evict
                | ClusterKind::NodeReboot
                | ClusterKind::RollingUpdate { image: None }
        )
    )
}
