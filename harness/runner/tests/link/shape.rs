//! Delay, bandwidth and loss: asked against measured, always beside the direct path of the same moment.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use shakedown_record::monotonic_ns;
use shakedown_runner::mechanisms::link::{
    Direction, LinkCondition, LinkGroup, LinkState, Loss, UserspaceLink,
};

use super::watch::Watch;
use super::world::{LONG, Seen, World, calm, echo, loopback, ping, quantile, say, see, text};

const MS: u64 = 1_000_000;

/// How often a measurement is made before its best counts. The noise of a busy machine only ever adds.
const TRIES: usize = 15;

fn delayed(delay_ns: u64) -> LinkState {
    LinkState {
        delay_ns,
        ..LinkState::default()
    }
}

/// A connection past the link, to measure beside it.
fn direct(world: &World) -> TcpStream {
    let client = TcpStream::connect(world.server.local_addr().unwrap()).unwrap();
    client.set_nodelay(true).unwrap();
    echo(world.server.accept().unwrap().0);
    client
}

/// How long a calm moment is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the link adds to the 99th percentile of a round trip, and the least round trip through it. A round trip in which
/// the machine took a core away is made again; a link that is late on a machine that is not counts.
fn added_p99(watch: &Watch, direct: &TcpStream, through: &TcpStream) -> (u64, u64) {
    let (mut past, mut by, mut least) = (Vec::new(), Vec::new(), u64::MAX);
    let began_ns = monotonic_ns();
    while by.len() < 100 {
        let from_ns = monotonic_ns();
        assert!(
            u128::from(from_ns - began_ns) < PATIENCE.as_nanos(),
            "{} of 100 round trips found a calm machine",
            by.len()
        );
        let pair = (ping(direct), ping(through));
        least = least.min(pair.1);
        if watch.was_calm_since(from_ns) {
            past.push(pair.0);
            by.push(pair.1);
        }
    }
    (
        quantile(&by, 0.99).saturating_sub(quantile(&past, 0.99)),
        least,
    )
}

#[test]
fn five_milliseconds_one_way_are_five_milliseconds() {
    let _calm = calm();
    let watch = Watch::start();
    let world = World::new(1);
    let direct = direct(&world);
    let (through, server) = world.connect();
    server.set_nodelay(true).unwrap();
    echo(server);
    // Without the delay the same measurement says so: the check can fail.
    let healthy = (0..TRIES)
        .map(|_| added_p99(&watch, &direct, &through).0)
        .min();
    assert!(healthy < Some(MS), "a healthy link adds {healthy:?} ns");
    for direction in Direction::BOTH {
        world.set(LinkCondition::one_way(direction, delayed(5 * MS)));
        let mut seen = Vec::new();
        for _ in 0..TRIES {
            let (added, least) = added_p99(&watch, &direct, &through);
            assert!(least >= 5 * MS, "a round trip took {least} ns");
            seen.push(added);
            if (4 * MS..=6 * MS).contains(&added) {
                break;
            }
        }
        assert!(
            seen.iter().any(|added| (4 * MS..=6 * MS).contains(added)),
            "5 ms were asked; added at p99, per try: {seen:?} ns"
        );
        let evidence = world.link.evidence();
        let measured = evidence.now.direction(direction);
        assert!((measured.asked_mean_ns() - 5e6).abs() < 1.0);
        assert!(measured.added().min_ns > 4_990_000 && measured.delayed >= 100);
        assert!(measured.late().p50_ns < MS, "{:?}", measured.late());
    }
}

#[test]
fn a_heal_hurries_what_was_long_delayed() {
    let world = World::new(1);
    let (client, server) = world.connect();
    world.set(LinkCondition::both(delayed(30_000 * MS)));
    say(&client, "slow");
    assert_eq!(see(&server, Duration::from_millis(100)), Seen::Nothing);
    world.heal();
    assert_eq!(see(&server, LONG), text("slow"));
}

#[test]
fn a_delay_also_delays_the_handshake_with_the_destination() {
    let _calm = calm();
    let world = World::new(1);
    world.set(LinkCondition::both(delayed(20 * MS)));
    let began_ns = monotonic_ns();
    let (client, server) = world.connect();
    assert!(monotonic_ns() - began_ns >= 40 * MS);
    echo(server);
    assert!(ping(&client) >= 40 * MS);
}

/// Less of the time without a core is calm.
const CALM: f64 = 0.02;

/// Measures until it is as asked. On a calm machine `tries` may miss, no more; on another one it is measured again, and
/// what is measured there counts only after a sixth of [`PATIENCE`]. `is_kept` gets the share of the time without a core.
fn until_kept<T: std::fmt::Debug>(
    tries: usize,
    mut measure: impl FnMut() -> T,
    is_kept: impl Fn(&T, f64) -> bool,
) {
    let (watch, began) = (Watch::start(), Instant::now());
    let mut missed = Vec::new();
    loop {
        let from_ns = monotonic_ns();
        let measured = measure();
        let starved = watch.starved_since(from_ns);
        let counts = starved < CALM || began.elapsed() > PATIENCE / 6;
        if counts && is_kept(&measured, starved) {
            return;
        }
        if starved < CALM {
            missed.push(measured);
            assert!(missed.len() < tries, "on a calm machine: {missed:?}");
        }
        assert!(began.elapsed() < PATIENCE, "no calm moment; {missed:?}");
    }
}

