//! Checker against checker: the search, the replay, and an exhaustive one that shares nothing with them, on many tiny
//! histories, true ones and spoilt ones.

// Helpers of tests are tests: a broken set-up may panic.
#![allow(clippy::unwrap_used)]

mod exhaustive;
mod histories;
mod others;
mod windows;

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use shakedown_history::{Answer, Book, Operation, Testimony, Window, Witnessed, replay, search};

use exhaustive::is_explained;
use histories::{History, Read, spoilt, tiny};

const HISTORIES: u64 = 100_000;

fn searched(operations: &[Operation], read: &Read) -> Answer {
    let before = Book::default();
    let window = Window {
        operations,
        before: &before,
        reading: read.reading(),
    };
    search(&window, u64::MAX)
}

fn replayed(operations: &[Operation], read: &Read) -> Witnessed {
    let sequence = |number: &u64| {
        let one = operations.iter().find(|one| one.number == *number)?;
        one.sequence
    };
    let mut traded: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
    for trade in &read.trades {
        if let Some(sequence) = sequence(&trade.request) {
            let of = traded.entry(sequence).or_default();
            *of.entry(trade.taker).or_default() += trade.lots;
            *of.entry(trade.maker).or_default() += trade.lots;
        }
    }
    replay(&Testimony {
        operations,
        after: read.after.as_ref(),
        filled: read.filled.as_ref(),
        traded: read.taken.as_ref().map(|_| &traded),
    })
}

fn history(seed: u64) -> History {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let history = tiny(&mut random);
    if seed.is_multiple_of(3) {
        return history;
    }
    spoilt(history, &mut random)
}

#[test]
fn the_search_says_what_trying_everything_says() {
    let mut explained = 0u64;
    for seed in 0..HISTORIES {
        let history = history(seed);
        let answer = searched(&history.operations, &history.read);
        let expected = is_explained(&history.operations, &history.read);
        let said = matches!(answer, Answer::Explained(_));
        assert_eq!(said, expected, "seed {seed}: {answer:?}\n{history:#?}");
        explained += u64::from(said);
    }
    let share = explained as f64 / HISTORIES as f64;
    assert!((0.4..0.8).contains(&share), "one-sided: {share}");
}

#[test]
fn what_the_replay_passes_the_search_passes_and_true_histories_pass_both() {
    let (mut passed, mut contradicted) = (0u64, 0u64);
    for seed in 0..HISTORIES {
        let history = history(seed);
        let witnessed = replayed(&history.operations, &history.read);
        if seed.is_multiple_of(3) {
            assert!(
                !witnessed.is_contradicted(),
                "seed {seed}: {witnessed:?}\n{history:#?}"
            );
        }
        contradicted += u64::from(witnessed.is_contradicted());
        if witnessed.is_explained() {
            passed += 1;
            let answer = searched(&history.operations, &history.read);
            assert!(
                matches!(answer, Answer::Explained(_)),
                "seed {seed}: {answer:?}\n{history:#?}"
            );
        }
    }
    let shares = [passed, contradicted].map(|count| count as f64 / HISTORIES as f64);
    assert!(
        shares.iter().all(|share| *share > 0.15),
        "one-sided: {shares:?}"
    );
}

#[test]
fn an_order_that_the_search_finds_can_be_replayed() {
    for seed in 0..HISTORIES / 10 {
        let History {
            mut operations,
            read,
        } = history(seed);
        let Answer::Explained(order) = searched(&operations, &read) else {
            continue;
        };
        operations.retain(|one| order.contains(&one.number));
        for one in &mut operations {
            let place = order.iter().position(|number| *number == one.number);
            one.sequence = place.map(|place| place as u64);
        }
        let witnessed = replayed(&operations, &read);
        assert!(
            witnessed.is_explained(),
            "seed {seed}: {witnessed:?}\n{operations:#?}"
        );
    }
}
