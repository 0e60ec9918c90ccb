//! Putting a discipline onto an interface, reading what it did, taking it off.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use rustix::io::Errno;

use super::encode::{self, Place};
use super::filter;
use super::shape::{Netem, Rate, Scope, Shape, ShapeError};
use crate::mechanisms::net::links::{Link, Links};
use crate::mechanisms::net::netlink::{
    Family, Message, NetlinkError, NetlinkSocket, find, text, u32_ne,
};
use crate::mechanisms::net::netns::{Netns, NetnsError, NetnsId};
use crate::mechanisms::net::table::Share;

const STATISTICS: u16 = 7;
const STATISTICS_BASIC: u16 = 1;
const STATISTICS_QUEUE: u16 = 3;
const LOOPBACK: &str = "lo";

/// Which disciplines this kernel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QdiscKinds {
    /// Delay, jitter, loss, reordering.
    pub netem: bool,
    /// [`Shape::Rate`] for a whole interface.
    pub tbf: bool,
    /// [`Scope::Steered`].
    pub htb: bool,
    /// [`Qdisc::steer`].
    pub u32: bool,
}

/// What a discipline did since it was put there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QdiscStatistics {
    pub sent_bytes: u64,
    pub sent_packets: u32,
    /// For want of room, or by netem's dice.
    pub dropped_packets: u32,
    /// How often something had to wait for its turn.
    pub overlimits: u32,
    pub queued_packets: u32,
    pub queued_bytes: u32,
}

