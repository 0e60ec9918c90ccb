//! Queueing disciplines as the kernel wants them (`linux/pkt_sched.h`).

use super::shape::{Netem, Rate, Shape};
use crate::mechanisms::net::netlink::{Attributes, Message, flags};

pub const NEW_QDISC: u16 = 36;
const DELETE_QDISC: u16 = 37;
pub const GET_QDISC: u16 = 38;
const NEW_CLASS: u16 = 40;
pub const ROOT: u32 = 0xffff_ffff;
/// Bytes of `struct tcmsg`.
pub const HEADER: usize = 20;
pub const KIND: u16 = 1;
const OPTIONS: u16 = 2;

/// `5348:`, "SH".
pub const OWN_HANDLE: u32 = 0x5348_0000;
/// `5349:`, what lies below the class of steered packets.
pub const LEAF_HANDLE: u32 = 0x5349_0000;
/// `534a:`, the same on an interface whose queue length was 0. The kernel gives it another one for a discipline, and
/// does not take that back.
pub const LEAF_HANDLE_OF_NO_QUEUE: u32 = 0x534a_0000;
/// `5348:1`, the class of steered packets: the priority that a rule gives them.
pub const STEERED_CLASS: u32 = OWN_HANDLE | 1;

const TBF_PARAMETERS: u16 = 1;
const TBF_BURST: u16 = 6;
const HTB_PARAMETERS: u16 = 1;
const HTB_INIT: u16 = 2;
const HTB_VERSION: u32 = 3;
const HTB_QUANTUM_BYTES: u32 = 60_000;
const ETHERNET: u8 = 1;
const NETEM_REORDER: u16 = 3;
const NETEM_LATENCY: u16 = 10;
const NETEM_JITTER: u16 = 11;
/// The kernel's unit of time for packet schedulers.
const TICK_NS: u128 = 64;
/// Steered packets that are only delayed are not to be slowed down beside.
const UNLIMITED: Rate = Rate {
    bits_per_s: 32_000_000_000,
    burst_bytes: 4_000_000,
    queue_bytes: 4_000_000,
};

/// Where a discipline hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub interface: u32,
    pub parent: u32,
    pub handle: u32,
}

/// Adds a discipline of this shape, unless there is one that somebody has set up.
pub fn add_shape(place: Place, shape: &Shape) -> Message {
    match shape {
        Shape::Rate(rate) => add(place, "tbf", tbf(*rate)),
        Shape::Netem(netem) => {
            let (parameters, more) = (netem_parameters(netem), netem_attributes(netem));
            let options = Attributes::new().prefixed(OPTIONS, &parameters, more);
            add(place, "netem", options)
        }
    }
}

/// HTB at the root, in which packets that nobody steers pass without being looked at.
pub fn add_htb(place: Place) -> Message {
    // Version, divisor for quanta, no default class, no debugging, a counter.
    let global = words(&[HTB_VERSION, 10, 0, 0, 0]);
    let options = Attributes::new().bytes(HTB_INIT, &global);
    add(place, "htb", Attributes::new().nested(OPTIONS, options))
}

/// The class of steered packets, with its rate.
pub fn add_steered_class(interface: u32, shape: &Shape) -> Message {
    let rate = match shape {
        Shape::Rate(rate) => *rate,
        Shape::Netem(_) => UNLIMITED,
    };
    let buffer = ticks_for(rate.burst_bytes, rate.bytes_per_s());
    let mut parameters = rate_spec(rate.bytes_per_s());
    parameters.extend(rate_spec(rate.bytes_per_s()));
    parameters.extend(words(&[buffer, buffer, HTB_QUANTUM_BYTES, 0, 0]));
    let options = Attributes::new().bytes(HTB_PARAMETERS, &parameters);
    Message::new(
        "add the class of steered packets",
        NEW_CLASS,
        flags::CREATE | flags::EXCL,
        &header(Place {
            interface,
            parent: OWN_HANDLE,
            handle: STEERED_CLASS,
        }),
        Attributes::new().text(KIND, "htb").nested(OPTIONS, options),
    )
}

