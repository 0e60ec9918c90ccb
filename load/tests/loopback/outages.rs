//! Servers that are gone, come back, hang up or let nobody in.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use shakedown_load::Mode;
use shakedown_record::{Outcome, monotonic_ns};

use crate::rig::{MS, config, nothing_was_sent_twice, roll, run};
use crate::server::{Act, Server, accept_now};

fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn with_nobody_there_slots_end_at_once_and_definitely() {
    let run = run(config(&nobody(), 500.0, 8));
    let outcomes = run.outcomes();
    assert_eq!(outcomes.refused + outcomes.not_sent, 500, "{outcomes:?}");
    for (slot, entry) in &run.entries {
        let after_ns = entry.done_ns.unwrap() - entry.intended_ns;
        assert!(after_ns < 100 * MS, "slot {slot} ended after {after_ns} ns");
    }
}

/// More is due at once than a thread releases in a pass, and ends at once: what is left is owed after the stop as well.
#[test]
fn a_thread_that_comes_late_schedules_what_was_due_before_the_stop() {
    let mut config = config(&nobody(), 1_000_000.0, 4);
    config.duration_ns = Some(5 * MS);
    let run = run(config);
    assert_eq!(run.outcomes().total(), 5_000, "{:?}", run.outcomes());
}

#[test]
fn a_closed_loop_counts_refusals_instead_of_sleeping_through_them() {
    let mut config = config(&nobody(), 1.0, 2);
    config.mode = Mode::Closed;
    let run = run(config);
    let outcomes = run.outcomes();
    assert_eq!(outcomes.refused, outcomes.total());
    assert!(
        (100..=202).contains(&outcomes.refused),
        "two sessions, a dial each 10 ms: {outcomes:?}"
    );
}

/// A server that is gone from 0.4 s to 0.9 s.
#[test]
fn an_outage_ends_when_the_server_is_back_and_brings_no_burst() {
    let mut server = Server::start(accept_now);
    let mut config = config(&server.url(), 800.0, 16);
    config.duration_ns = Some(1_500 * MS);
    let rolling = roll(config);
    let zero_ns = rolling.generator.zero_mono_ns();
    sleep_until(zero_ns + 400 * MS);
    let down_ns = server.down() - zero_ns;
    sleep_until(zero_ns + 900 * MS);
    let up_ns = server.up() - zero_ns;
    let run = rolling.finish();
    nothing_was_sent_twice(&server);
    let mut after_ns = u64::MAX;
    for (slot, entry) in &run.entries {
        let outcome = entry.outcome.unwrap();
        let intended_ns = entry.intended_ns;
        if intended_ns + 30 * MS < 400 * MS {
            assert_eq!(outcome, Outcome::Acked, "slot {slot} before the outage");
        }
        if intended_ns > down_ns + 5 * MS && intended_ns < up_ns - 20 * MS {
            assert!(
                outcome.is_definitely_absent(),
                "slot {slot} in the outage: {outcome:?}"
            );
        }
        if intended_ns > up_ns && outcome == Outcome::Acked {
            after_ns = after_ns.min(entry.done_ns.unwrap() - up_ns);
        }
        if intended_ns > up_ns + 100 * MS {
            assert_eq!(outcome, Outcome::Acked, "slot {slot} after the outage");
        }
    }
    assert!(
        after_ns < 40 * MS,
        "first acknowledgement {after_ns} ns after the server was back"
    );
    let back_ns = zero_ns + up_ns;
    let in_100_ms =
        |seen: &&crate::server::Seen| (back_ns..back_ns + 100 * MS).contains(&seen.read_ns);
    let first = server.log().iter().filter(in_100_ms).count();
    assert!(first <= 100, "80 are due in 100 ms, {first} came: a burst");
}

#[test]
fn a_server_that_hangs_up_at_once_is_not_flooded() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let accepts = thread::spawn(move || {
        let (mut accepted, until_ns) = (0u64, monotonic_ns() + 1_500 * MS);
        while monotonic_ns() < until_ns {
            match listener.accept() {
                Ok((stream, _)) => {
                    accepted += 1;
                    drop(stream);
                }
                Err(_) => thread::sleep(Duration::from_micros(200)),
            }
        }
        accepted
    });
    let run = run(config(&format!("http://{address}"), 400.0, 4));
    let outcomes = run.outcomes();
    assert_eq!(outcomes.acked, 0);
    assert_eq!(outcomes.total(), 400);
    let accepted = accepts.join().unwrap();
    assert!(
        accepted <= 4 * 130,
        "{accepted} connections in about a second from 4 sessions"
    );
    assert!(accepted >= 4 * 20, "{accepted}: the sessions gave up");
}

#[test]
fn a_listener_that_lets_nobody_in_is_unreachable() {
    let listener = full_listener();
    let address = listener.local_addr().unwrap();
    let held = fill(address);
    let mut config = config(&format!("http://{address}"), 100.0, 4);
    config.plan.timeout_ns = 400 * MS;
    let run = run(config);
    let outcomes = run.outcomes();
    assert_eq!(
        outcomes.unreachable + outcomes.not_sent,
        100,
        "{outcomes:?}"
    );
    assert!(outcomes.unreachable > 50, "{outcomes:?}");
    drop(held);
}

/// A listener that never accepts, with the shortest queue that the kernel allows.
fn full_listener() -> TcpListener {
    use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
    listen(&socket, 0).unwrap();
    TcpListener::from(socket)
}

fn fill(address: SocketAddr) -> Vec<TcpStream> {
    let dial = |_| TcpStream::connect_timeout(&address, Duration::from_millis(50)).ok();
    (0..4).map_while(dial).collect()
}

#[test]
fn sessions_go_to_the_next_address_when_theirs_is_dead() {
    let server = Server::start(accept_now);
    let mut config = config(&nobody(), 400.0, 8);
    config.entry.push(server.url());
    let run = run(config);
    let outcomes = run.outcomes();
    assert!(outcomes.acked >= 380, "{outcomes:?}");
    let late = run
        .entries
        .iter()
        .filter(|(_, entry)| entry.intended_ns > 100 * MS);
    for (slot, entry) in late {
        assert_eq!(entry.outcome, Some(Outcome::Acked), "slot {slot}");
    }
}

#[test]
fn conservation_holds_through_a_storm_of_everything() {
    let server = Server::start(|seen| match seen.number % 11 {
        0 => Act::Reset,
        1 => Act::Close,
        2 => Act::Silence,
        3 => Act::ReplyAndClose(b"nonsense\r\n\r\n".to_vec()),
        4 => Act::ReplyAndClose(crate::server::accept(seen)),
        5 => crate::server::accept_after(seen, Duration::from_millis(30)),
        _ => accept_now(seen),
    });
    for (in_flight, threads) in [(1, 1), (6, 2)] {
        let mut config = config(&server.url(), 600.0, 12);
        config.plan.mix = crate::rig::mix(60, 30, 10);
        config.plan.timeout_ns = 120 * MS;
        config.plan.threads = threads;
        config.session.in_flight = in_flight;
        let run = run(config);
        let outcomes = run.outcomes();
        assert_eq!(outcomes.total(), 600);
        for outcome in [
            Outcome::Acked,
            Outcome::ResetAfterSend,
            Outcome::Timeout,
            Outcome::BadResponse,
        ] {
            assert!(outcomes.get(outcome) > 0, "{outcome:?}: {outcomes:?}");
        }
    }
}

fn sleep_until(at_ns: u64) {
    thread::sleep(Duration::from_nanos(at_ns.saturating_sub(monotonic_ns())));
}
