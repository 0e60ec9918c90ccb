//! Where a gateway other than HTTP is: at the host of each entry.

use shakedown_scenarios::plan::GatewayPlan;

/// URLs for the orders of the load: the entries themselves, or this gateway's port at their hosts.
pub(super) fn beside(gateway: &GatewayPlan, entry: &[String]) -> Vec<String> {
    if gateway.is_at_entry() {
        return entry.to_vec();
    }
    let schemes = [gateway.scheme(), gateway.secure_scheme()];
    let of = |url: &String| at_host(schemes, gateway.port(), url);
    let mut urls: Vec<String> = entry.iter().map(of).collect();
    // Entries of one host are one gateway.
    urls.dedup();
    urls
}

/// URLs of a port at the hosts of the entries.
pub(super) fn at_port(scheme: &str, port: u16, entry: &[String]) -> Vec<String> {
    let of = |url: &String| format!("{scheme}://{}:{port}", host(authority(url)));
    let mut urls: Vec<String> = entry.iter().map(of).collect();
    urls.dedup();
    urls
}

/// URLs of what reports on the orders that enter at these entries, one for each; none where answers say all.
pub(super) fn reporting(gateway: &GatewayPlan, entry: &[String]) -> Vec<String> {
    let Some(reports) = gateway.reports() else {
        return Vec::new();
    };
    let of = |url: &String| at_host(["ws", "wss"], reports.port, url);
    entry.iter().map(of).collect()
}

/// At the host of an entry, by the second scheme where the entry has TLS; without a port of its own, at the entry's.
fn at_host([bare, secure]: [&str; 2], port: Option<u16>, entry: &str) -> String {
    let scheme = match entry.starts_with("https:") {
        true => secure,
        false => bare,
    };
    match port {
        Some(port) => format!("{scheme}://{}:{port}", host(authority(entry))),
        None => format!("{scheme}://{}", authority(entry)),
    }
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
        assert_eq!(beside(&GatewayPlan::Http2, &entry), entry);
        let binary = GatewayPlan::Binary(BinaryGateway {
            port: 7410,
            batch: 1,
        });
        assert_eq!(
            beside(&binary, &entry),
            ["tcp://10.0.0.7:7410", "tcp://[::1]:7410", "tcp://acme:7410"]
        );
        let secure = ["https://acme:8443".to_string()];
        assert_eq!(beside(&binary, &secure), ["tls://acme:7410"]);
    }
}
