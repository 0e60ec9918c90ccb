//! Names of replicas whose addresses change: a pod that is replaced comes back with another one.
//!
//! A base URL such as `http://engine-1.replica.shakedown:8080` stays the same for a whole run; whoever asks it is led to
//! where the replica is now.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// No name of the public system of names ends so.
const SUFFIX: &str = ".replica.shakedown";

/// Where each replica is now. Clones share their content.
#[derive(Debug, Clone, Default)]
pub struct AddressBook {
    now: Arc<RwLock<BTreeMap<String, Option<IpAddr>>>>,
}

impl AddressBook {
    /// The host name that stands for a replica.
    pub fn host(replica: &str) -> String {
        format!("{replica}{SUFFIX}")
    }

    /// Where a replica is from now on; `None`: nowhere.
    pub fn set(&self, replica: &str, ip: Option<IpAddr>) {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        now.insert(replica.to_string(), ip);
    }

    /// Where a replica is now.
    pub fn ip(&self, replica: &str) -> Option<IpAddr> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        now.get(replica).copied().flatten()
    }
}

impl Resolve for AddressBook {
    /// Names of replicas by this book, all others as the system knows them.
    fn resolve(&self, name: Name) -> Resolving {
        let Some(replica) = name.as_str().strip_suffix(SUFFIX) else {
            return Box::pin(async move {
                let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
                let found: Vec<SocketAddr> = found.collect();
                Ok(Box::new(found.into_iter()) as Addrs)
            });
        };
        let found = self.ip(replica).map(|ip| SocketAddr::new(ip, 0));
        let nowhere = format!("{replica} has no address now");
        Box::pin(async move {
            match found {
                Some(address) => Ok(Box::new(std::iter::once(address)) as Addrs),
                None => Err(io::Error::new(io::ErrorKind::HostUnreachable, nowhere).into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[tokio::test]
    async fn a_name_leads_to_where_the_replica_is_now() {
        let book = AddressBook::default();
        let asked = || Name::from_str(&AddressBook::host("engine-1")).unwrap();
        assert!(book.resolve(asked()).await.is_err());
        for ip in ["10.0.0.1", "10.0.0.2"] {
            let ip: IpAddr = ip.parse().unwrap();
            book.set("engine-1", Some(ip));
            let found: Vec<SocketAddr> = book.resolve(asked()).await.unwrap().collect();
            assert_eq!(found, [SocketAddr::new(ip, 0)]);
        }
        book.set("engine-1", None);
        assert!(book.resolve(asked()).await.is_err());
        let other = Name::from_str("localhost").unwrap();
        assert!(book.resolve(other).await.unwrap().count() > 0);
    }
}
