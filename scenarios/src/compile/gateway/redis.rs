//! Redis as the system itself: how its master is found, and the servers that Shakedown starts.

use crate::plan::{
    EnvironmentPlan, LocalStandIn, RedisGateway, RedisSentinels, RedisServers, System,
};
use crate::spec::profile::{ProfileSpec, RedisSentinelsSpec, RedisServersSpec, RedisSpec};

use super::stores::{no_containers, part_of, servers_of, settings};
use crate::compile::sheet::{At, Sheet};
use crate::plan::GatewayPlan;

/// Lines of redis.conf: those that Shakedown sets itself, and how values go.
pub(in crate::compile) const REDIS_LINES: (&[&str], &str) =
    (&OURS, "write it as in redis.conf, without quotes");

const OURS: [&str; 8] = [
    "bind",
    "port",
    "dir",
    "daemonize",
    "protected-mode",
    "replicaof",
    "slaveof",
    "logfile",
];

const SHORTEST_DOWN_NS: u64 = 100_000_000;
const LONGEST_DOWN_NS: u64 = 60_000_000_000;

pub(super) fn redis(spec: &RedisSpec, profile: &ProfileSpec, sheet: &Sheet) -> RedisGateway {
    no_containers(profile, sheet);
    RedisGateway {
        master: spec.master.as_ref().map(|name| name.0.clone()),
    }
}

pub(in crate::compile) fn redis_servers(
    spec: &RedisServersSpec,
    system: &System,
    sheet: &Sheet,
) -> Option<EnvironmentPlan> {
    let at = At::of(&["environments", "local", "stand-in", "redis"]);
    let GatewayPlan::Redis(gateway) = &system.gateway else {
        sheet.refuse_entry(
            &at,
            "the servers speak Redis, and the gateway does not",
            "write gateway: { redis: {} }",
        );
        return None;
    };
    let part = servers_of(
        &at,
        spec.part.as_ref(),
        "a master and its replicas",
        system,
        sheet,
    )?;
    let sentinels = match (&spec.sentinels, &gateway.master) {
        (None, None) => None,
        (Some(spec), Some(master)) => Some(sentinels(
            &at.to("sentinels"),
            spec,
            &part.name,
            master,
            system,
            sheet,
        )?),
        (Some(_), None) => {
            sheet.refuse_entry(
                &at.to("sentinels"),
                "there are sentinels, and the load does not ask them",
                "write gateway: { redis: { master: orders } }",
            );
            return None;
        }
        (None, Some(_)) => {
            sheet.refuse_entry(
                &at,
                "the load asks sentinels who the master is, and there are none",
                "write sentinels: { part: sentinel, quorum: 2, down-after: 2s }, and that part",
            );
            return None;
        }
    };
    Some(EnvironmentPlan::Local {
        stand_in: LocalStandIn::Redis(RedisServers {
            part: part.name.clone(),
            sentinels,
            settings: settings(&at.to("settings"), &spec.settings, REDIS_LINES, sheet),
        }),
    })
}

pub(in crate::compile) fn sentinels(
    at: &At,
    spec: &RedisSentinelsSpec,
    servers: &str,
    master: &str,
    system: &System,
    sheet: &Sheet,
) -> Option<RedisSentinels> {
    let part = part_of(&at.to("part"), Some(&spec.part), system, sheet)?;
    if part.name == servers {
        sheet.refuse_with(
            &at.to("part"),
            "the sentinels are the servers themselves",
            "name another part, such as sentinel",
        );
    }
    if spec.quorum == 0 || spec.quorum > part.replicas {
        sheet.refuse_with(
            &at.to("quorum"),
            format!("{} of {} sentinels", spec.quorum, part.replicas),
            "a majority of them, such as 2 of 3",
        );
    }
    let down_after_ns = spec.down_after.ns;
    if !(SHORTEST_DOWN_NS..=LONGEST_DOWN_NS).contains(&down_after_ns) {
        sheet.refuse_with(
            &at.to("down-after"),
            "a master is found down sooner than it answers, or never",
            "from 100ms to 60s",
        );
    }
    Some(RedisSentinels {
        part: part.name.clone(),
        master: master.to_string(),
        quorum: spec.quorum,
        down_after_ns,
    })
}