/// What lies below the class: for a rate only a queue, since the class limits it already.
pub fn add_leaf(interface: u32, shape: &Shape, handle: u32) -> Message {
    let place = Place {
        interface,
        parent: STEERED_CLASS,
        handle,
    };
    match shape {
        Shape::Rate(rate) => {
            let limit = Attributes::new().u32(OPTIONS, rate.queue_bytes);
            add(place, "bfifo", limit)
        }
        Shape::Netem(_) => add_shape(place, shape),
    }
}

/// Removes the discipline at the root, if it has this handle.
pub fn delete(interface: u32, handle: u32) -> Message {
    let place = Place {
        interface,
        parent: ROOT,
        handle,
    };
    Message::new(
        "remove the queueing discipline",
        DELETE_QDISC,
        0,
        &header(place),
        Attributes::new(),
    )
}

/// Asks for the disciplines of all interfaces.
pub fn list() -> Message {
    Message::new(
        "list the queueing disciplines",
        GET_QDISC,
        0,
        &[0; HEADER],
        Attributes::new(),
    )
}

fn add(place: Place, kind: &str, options: Attributes) -> Message {
    Message::new(
        format!("add the queueing discipline {kind}"),
        NEW_QDISC,
        flags::CREATE | flags::EXCL,
        &header(place),
        Attributes::new().text(KIND, kind).then(options),
    )
}

fn header(place: Place) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[4..8].copy_from_slice(&place.interface.to_ne_bytes());
    header[8..12].copy_from_slice(&place.handle.to_ne_bytes());
    header[12..16].copy_from_slice(&place.parent.to_ne_bytes());
    header
}

fn tbf(rate: Rate) -> Attributes {
    let mut parameters = rate_spec(rate.bytes_per_s());
    parameters.extend([0; 12]);
    let buffer = ticks_for(rate.burst_bytes, rate.bytes_per_s());
    // Tokens for the burst come on top of what waits.
    let limit = rate.queue_bytes.saturating_add(rate.burst_bytes);
    parameters.extend(words(&[limit, buffer, 0]));
    let options = Attributes::new()
        .bytes(TBF_PARAMETERS, &parameters)
        .u32(TBF_BURST, rate.burst_bytes);
    Attributes::new().nested(OPTIONS, options)
}

/// `struct tc_netem_qopt`: latency, limit, loss, gap, duplicate, jitter. The old fields for times hold what fits;
/// the exact nanoseconds follow as attributes.
fn netem_parameters(netem: &Netem) -> Vec<u8> {
    let gap = u32::from(netem.reorder.millionths() > 0);
    words(&[
        ticks(netem.delay.as_nanos()),
        netem.limit_packets,
        probability(netem.loss.millionths()),
        gap,
        0,
        ticks(netem.jitter.as_nanos()),
    ])
}

fn netem_attributes(netem: &Netem) -> Attributes {
    let ns = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let mut all = Attributes::new();
    if netem.reorder.millionths() > 0 {
        let reorder = words(&[probability(netem.reorder.millionths()), 0]);
        all = all.bytes(NETEM_REORDER, &reorder);
    }
    all.u64(NETEM_LATENCY, ns(netem.delay))
        .u64(NETEM_JITTER, ns(netem.jitter))
}

/// All of `u32` is certainty.
fn probability(millionths: u32) -> u32 {
    let scaled = (u64::from(millionths) * u64::from(u32::MAX)).div_euclid(1_000_000);
    u32::try_from(scaled).unwrap_or(u32::MAX)
}

/// `struct tc_ratespec`. Naming the link layer spares the table of transmission times that old tools send.
fn rate_spec(bytes_per_s: u32) -> Vec<u8> {
    let mut spec = vec![0, ETHERNET, 0, 0, 0, 0, 0, 0];
    spec.extend(bytes_per_s.to_ne_bytes());
    spec
}

fn ticks_for(bytes: u32, bytes_per_s: u32) -> u32 {
    ticks(u128::from(bytes) * 1_000_000_000 / u128::from(bytes_per_s.max(1)))
}

fn ticks(ns: u128) -> u32 {
    u32::try_from(ns / TICK_NS).unwrap_or(u32::MAX)
}

