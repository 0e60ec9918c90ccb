//! Where a member can be reached: a host, by name or by address, and a port.
//!
//! A name is looked up at every dial and never before: a pod that comes back has another address, and the names of
//! pods that do not run yet lead nowhere.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use tokio::net::TcpStream;

/// The longest name of a host, in bytes.
const MAX_HOST_BYTES: usize = 253;

/// The longest part of a name between two dots, in bytes.
const MAX_LABEL_BYTES: usize = 63;

/// A host and a port, written `HOST:PORT`; an IPv6 address stands in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// The host: a name or an address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address, if the host is one and not a name.
    pub fn address(&self) -> Option<SocketAddr> {
        let host: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(host, self.port))
    }

    /// Looks the host up and connects to the first of its addresses that answers.
    ///
    /// # Errors
    /// A name that leads nowhere, with that name; otherwise what the last address said.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|source| {
                io::Error::new(
                    source.kind(),
                    format!("the name {} leads nowhere: {source}", self.host),
                )
            })?;
        let addresses: Vec<SocketAddr> = found.collect();
        TcpStream::connect(addresses.as_slice()).await
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return match address.port() {
                0 => Err(format!("`{text}` has port 0; ports go from 1 to 65535")),
                _ => Ok(address.into()),
            };
        }
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| format!("`{text}` has no port; write HOST:PORT"))?;
        let port = port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| format!("`{port}` is no port; ports go from 1 to 65535"))?;
        if !is_host_name(host) {
            return Err(format!("`{host}` is neither a host name nor an address"));
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Whether this can be the name of a host. What consists of digits and dots only is an address gone wrong.
fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= MAX_LABEL_BYTES
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    name.len() <= MAX_HOST_BYTES
        && name.split('.').all(is_label)
        && name
            .bytes()
            .any(|byte| !byte.is_ascii_digit() && byte != b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_back_as_written() {
        for text in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "engine-0.engine:7400",
            "engine-0.engine.trading.svc.cluster.local.:7400",
            "node_1:1",
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), text);
            assert_eq!(endpoint.address(), text.parse().ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_the_part_that_is_wrong() {
        let long_label = format!("{}:1", "x".repeat(64));
        let long_name = format!("{}x:1", "x.".repeat(130));
        for (wrong, named) in [
            ("", "no port"),
            ("engine-0", "no port"),
            ("engine-0:", "`` is no port"),
            ("engine-0:0", "`0` is no port"),
            ("127.0.0.1:0", "port 0"),
            ("engine-0:65536", "`65536` is no port"),
            (":8080", "`` is neither"),
            ("a..b:1", "`a..b` is neither"),
            ("-a:1", "`-a` is neither"),
            ("a b:1", "`a b` is neither"),
            ("127.0.0.256:1", "`127.0.0.256` is neither"),
            ("::1:1", "`::1` is neither"),
            (&long_label, "is neither"),
            (&long_name, "is neither"),
        ] {
            let said = wrong.parse::<Endpoint>().unwrap_err();
            assert!(said.contains(named), "{wrong}: {said}");
        }
    }

    #[tokio::test]
    async fn a_name_is_looked_up_when_it_is_dialled() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let endpoint: Endpoint = format!("localhost:{port}").parse().unwrap();
        assert!(endpoint.connect().await.is_ok());

        let nowhere: Endpoint = "engine-0.shakedown.invalid:1".parse().unwrap();
        let said = nowhere.connect().await.unwrap_err().to_string();
        assert!(
            said.contains("engine-0.shakedown.invalid leads nowhere"),
            "{said}"
        );
    }
}
