//! Whole histories in windows, held against trying everything, and against the replay of numbers that are hidden.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use shakedown_history::{Bound, Ended, Learned, Limits, Operation, search_windows};

use super::{HISTORIES, history, replayed};
use crate::exhaustive::is_explained;
use crate::histories::{History, Make, Read, made, spoilt};

/// Cuts before every request, whatever is in flight.
const EVERYWHERE: Limits = Limits {
    ripe: 1,
    flying: usize::MAX,
    carried: usize::MAX,
    books: usize::MAX / 8,
    ..Limits::USUAL
};

/// Up to a hundred requests, up to three of them in flight at once, and one or two things spoilt in two thirds of them.
fn longer(seed: u64) -> History {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x6c6f_6e67);
    let requests = random.random_range(20..=100);
    of_length(requests, seed, &mut random)
}

/// The same of up to twenty-four, which others can still decide.
pub fn medium(seed: u64) -> History {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x6d65_6469);
    let requests = random.random_range(10..=24);
    of_length(requests, seed, &mut random)
}

fn of_length(requests: u64, seed: u64, random: &mut ChaCha8Rng) -> History {
    let make = Make {
        requests,
        away_ns: random.random_range(30..=130),
        prices: random.random_range(2..=9),
        answered: 98,
        trades: random.random_bool(0.7),
    };
    let mut history = made(make, random);
    for _ in 0..seed % 3 {
        history = spoilt(history, random);
    }
    history
}

fn without_numbers(operations: &[Operation]) -> Vec<Operation> {
    let hidden = operations.iter().map(|one| Operation {
        sequence: None,
        ..*one
    });
    hidden.collect()
}

#[test]
fn windows_say_what_trying_everything_says_wherever_they_are_cut() {
    let mut cut = 0;
    for seed in 0..HISTORIES {
        let history = history(seed);
        let operations = without_numbers(&history.operations);
        let expected = is_explained(&operations, &history.read);
        for limits in [Limits::USUAL, EVERYWHERE] {
            let searched = search_windows(&operations, &history.read.reading(), &limits);
            let said = searched.ended == Ended::Explained;
            assert_eq!(said, expected, "seed {seed}: {searched:?}\n{history:#?}");
            assert!(
                !matches!(searched.ended, Ended::Undecided(_)),
                "{searched:?}"
            );
            cut += searched.windows;
        }
    }
    assert!(cut > 3 * HISTORIES, "few windows: {cut}");
}

#[test]
fn what_the_replay_passes_windows_pass_or_leave_open_and_true_histories_are_never_contradicted() {
    let (mut passed, mut open, mut found) = (0u64, 0u64, 0u64);
    let count = HISTORIES / 20;
    for seed in 0..count {
        let history = longer(seed);
        let witnessed = replayed(&history.operations, &history.read);
        let operations = without_numbers(&history.operations);
        let searched = search_windows(&operations, &history.read.reading(), &Limits::USUAL);
        match &searched.ended {
            Ended::Explained => {}
            Ended::Undecided(_) => open += 1,
            Ended::Unexplained(unexplained) => {
                found += 1;
                assert!(seed % 3 != 0, "seed {seed}: {searched:?}\n{history:#?}");
                assert!(
                    !witnessed.is_explained(),
                    "seed {seed}: {searched:?}\n{history:#?}"
                );
                assert!(!unexplained.requests.is_empty());
            }
        }
        passed += u64::from(witnessed.is_explained());
    }
    let shares = [passed, open, found].map(|part| part as f64 / count as f64);
    assert!(shares[0] > 0.1 && shares[2] > 0.2, "one-sided: {shares:?}");
    assert!(shares[1] < 0.02, "many are left open: {shares:?}");
}

#[test]
fn what_is_told_of_a_contradiction_is_its_smallest_beginning() {
    let mut told = 0;
    for seed in 0..HISTORIES / 10 {
        let operations = without_numbers(&history(seed).operations);
        let nothing = Read::default();
        let searched = search_windows(&operations, &nothing.reading(), &Limits::USUAL);
        let Ended::Unexplained(unexplained) = searched.ended else {
            continue;
        };
        told += 1;
        let last = unexplained.last.expect("nothing was read but answers");
        assert!(unexplained.requests.contains(&last));
        let answer = operations.iter().find(|one| one.number == last);
        let end_ns = answer.and_then(|one| one.answered_ns).unwrap();
        // As its clients saw it then: what was not answered yet may have been done or not.
        let beginning = |is_answered: &dyn Fn(u64) -> bool| -> Vec<Operation> {
            let sent = operations.iter().filter(|one| one.sent_ns <= end_ns);
            let seen = sent.map(|one| match one.answered_ns.is_some_and(is_answered) {
                true => *one,
                false => Operation {
                    answered_ns: None,
                    learned: Learned::Nothing,
                    ..*one
                },
            });
            seen.collect()
        };
        let with = beginning(&|answered_ns| answered_ns <= end_ns);
        let without = beginning(&|answered_ns| answered_ns < end_ns);
        assert!(!is_explained(&with, &nothing), "seed {seed}");
        assert!(is_explained(&without, &nothing), "seed {seed}");
    }
    assert!(told > 500, "{told}");
}

#[test]
fn bounds_leave_open_and_say_which_they_were() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let make = Make {
        requests: 60,
        away_ns: 2_000,
        prices: 2,
        answered: 100,
        trades: true,
    };
    let history = made(make, &mut random);
    let bound = |limits: Limits| {
        let reading = history.read.reading();
        match search_windows(&history.operations, &reading, &limits).ended {
            Ended::Undecided(undecided) => undecided.bound,
            ended => panic!("{ended:?}"),
        }
    };
    let longest = Limits {
        longest: 40,
        ..Limits::USUAL
    };
    assert_eq!(bound(longest), Bound::Longest);
    let steps = Limits {
        steps: 10,
        ..Limits::USUAL
    };
    assert_eq!(bound(steps), Bound::Steps(10));
    let in_all = Limits {
        steps_in_all: 20,
        ..EVERYWHERE
    };
    assert_eq!(bound(in_all), Bound::StepsInAll(20));
    let books = Limits {
        books: 1,
        ..EVERYWHERE
    };
    assert!(matches!(bound(books), Bound::Books(_)));
    let carried = Limits {
        carried: 2,
        ..EVERYWHERE
    };
    assert!(matches!(bound(carried), Bound::Carried(_)));
}

#[test]
fn orders_that_nobody_asked_for_are_not_explained_by_no_requests() {
    let mut read = Read::default();
    let of = |read: &Read| search_windows(&[], &read.reading(), &Limits::USUAL).ended;
    assert_eq!(of(&read), Ended::Explained);
    read.after = Some([(7, 1)].into());
    assert!(matches!(of(&read), Ended::Unexplained(_)));
}

/// Of five true histories of 2,000 requests, so many are decided; `tenths`: requests in flight at a time, on average.
fn decided(tenths: u64, trades: bool) -> usize {
    let of_seed = |seed: u64| {
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x666c_6967);
        let make = Make {
            requests: 2_000,
            away_ns: 10 * tenths,
            prices: 9,
            answered: 100,
            trades,
        };
        let history = made(make, &mut random);
        let reading = history.read.reading();
        search_windows(&history.operations, &reading, &Limits::USUAL).ended == Ended::Explained
    };
    (0..5).filter(|seed| of_seed(*seed)).count()
}

#[test]
fn one_request_in_flight_is_decided_where_trades_are_read_and_more_are_hard() {
    assert_eq!(decided(10, true), 5);
    assert!(decided(15, false) < 2);
    assert!(decided(30, true) < 5);
}
