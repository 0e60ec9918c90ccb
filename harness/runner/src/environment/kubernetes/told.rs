//! What the platform does, as it stands on the timeline.

use shakedown_record::event::Event;
use shakedown_record::platform::{PlatformChange, PlatformStep};

use crate::mechanisms::kubernetes::transition::Happened;
use crate::mechanisms::kubernetes::{Subject, Transition};

/// The event of a transition; `replica`: which one of ours that pod is.
pub(super) fn event(transition: &Transition, replica: Option<&str>) -> Event {
    let (step, detail) = step(&transition.what);
    Event::PlatformChanged(PlatformChange {
        at_mono_ns: transition.at_mono_ns,
        subject: match &transition.subject {
            Subject::Pod { name, .. } => format!("pod {name}"),
            Subject::Node { name } => format!("node {name}"),
            Subject::Watch => "API server".to_string(),
        },
        replica: replica.map(str::to_string),
        step,
        detail,
        own_time: transition.own_time.map(|time| time.to_string()),
    })
}

fn step(what: &Happened) -> (PlatformStep, Option<String>) {
    match what {
        Happened::Created => (PlatformStep::Created, None),
        Happened::Scheduled { node } => (PlatformStep::Scheduled, Some(format!("on {node}"))),
        Happened::Ready => (PlatformStep::Ready, None),
        Happened::NotReady => (PlatformStep::NotReady, None),
        Happened::ContainerStarted { container, .. } => {
            (PlatformStep::ContainerStarted, Some(container.clone()))
        }
        Happened::ContainerEnded {
            container,
            exit_code,
            reason,
            ..
        } => {
            let detail = format!("{container}: {reason}, exit code {exit_code}");
            (PlatformStep::ContainerEnded, Some(detail))
        }
        Happened::ContainerWaits { container, reason } => {
            let detail = format!("{container}: {reason}");
            (PlatformStep::ContainerWaits, Some(detail))
        }
        Happened::Terminating { grace_s } => {
            let grace = grace_s.map(|grace_s| format!("{grace_s} s of grace"));
            (PlatformStep::Terminating, grace)
        }
        Happened::Deleted => (PlatformStep::Deleted, None),
        Happened::NodeReady => (PlatformStep::NodeReady, None),
        Happened::NodeNotReady { reason, .. } => (PlatformStep::NodeNotReady, Some(reason.clone())),
        Happened::Cordoned => (PlatformStep::Cordoned, None),
        Happened::Uncordoned => (PlatformStep::Uncordoned, None),
        Happened::Tainted(taint) => (PlatformStep::Tainted, Some(taint.to_string())),
        Happened::Untainted(taint) => (PlatformStep::Untainted, Some(taint.to_string())),
        Happened::Rebooted { .. } => (PlatformStep::Rebooted, None),
        Happened::Blind { why, .. } => (PlatformStep::Blind, Some(why.clone())),
        Happened::Sees { .. } => (PlatformStep::Sees, None),
    }
}
