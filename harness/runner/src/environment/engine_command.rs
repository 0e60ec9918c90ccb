//! The command line of a node of the reference engine.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use shakedown_scenarios::plan::GatewayPlan;

use super::cast::part_of;

/// Where a node is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Among those of its part, from 1.
    pub(super) id: usize,
    pub(super) name: String,
    pub(super) http: SocketAddr,
    pub(super) peer: SocketAddr,
    /// Where the orders of the load go, if that is not HTTP.
    pub(super) gateway: Option<SocketAddr>,
    /// Where market data gets in, if that is not HTTP.
    pub(super) ingest: Option<SocketAddr>,
}

/// The members of a cluster, by name: two addresses for each, HTTP and peer, and one of `gateways` and `ingests` where
/// there are any.
pub(super) fn members(
    names: &[String],
    addresses: &[SocketAddr],
    gateways: &[SocketAddr],
    ingests: &[SocketAddr],
) -> Vec<Member> {
    addresses
        .chunks_exact(2)
        .zip(names)
        .enumerate()
        .map(|(index, (pair, name))| Member {
            id: number(name, &names[..index]),
            name: name.clone(),
            http: pair[0],
            peer: pair[1],
            gateway: gateways.get(index).copied(),
            ingest: ingests.get(index).copied(),
        })
        .collect()
}

/// The number of a member among those of its part, from 1.
fn number(name: &str, before: &[String]) -> usize {
    let of_part = before.iter().filter(|it| part_of(it) == part_of(name));
    of_part.count() + 1
}

/// The arguments that make the binary a node.
pub(super) fn node_arguments(
    own: &Member,
    all: &[Member],
    data: &Path,
    gateway: &GatewayPlan,
    defects: &[String],
) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["engine".into(), "node".into()];
    let mut option = |name: &str, value: OsString| {
        arguments.push(name.into());
        arguments.push(value);
    };
    option("--name", own.name.clone().into());
    option("--id", own.id.to_string().into());
    option("--data", PathBuf::from(data).into());
    option("--http", own.http.to_string().into());
    let gateway_option = match gateway {
        GatewayPlan::Http
        | GatewayPlan::Http2
        | GatewayPlan::PostgreSql(_)
        | GatewayPlan::Redis(_) => None,
        GatewayPlan::Binary(_) => Some("--binary"),
        GatewayPlan::WebSocket(_) | GatewayPlan::Reported(_) => Some("--websocket"),
        GatewayPlan::Fix(_) => Some("--fix"),
    };
    if let (Some(name), Some(address)) = (gateway_option, own.gateway) {
        option(name, address.to_string().into());
    }
    if let Some(address) = own.ingest {
        option("--ingest", address.to_string().into());
    }
    option("--peer-listen", own.peer.to_string().into());
    for member in all {
        let text = format!(
            "{}={},{},{}",
            member.id, member.name, member.http, member.peer
        );
        option("--member", text.into());
    }
    if !defects.is_empty() {
        option("--defect", defects.join(",").into());
    }
    arguments.push("--with-parent".into());
    arguments
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::BinaryGateway;

    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn line(defects: &[String]) -> String {
        line_with(&GatewayPlan::Http, &[], defects)
    }

    fn line_with(gateway: &GatewayPlan, gateways: &[SocketAddr], defects: &[String]) -> String {
        let names = ["engine-1", "engine-2"].map(String::from);
        let all = members(&names, &[1, 2, 3, 4].map(address), gateways, &[]);
        node_arguments(&all[1], &all, Path::new("/d"), gateway, defects)
            .join(&OsString::from(" "))
            .into_string()
            .unwrap()
    }

    #[test]
    fn a_node_is_told_who_it_is_and_who_the_others_are() {
        assert_eq!(
            line(&[]),
            "engine node --name engine-2 --id 2 --data /d --http 127.0.0.1:3 --peer-listen 127.0.0.1:4 \
             --member 1=engine-1,127.0.0.1:1,127.0.0.1:2 --member 2=engine-2,127.0.0.1:3,127.0.0.1:4 --with-parent"
        );
    }

    #[test]
    fn a_node_listens_where_the_orders_of_the_load_go() {
        let gateway = GatewayPlan::Binary(BinaryGateway {
            port: 7410,
            batch: 1,
        });
        let line = line_with(&gateway, &[5, 6].map(address), &[]);
        assert!(
            line.contains(" --http 127.0.0.1:3 --binary 127.0.0.1:6 --peer-listen 127.0.0.1:4 ")
        );
    }

    #[test]
    fn defects_are_one_argument() {
        let defects = ["corrupt-quantity", "slow-failover"].map(String::from);
        assert!(line(&defects).ends_with("--defect corrupt-quantity,slow-failover --with-parent"));
    }
}
