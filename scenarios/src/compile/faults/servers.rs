//! What cannot be done to somebody else's servers that Shakedown starts.

use crate::plan::{
    EnvironmentPlan, FaultKind as Kind, FreezeBy, LocalStandIn, Part, Selector, Server,
};

use super::Ground;
use crate::compile::sheet::At;

/// Refuses a fault that servers which its target may be cannot have.
pub(super) fn refuse_at_servers(at: &At, kind: &Kind, to: &Selector, ground: Ground) {
    let Some(EnvironmentPlan::Local { stand_in }) = ground.environment else {
        return;
    };
    let refused = servers(to, stand_in, ground).find_map(|server| refusal(kind, server));
    if let Some((message, hint)) = refused {
        ground.sheet.refuse_with(at, message, hint);
    }
}

/// The servers that a selector may mean.
fn servers<'a>(
    to: &'a Selector,
    stand_in: &'a LocalStandIn,
    ground: Ground<'a>,
) -> impl Iterator<Item = Server> + 'a {
    let is_meant = move |part: &&Part| match to {
        Selector::Name(name) => name
            .rsplit_once('-')
            .is_some_and(|(own, _)| own == part.name),
        Selector::Part(name) | Selector::Random { part: name, .. } => *name == part.name,
        Selector::Role(role) => part.roles.iter().any(|known| known.name == *role),
        Selector::Link { .. } | Selector::System | Selector::Placed(_) => false,
    };
    let parts = ground.system.parts.iter().filter(is_meant);
    parts.filter_map(|part| stand_in.server_of(&part.name))
}

/// Why a fault cannot be done to a server, and what can; `None`: it can.
fn refusal(kind: &Kind, server: Server) -> Option<(String, &'static str)> {
    let name = server.name();
    match kind {
        Kind::Freeze {
            by: FreezeBy::Signal,
        } if server.is_several() => Some((
            format!("a server of {name} is several processes, and a signal stops one"),
            "write freeze: { by: cgroup }, which holds all of them",
        )),
        Kind::OutOfMemory if server.is_several() => Some((
            format!("a server of {name} is several processes, and the kernel would choose one"),
            "kill ends all of them, memory limits them together",
        )),
        Kind::ClockSkew { .. } => Some((
            format!("this version does not give servers of {name} another clock"),
            "kill, restart, freeze: { by: cgroup }, a limit, a disk, a fault on links, or a hook",
        )),
        Kind::SlowDisk { .. }
        | Kind::FailingDisk { .. }
        | Kind::DiskFull { .. }
        | Kind::PowerCut
            if server == Server::PgBouncer =>
        {
            Some((
                format!("{name} keeps nothing on disk"),
                "do it to the servers behind it",
            ))
        }
        Kind::SlowDisk { .. }
        | Kind::FailingDisk { .. }
        | Kind::DiskFull { .. }
        | Kind::PowerCut
        | Kind::Freeze { .. }
        | Kind::Cpu { .. }
        | Kind::Memory { .. }
        | Kind::OutOfMemory
        | Kind::Kill { .. }
        | Kind::Restart { .. }
        | Kind::Stop { .. }
        | Kind::Disconnect
        | Kind::CpuStress { .. }
        | Kind::Partition { .. }
        | Kind::Loss { .. }
        | Kind::Reset { .. }
        | Kind::Delay { .. }
        | Kind::Bandwidth { .. }
        | Kind::HalfOpen
        | Kind::Dns
        | Kind::Hook(_)
        | Kind::KillSwitch { .. }
        | Kind::Operation(_)
        | Kind::Cluster(_) => None,
    }
}