/// Why a discipline cannot be put there, or what became of it not be told.
#[derive(Debug, thiserror::Error)]
pub enum QdiscError {
    #[error(transparent)]
    Shape(#[from] ShapeError),
    #[error(
        "{0} is the namespace in which Shakedown itself is: faults on it would hit the whole machine"
    )]
    OwnNamespace(NetnsId),
    #[error("there is no interface {0} in that namespace")]
    NoInterface(String),
    #[error("this kernel has no {kind}; without it, {for_what} is not possible here")]
    NoKind {
        kind: &'static str,
        for_what: &'static str,
    },
    #[error(
        "interface {interface} has a queueing discipline that is not ours ({kind} {handle:x}:); it is left alone, so remove it yourself if nobody needs it (`tc qdisc del dev {interface} root`)"
    )]
    Foreign {
        interface: String,
        kind: String,
        handle: u32,
    },
    #[error(
        "interface {0} has a queueing discipline that an earlier fault left behind; `shakedown recover` removes it"
    )]
    LeftBehind(String),
    #[error("the queueing discipline of interface {0} is gone: somebody else has removed it")]
    Gone(String),
    #[error(transparent)]
    Netns(#[from] NetnsError),
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// A discipline of ours on an interface. Dropping it does *not* remove it, as the kernel does not either: it goes
/// with [`Qdisc::remove`], or with its namespace.
#[derive(Debug)]
pub struct Qdisc {
    netns: Netns,
    interface: String,
    index: u32,
    scope: Scope,
}

/// A discipline as it is listed.
struct Seen {
    kind: String,
    handle: u32,
    parent: u32,
    statistics: QdiscStatistics,
}

impl Seen {
    fn is_our_leaf(&self) -> bool {
        let ours = [encode::LEAF_HANDLE, encode::LEAF_HANDLE_OF_NO_QUEUE];
        self.parent == encode::STEERED_CLASS && ours.contains(&self.handle)
    }
}

impl QdiscStatistics {
    /// All packets that came to it: sent, waiting, or dropped.
    pub fn came(&self) -> u64 {
        [self.sent_packets, self.queued_packets, self.dropped_packets]
            .map(u64::from)
            .iter()
            .sum()
    }
}

impl QdiscKinds {
    /// Tries all of them in a namespace that is made for it.
    ///
    /// # Errors
    /// Without root.
    pub fn probe() -> Result<QdiscKinds, QdiscError> {
        Netns::anonymous()?.run_in(|| {
            let index = Links::open()?
                .find(LOOPBACK)?
                .ok_or_else(|| QdiscError::NoInterface(LOOPBACK.to_string()))?
                .index;
            let mut socket = NetlinkSocket::open(Family::Route)?;
            let place = Place {
                interface: index,
                parent: encode::ROOT,
                handle: encode::OWN_HANDLE,
            };
            let mut has = |messages: &[Message]| {
                let mut done = Ok(true);
                for message in messages {
                    done = match socket.request(message) {
                        Ok(()) => continue,
                        Err(error) if is_unknown(&error) => Ok(false),
                        Err(error) => Err(QdiscError::Netlink(error)),
                    };
                    break;
                }
                match socket.request(&encode::delete(index, encode::OWN_HANDLE)) {
                    // What was refused first has left none.
                    Err(error) if !matches!(done, Ok(true)) => drop(error),
                    removed => removed?,
                }
                done
            };
            let none = Share::from_millionths(0).unwrap_or(Share::ALL);
            let netem = Netem {
                delay: std::time::Duration::from_millis(1),
                jitter: std::time::Duration::ZERO,
                loss: none,
                reorder: none,
                limit_packets: 1000,
            };
            let rate = Rate::of(1_000_000_000);
            Ok(QdiscKinds {
                netem: has(&[encode::add_shape(place, &Shape::Netem(netem))])?,
                tbf: has(&[encode::add_shape(place, &Shape::Rate(rate))])?,
                htb: has(&[encode::add_htb(place)])?,
                u32: has(&[
                    encode::add_htb(place),
                    filter::towards(index, Ipv4Addr::LOCALHOST.into()),
                ])?,
            })
        })?
    }
}

impl Qdisc {
    /// Puts a discipline onto an interface of a namespace that is not our own. When it fails, nothing is left.
    ///
    /// # Errors
    /// For our own namespace; when the kernel lacks the kind; when somebody else has set up a discipline there.
    pub fn install(
        netns: &Netns,
        interface: &str,
        shape: &Shape,
        scope: Scope,
    ) -> Result<Qdisc, QdiscError> {
        shape.check()?;
        if netns.is_own()? {
            return Err(QdiscError::OwnNamespace(netns.id()));
        }
        let index = netns.run_in(|| put(interface, shape, scope))??;
        Ok(Qdisc {
            netns: netns.clone(),
            interface: interface.to_string(),
            index,
            scope,
        })
    }

    /// Steers what leaves for these addresses, without a rule of nftables. Takes [`Scope::Steered`]; ends with
    /// [`Qdisc::remove`].
    ///
    /// # Errors
    /// When the kernel has no such filters, or refuses.
    pub fn steer(&self, peers: &BTreeSet<IpAddr>) -> Result<(), QdiscError> {
        self.netns.run_in(|| {
            let mut socket = NetlinkSocket::open(Family::Route)?;
            let what = ("u32", "steering packets without nftables");
            peers.iter().try_for_each(|peer| {
                request(&mut socket, &filter::towards(self.index, *peer), what)
            })
        })?
    }

    /// What it did since.
    ///
    /// # Errors
    /// When somebody else has removed it.
    pub fn statistics(&self) -> Result<QdiscStatistics, QdiscError> {
        let is_it = |qdisc: &&Seen| match self.scope {
            Scope::Whole => qdisc.handle == encode::OWN_HANDLE && qdisc.parent == encode::ROOT,
            Scope::Steered => qdisc.is_our_leaf(),
        };
        let all = self.netns.run_in(|| {
            let mut socket = NetlinkSocket::open(Family::Route)?;
            seen(&mut socket, self.index)
        })??;
        all.iter()
            .find(is_it)
            .map(|qdisc| qdisc.statistics)
            .ok_or_else(|| QdiscError::Gone(self.interface.clone()))
    }

    /// Takes it off; one that is gone already, with its interface or without, is taken off.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove(&self) -> Result<(), QdiscError> {
        remove_leftover(&self.netns, &self.interface).map(drop)
    }

    /// The interface on which it is, for the journal and for [`remove_leftover`].
    pub fn interface(&self) -> &str {
        &self.interface
    }
}

