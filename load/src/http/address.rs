//! Entry addresses.

use std::net::{SocketAddr, ToSocketAddrs};

use crate::error::LoadError;

/// A base URL with the addresses behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Value of the `host` header.
    pub host: String,
    /// Path before the templates' paths, without a trailing slash.
    pub prefix: String,
    /// With TLS.
    pub secure: bool,
    pub addresses: Vec<SocketAddr>,
}

impl BaseUrl {
    /// Reads `http://host[:port][/prefix]`, or `https://`, and resolves the host.
    ///
    /// # Errors
    /// When it is not such a URL, or the host has no address.
    pub fn resolve(url: &str) -> Result<BaseUrl, LoadError> {
        BaseUrl::resolve_as(url, "http")
    }

    /// The same with another scheme than `http`, which has a twin with TLS: `wss` for `ws`, `fixs` for `fix`, `tls` for `tcp`.
    ///
    /// # Errors
    /// As [`BaseUrl::resolve`].
    pub fn resolve_as(url: &str, wanted: &str) -> Result<BaseUrl, LoadError> {
        let wrong = |what: &str| LoadError::Url {
            url: url.to_string(),
            what: what.to_string(),
        };
        let with_tls = secure_scheme(wanted);
        let (secure, rest) = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(wanted) => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(with_tls) => (true, rest),
            Some(_) => {
                return Err(wrong(&format!(
                    "the scheme is neither {wanted} nor {with_tls}"
                )));
            }
            None => return Err(wrong("there is no scheme")),
        };
        let (host, prefix) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if host.is_empty() || host.contains('@') || host.contains(char::is_whitespace) {
            return Err(wrong("there is no plain host"));
        }
        let name = host.rsplit(']').next().unwrap_or(host);
        let with_port = if name.contains(':') {
            host.to_string()
        } else {
            format!("{host}:{}", if secure { 443 } else { 80 })
        };
        let resolved = with_port
            .to_socket_addrs()
            .map_err(|source| LoadError::Resolve {
                url: url.to_string(),
                source,
            })?;
        let addresses: Vec<SocketAddr> = resolved.collect();
        if addresses.is_empty() {
            return Err(wrong("its host has no address"));
        }
        Ok(BaseUrl {
            host: host.to_string(),
            prefix: prefix.trim_end_matches('/').to_string(),
            secure,
            addresses,
        })
    }
}

impl BaseUrl {
    /// For those who speak no TLS.
    ///
    /// # Errors
    /// When it is to be spoken there.
    pub fn bare(self) -> Result<BaseUrl, LoadError> {
        match self.secure {
            false => Ok(self),
            true => Err(LoadError::Url {
                url: self.host,
                what: "market data is not sent or heard over TLS by this version".to_string(),
            }),
        }
    }
}

/// The scheme of the same with TLS.
fn secure_scheme(plain: &str) -> &'static str {
    match plain {
        "http" => "https",
        "ws" => "wss",
        "fix" => "fixs",
        _ => "tls",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_and_resolved() {
        let url = BaseUrl::resolve("http://127.0.0.1:8081/api/").unwrap();
        assert_eq!(
            (url.host.as_str(), url.prefix.as_str()),
            ("127.0.0.1:8081", "/api")
        );
        assert_eq!(url.addresses, ["127.0.0.1:8081".parse().unwrap()]);
        let default_port = BaseUrl::resolve("http://127.0.0.1").unwrap();
        assert_eq!(default_port.addresses[0].port(), 80);
        let secure = BaseUrl::resolve("https://127.0.0.1").unwrap();
        assert!(secure.secure && !default_port.secure);
        assert_eq!(secure.addresses[0].port(), 443);
        assert!(secure.bare().is_err() && default_port.bare().is_ok());
        for (url, wanted) in [("wss://127.0.0.1:1", "ws"), ("tls://127.0.0.1:1", "tcp")] {
            assert!(BaseUrl::resolve_as(url, wanted).unwrap().secure);
        }
        let six = BaseUrl::resolve("http://[::1]:9000").unwrap();
        assert_eq!(six.addresses, ["[::1]:9000".parse().unwrap()]);
    }

    #[test]
    fn what_is_no_base_url_is_refused_with_the_reason() {
        for url in [
            "",
            "127.0.0.1:80",
            "wss://127.0.0.1",
            "ftp://x",
            "http://",
            "http://u@h",
            "http:///x",
        ] {
            assert!(
                matches!(BaseUrl::resolve(url), Err(LoadError::Url { .. })),
                "{url}"
            );
        }
        assert!(matches!(
            BaseUrl::resolve("http://127.0.0.1:99999"),
            Err(LoadError::Resolve { .. })
        ));
    }
}