fn words(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_ne_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::mechanisms::net::netlink::{find, text};
    use crate::mechanisms::net::table::Share;

    const PLACE: Place = Place {
        interface: 7,
        parent: ROOT,
        handle: OWN_HANDLE,
    };

    fn body(message: &Message) -> Vec<u8> {
        message.body().to_vec()
    }

    fn ne(values: &[u32]) -> Vec<u8> {
        words(values)
    }

    #[test]
    fn netem_is_a_struct_followed_by_attributes() {
        let netem = Netem {
            delay: Duration::from_millis(100),
            jitter: Duration::from_millis(10),
            loss: Share::from_fraction(0.5).unwrap(),
            reorder: Share::from_fraction(0.25).unwrap(),
            limit_packets: 2200,
        };
        let bytes = body(&add_shape(PLACE, &Shape::Netem(netem)));
        assert_eq!(&bytes[..20], ne(&[0, 7, OWN_HANDLE, ROOT, 0]));
        assert_eq!(find(&bytes[20..], KIND).map(text).unwrap(), "netem");
        let options = find(&bytes[20..], OPTIONS).unwrap();
        // 100 ms are 1,562,500 ticks of 64 ns; half of u32 is a loss of 50 %.
        assert_eq!(
            &options[..24],
            ne(&[1_562_500, 2200, 0x7fff_ffff, 1, 0, 156_250])
        );
        let more = &options[24..];
        assert_eq!(find(more, 3).unwrap(), ne(&[0x3fff_ffff, 0]));
        assert_eq!(find(more, 10).unwrap(), 100_000_000u64.to_ne_bytes());
        assert_eq!(find(more, 11).unwrap(), 10_000_000u64.to_ne_bytes());
        assert_eq!(options.len(), 24 + 12 + 12 + 12);
    }

    #[test]
    fn a_plain_delay_asks_for_nothing_else() {
        let none = Share::from_millionths(0).unwrap();
        let netem = Netem {
            delay: Duration::from_secs(300),
            jitter: Duration::ZERO,
            loss: none,
            reorder: none,
            limit_packets: 1000,
        };
        let bytes = body(&add_shape(PLACE, &Shape::Netem(netem)));
        let options = find(&bytes[20..], OPTIONS).unwrap();
        // Longer than the old field can say: the attribute counts.
        assert_eq!(&options[..24], ne(&[u32::MAX, 1000, 0, 0, 0, 0]));
        assert_eq!(find(&options[24..], 3), None);
        assert_eq!(
            find(&options[24..], 10).unwrap(),
            300_000_000_000u64.to_ne_bytes()
        );
        assert_eq!(probability(1_000_000), u32::MAX);
    }

    #[test]
    fn tbf_says_its_rate_burst_and_queue() {
        let rate = Rate {
            bits_per_s: 8_000_000,
            burst_bytes: 10_000,
            queue_bytes: 50_000,
        };
        let bytes = body(&add_shape(PLACE, &Shape::Rate(rate)));
        assert_eq!(find(&bytes[20..], KIND).map(text).unwrap(), "tbf");
        let options = find(&bytes[20..], OPTIONS).unwrap();
        let parameters = find(options, 1).unwrap();
        assert_eq!(parameters.len(), 36);
        assert_eq!(&parameters[8..12], ne(&[1_000_000]));
        // 10,000 bytes at 1 MB/s are 10 ms.
        assert_eq!(&parameters[24..36], ne(&[60_000, 156_250, 0]));
        assert_eq!(find(options, 6).unwrap(), ne(&[10_000]));
    }

    #[test]
    fn htb_has_no_default_class_and_one_for_what_is_steered() {
        let bytes = body(&add_htb(PLACE));
        let options = find(&bytes[20..], OPTIONS).unwrap();
        assert_eq!(find(options, 2).unwrap(), ne(&[3, 10, 0, 0, 0]));
        let shape = Shape::Rate(Rate::of(80_000_000));
        let bytes = body(&add_steered_class(7, &shape));
        assert_eq!(&bytes[..20], ne(&[0, 7, STEERED_CLASS, OWN_HANDLE, 0]));
        let options = find(&bytes[20..], OPTIONS).unwrap();
        assert_eq!(find(options, 1).unwrap().len(), 12 + 12 + 20);
        let leaf = body(&add_leaf(7, &shape, LEAF_HANDLE));
        assert_eq!(find(&leaf[20..], KIND).map(text).unwrap(), "bfifo");
    }
}