/// Bytes per second that arrive through a link of 1 MB/s, after what the idle link had in credit.
fn rate_of(world: &World, bytes: usize) -> f64 {
    let (client, mut server) = world.connect();
    let sender = std::thread::spawn(move || {
        say(&client, &"x".repeat(bytes));
        client
    });
    let mut piece = vec![0; 64 * 1024];
    let (mut got, mut began) = (0, None);
    while got < bytes {
        got += server.read(&mut piece).unwrap();
        if got > 50_000 && began.is_none() {
            began = Some((got, monotonic_ns()));
        }
    }
    let (got_before, began_ns) = began.unwrap();
    drop(sender.join().unwrap());
    (got - got_before) as f64 * 1e9 / (monotonic_ns() - began_ns) as f64
}

#[test]
fn a_megabyte_per_second_is_kept_within_a_tenth() {
    let _calm = calm();
    let world = World::new(1);
    assert!(rate_of(&world, 1_500_000) > 5e6, "a healthy link is slow");
    world.set(LinkCondition::one_way(
        Direction::ToDestination,
        LinkState {
            bandwidth_bytes_per_s: Some(1_000_000),
            ..LinkState::default()
        },
    ));
    // A busy machine makes it slower, never faster: it is given the time back in which it had no core.
    let measure = || {
        let rate = rate_of(&world, 1_500_000);
        let evidence = world.link.evidence();
        let told = evidence.now.to_destination.busiest_bytes_per_s();
        (rate, told.unwrap())
    };
    until_kept(3, measure, |&(rate, told), starved| {
        let asked = 0.9e6 * (1.0 - starved)..=1.1e6;
        asked.contains(&rate) && asked.contains(&told)
    });
    let evidence = world.link.evidence();
    assert!(evidence.now.to_destination.throttled > 0);
}

#[test]
fn connections_share_the_bandwidth_evenly() {
    let _calm = calm();
    let world = World::new(1);
    world.set(LinkCondition::both(LinkState {
        bandwidth_bytes_per_s: Some(1_000_000),
        ..LinkState::default()
    }));
    let measure = || -> Vec<f64> {
        std::thread::scope(|scope| {
            let both: Vec<_> = (0..2)
                .map(|_| {
                    let gate = scope.spawn(|| rate_of(&world, 400_000));
                    // One after the other, so that each client meets its own server end.
                    std::thread::sleep(Duration::from_millis(20));
                    gate
                })
                .collect();
            both.into_iter().map(|one| one.join().unwrap()).collect()
        })
    };
    until_kept(1, measure, |rates, _| {
        rates.iter().all(|rate| (0.3e6..0.7e6).contains(rate))
    });
}

const PINGS: usize = 400;

/// Longer than a machine usually stalls a round trip itself.
const STALL_NS: u64 = 100 * MS;

/// Which of some round trips were stalled on a link that loses a tenth, and how many chunks it says were.
fn stalled(seed: u64) -> (Vec<bool>, u64) {
    let world = World::new(seed);
    let (client, server) = world.connect();
    echo(server);
    world.set(LinkCondition::one_way(
        Direction::ToDestination,
        LinkState {
            loss: Some(Loss {
                share: 0.1,
                stall_ns: STALL_NS,
            }),
            ..LinkState::default()
        },
    ));
    let slow = (0..PINGS).map(|_| ping(&client) >= STALL_NS).collect();
    let evidence = world.link.evidence();
    assert_eq!(evidence.now.to_destination.chunks, PINGS as u64);
    assert_eq!(evidence.now.to_source.stalled, 0);
    (slow, evidence.now.to_destination.stalled)
}

#[test]
fn a_tenth_is_lost_and_the_seed_says_which() {
    let _calm = calm();
    // The machine may stall a round trip too, so the link's word is taken for which, and the clock's for how many.
    let (slow, counted) = stalled(11);
    let seen = slow.iter().filter(|slow| **slow).count() as u64;
    assert!((20..=60).contains(&counted), "{counted} of {PINGS}");
    assert!(seen >= counted && seen <= counted + 12, "{seen}, {counted}");
    let (again, counted_again) = stalled(11);
    assert_eq!(counted_again, counted);
    let differ = |other: &[bool]| slow.iter().zip(other).filter(|(a, b)| a != b).count();
    assert!(differ(&again) <= 12, "one seed, {} differ", differ(&again));
    let (other, _) = stalled(12);
    assert!(differ(&other) > 30, "two seeds, {} differ", differ(&other));
}

#[test]
fn the_overhead_is_measured_beside_the_direct_path() {
    let _calm = calm();
    let group = LinkGroup::start().unwrap();
    let overhead = group.measure_overhead(500).unwrap();
    assert_eq!(overhead.direct.count, 500);
    assert_eq!(overhead.through.count, 500);
    assert!(overhead.through.p50_ns > overhead.direct.p50_ns);
    assert!(overhead.direct.p99_ns >= overhead.direct.p50_ns);
    assert!(overhead.is_too_much_for(overhead.added_p50_ns() * 9));
    assert!(!overhead.is_too_much_for(60_000_000_000));
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let server = TcpListener::bind(loopback()).unwrap();
    let link = UserspaceLink::start(server.local_addr().unwrap(), loopback(), 1).unwrap();
    let lossy = LinkState {
        loss: Some(Loss::of(2.0)),
        ..LinkState::default()
    };
    assert!(link.set(LinkCondition::both(lossy), LONG).is_err());
    assert_eq!(link.condition(), LinkCondition::healthy());
    let taken = UserspaceLink::start(server.local_addr().unwrap(), link.address(), 1);
    assert!(taken.unwrap_err().to_string().contains("cannot listen"));
}