/// Takes off a discipline that has our handle, whoever put it there: for the time after a SIGKILL. True when there
/// was one. Others are not touched.
///
/// # Errors
/// When the kernel refuses.
pub fn remove_leftover(netns: &Netns, interface: &str) -> Result<bool, QdiscError> {
    netns.run_in(|| {
        let Some(link) = Links::open()?.find(interface)? else {
            return Ok(false);
        };
        let mut socket = NetlinkSocket::open(Family::Route)?;
        let all = seen(&mut socket, link.index)?;
        if root(&all).is_none_or(|root| root.handle != encode::OWN_HANDLE) {
            return Ok(false);
        }
        match socket.request(&encode::delete(link.index, encode::OWN_HANDLE)) {
            Ok(()) => {}
            Err(error) if error.is_absent() => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        if all
            .iter()
            .any(|qdisc| qdisc.handle == encode::LEAF_HANDLE_OF_NO_QUEUE && qdisc.is_our_leaf())
        {
            Links::open()?.set_queue_length(link.index, 0)?;
        }
        Ok(true)
    })?
}

fn put(interface: &str, shape: &Shape, scope: Scope) -> Result<u32, QdiscError> {
    let Link {
        index,
        queue_length,
        ..
    } = Links::open()?
        .find(interface)?
        .ok_or_else(|| QdiscError::NoInterface(interface.to_string()))?;
    let mut socket = NetlinkSocket::open(Family::Route)?;
    refuse_others(&mut socket, interface, index)?;
    let place = Place {
        interface: index,
        parent: encode::ROOT,
        handle: encode::OWN_HANDLE,
    };
    match scope {
        Scope::Whole => request(
            &mut socket,
            &encode::add_shape(place, shape),
            kind_of(shape),
        )?,
        Scope::Steered => {
            let htb = ("htb", "a limit for some of the packets only");
            let leaf = match queue_length {
                0 => encode::LEAF_HANDLE_OF_NO_QUEUE,
                _ => encode::LEAF_HANDLE,
            };
            let leaf = encode::add_leaf(index, shape, leaf);
            request(&mut socket, &encode::add_htb(place), htb)?;
            let below = request(&mut socket, &encode::add_steered_class(index, shape), htb)
                .and_then(|()| request(&mut socket, &leaf, kind_of(shape)));
            if let Err(error) = below {
                socket.request(&encode::delete(index, encode::OWN_HANDLE))?;
                Links::open()?.set_queue_length(index, queue_length)?;
                return Err(error);
            }
        }
    }
    Ok(index)
}

fn kind_of(shape: &Shape) -> (&'static str, &'static str) {
    match shape {
        Shape::Rate(_) => ("tbf", "a bandwidth limit"),
        Shape::Netem(_) => ("netem", "delay, jitter or reordering in the kernel"),
    }
}

/// The kernel refuses too, by the flags of the request; this is for the words.
fn refuse_others(
    socket: &mut NetlinkSocket,
    interface: &str,
    index: u32,
) -> Result<(), QdiscError> {
    let all = seen(socket, index)?;
    match root(&all) {
        Some(root) if root.handle == encode::OWN_HANDLE => {
            Err(QdiscError::LeftBehind(interface.to_string()))
        }
        // Handle 0 is the kernel's own choice, which it makes again when ours is removed.
        Some(root) if root.handle != 0 => Err(QdiscError::Foreign {
            interface: interface.to_string(),
            kind: root.kind.clone(),
            handle: root.handle >> 16,
        }),
        Some(_) | None => Ok(()),
    }
}

fn request(
    socket: &mut NetlinkSocket,
    message: &Message,
    (kind, for_what): (&'static str, &'static str),
) -> Result<(), QdiscError> {
    socket.request(message).map_err(|error| {
        if is_unknown(&error) {
            QdiscError::NoKind { kind, for_what }
        } else {
            error.into()
        }
    })
}

/// What the kernel says to a kind that it does not have, and for which it finds no module.
fn is_unknown(error: &NetlinkError) -> bool {
    error.errno() == Some(Errno::NOENT)
}

fn root(all: &[Seen]) -> Option<&Seen> {
    all.iter().find(|qdisc| qdisc.parent == encode::ROOT)
}

fn seen(socket: &mut NetlinkSocket, index: u32) -> Result<Vec<Seen>, NetlinkError> {
    let replies = socket.dump(&encode::list())?;
    Ok(replies
        .iter()
        .filter_map(|reply| {
            let (header, rest) = reply.body.split_at_checked(encode::HEADER)?;
            if u32_ne(&header[4..])? != index {
                return None;
            }
            Some(Seen {
                kind: find(rest, encode::KIND).map(text)?,
                handle: u32_ne(&header[8..])?,
                parent: u32_ne(&header[12..])?,
                statistics: find(rest, STATISTICS).map(statistics).unwrap_or_default(),
            })
        })
        .collect())
}

fn statistics(nested: &[u8]) -> QdiscStatistics {
    let basic = find(nested, STATISTICS_BASIC).unwrap_or_default();
    let queue = find(nested, STATISTICS_QUEUE).unwrap_or_default();
    let word = |bytes: &[u8], at: usize| bytes.get(at..).and_then(u32_ne).unwrap_or(0);
    let sent_bytes = basic
        .first_chunk::<8>()
        .map_or(0, |bytes| u64::from_ne_bytes(*bytes));
    QdiscStatistics {
        sent_bytes,
        sent_packets: word(basic, 8),
        queued_packets: word(queue, 0),
        queued_bytes: word(queue, 4),
        dropped_packets: word(queue, 8),
        overlimits: word(queue, 16),
    }
}
