//! Where a gateway other than HTTP is: at the host of each entry.

use shakedown_scenarios::plan::GatewayPlan;

/// URLs for the orders of the load: the entries themselves, or this gateway's port at their hosts.
pub(super) fn beside(gateway: &GatewayPlan, entry: &[String]) -> Vec<String> {
    if gateway.is_http() {
        return entry.to_vec();
    }
    let scheme = gateway.scheme();
    let of = |url: &String| match gateway.port() {
        Some(port) => format!("{scheme}://{}:{port}", host(authority(url))),
        None => format!("{scheme}://{}", authority(url)),
    };
    let mut urls: Vec<String> = entry.iter().map(of).collect();
    // Entries of one host are one gateway.
    urls.dedup();
    urls
}

/// Host and port of a base URL.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// The host alone, an IPv6 address in its brackets.
fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::BinaryGateway;

    use super::*;

    #[test]
    fn a_gateway_is_at_the_hosts_of_the_entries() {
        let entry = [
            "http://10.0.0.7:8080",
            "http://[::1]:8080",
            "http://acme/api",
            "http://acme:1",
        ];
        let entry = entry.map(String::from);
        assert_eq!(beside(&GatewayPlan::Http, &entry), entry);
        let binary = GatewayPlan::Binary(BinaryGateway {
            port: 7410,
            batch: 1,
        });
        assert_eq!(
            beside(&binary, &entry),
            ["tcp://10.0.0.7:7410", "tcp://[::1]:7410", "tcp://acme:7410"]
        );
    }
}
