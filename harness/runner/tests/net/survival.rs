//! What is left when the owner of a fault dies or hangs: nothing, and how soon.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use shakedown_runner::mechanisms::net::links::Links;
use shakedown_runner::mechanisms::net::{NetSnapshot, OwnedTable};

use crate::doubles::{Double, Resident};
use crate::world::{Beat, SOON, network};

const KILLS: usize = 20;
/// Generous for a machine that is busy with other tests; what it takes is told by the campaign.
const HEALED_WITHIN: Duration = Duration::from_millis(1000);

#[test]
fn a_cut_ends_with_a_killed_owner_twenty_times_of_twenty() {
    let network = network(2);
    let [a, b] = network.nodes() else {
        panic!("two nodes")
    };
    let resident = Resident::of(b);
    let before = NetSnapshot::take(&b.netns).unwrap();
    let beat = Beat::start(a, b);
    let mut took = Vec::new();
    for _ in 0..KILLS {
        let owner = Double::cut(resident.pid(), IpAddr::from(a.address));
        assert_eq!(owner.word, "shakedown_cut");
        beat.wait_silence();
        let killed = Instant::now();
        owner.signal(Signal::KILL);
        beat.next_within(SOON).expect("traffic comes back");
        let healed = killed.elapsed();
        drop(owner);
        // The kernel lets packets pass first, and then takes the table off its list.
        let mut left = vec![];
        while killed.elapsed() < SOON {
            let after = NetSnapshot::take(&b.netns).unwrap();
            left = NetSnapshot::differences(&before, &after);
            if left.is_empty() {
                break;
            }
        }
        assert_eq!(left, []);
        took.push(healed);
    }
    took.sort();
    let (median, worst) = (took[KILLS / 2], took[KILLS - 1]);
    let mut out = std::io::stdout().lock();
    std::io::Write::write_fmt(
        &mut out,
        format_args!("healed after SIGKILL: median {median:?}, worst {worst:?} of {KILLS}\n"),
    )
    .unwrap();
    assert!(worst < HEALED_WITHIN, "{took:?}");
}

#[test]
fn a_cut_ends_with_its_elements_when_the_owner_hangs_and_does_not_come_back() {
    let network = network(2);
    let [a, b] = network.nodes() else {
        panic!("two nodes")
    };
    let resident = Resident::of(b);
    let beat = Beat::start(a, b);
    let owner = Double::cut(resident.pid(), IpAddr::from(a.address));
    beat.wait_silence();
    owner.signal(Signal::STOP);
    let stopped = Instant::now();
    let timeout = OwnedTable::DEFAULT_TIMEOUT;
    beat.next_within(timeout + SOON)
        .expect("traffic comes back");
    let took = stopped.elapsed();
    // The last renewal was up to a third of the time before the stop.
    assert!(
        took > timeout / 2 && took < timeout + HEALED_WITHIN,
        "{took:?}"
    );
    owner.signal(Signal::CONT);
    let again = Instant::now() + timeout;
    while Instant::now() < again {
        assert!(beat.next_within(Duration::from_millis(500)).is_some());
    }
}

#[test]
fn the_network_of_a_killed_owner_is_taken_down_by_the_kernel() {
    let owner = Double::network();
    let name = owner.word.clone();
    let mut links = Links::open().unwrap();
    assert!(links.find(&name).unwrap().is_some(), "{name}");
    owner.signal(Signal::KILL);
    let deadline = Instant::now() + SOON;
    while links.find(&name).unwrap().is_some() {
        assert!(Instant::now() < deadline, "{name} is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}
