//! Rates that change by a plan: exact counts, exact times, and Poisson processes of the same rate.

use shakedown_load::pacing::Schedule;

use crate::common::{digest, load};

const S: u64 = 1_000_000_000;

const RAMP: &str = "ramp: { from: 100/s, to: 2000/s, over: 30s, at: 10s }";
const FALL: &str = "ramp: { from: 2000/s, to: 500/s, over: 20s }";
const STEPS: &str = "steps: { rates: [ { rate: 300/s, for: 10s }, { rate: 0/s, for: 2s }, { rate: 700/s, for: 3s }, { rate: 200/s } ] }";
const SPIKE: &str = "spike: { rate: 200/s, peak: 3000/s, at: 5s, for: 2s, edge: 1s, every: 20s }";
const BURSTS: &str = "bursts: { rate: 400/s, open: { peak: 4000/s, over: 5s }, close: { peak: 2000/s, over: 4s, at: 30s }, every: 40s }";

fn section(arrival: &str) -> String {
    format!(
        "  arrival: {{ {arrival} }}\n  mix: {{ new: 70, cancel: 30 }}\n  sessions: 8\n  timeout: 1s"
    )
}

fn at_random(arrival: &str) -> String {
    let written = arrival.strip_suffix(" }").unwrap();
    section(&format!("{written}, spacing: random }}"))
}

/// Times of all slots before a moment.
fn due_before(section: &str, seed: u64, end_ns: u64) -> Vec<u64> {
    Schedule::new(load(section).arrival, seed)
        .map(|slot| slot.at_ns)
        .take_while(|at_ns| *at_ns < end_ns)
        .collect()
}

/// Areas below the rates, by hand: the moment, and the slots before it.
const AREAS: [(&str, &[(u64, u64)]); 5] = [
    // 100/s for 10 s; (100 + 2000) / 2 for 30 s; 2000/s.
    (
        RAMP,
        &[(10, 1_000), (25, 9_625), (40, 32_500), (50, 52_500)],
    ),
    // 2000 t - 37.5 t^2; then 500/s.
    (FALL, &[(10, 16_250), (20, 25_000), (30, 30_000)]),
    (STEPS, &[(10, 3_000), (12, 3_000), (15, 5_100), (25, 7_100)]),
    // 200/s for 5 s; 1600/s for 1 s; 3000/s for 2 s; 1600/s for 1 s; 200/s for 16 s.
    (
        SPIKE,
        &[
            (5, 1_000),
            (6, 2_600),
            (8, 8_600),
            (9, 10_200),
            (25, 13_400),
            (45, 25_800),
        ],
    ),
    // 2200/s for 5 s; 400/s for 21 s; 1200/s for 4 s; 400/s for 10 s.
    (
        BURSTS,
        &[
            (5, 11_000),
            (26, 19_400),
            (30, 24_200),
            (40, 28_200),
            (80, 56_400),
        ],
    ),
];

#[test]
fn evenly_spaced_slots_are_as_many_as_the_area_below_the_rate() {
    for (arrival, areas) in AREAS {
        for (end_s, area) in areas {
            let found = due_before(&section(arrival), 1, end_s * S).len() as u64;
            assert_eq!(found, *area, "{arrival}: before {end_s} s");
        }
    }
}

#[test]
fn each_slot_of_a_ramp_is_where_the_closed_form_has_it() {
    let (from, to, over_s) = (2_000.0_f64, 500.0_f64, 20.0_f64);
    for (slot, at_ns) in due_before(&section(FALL), 1, 20 * S).iter().enumerate() {
        let root = (from * from + 2.0 * (to - from) / over_s * slot as f64).sqrt();
        let expected_ns = (from - root) / (from - to) * over_s * 1e9;
        // Rounded up to a whole nanosecond; the closed form has an error of its own in floating point.
        let late_ns = *at_ns as f64 - expected_ns;
        assert!((-0.01..1.01).contains(&late_ns), "{slot}: {late_ns} ns");
    }
}

#[test]
fn a_pause_has_no_slot_and_loses_none() {
    let due = due_before(&section(STEPS), 1, 15 * S);
    assert!(!due.iter().any(|at_ns| (10 * S..12 * S).contains(at_ns)));
    assert_eq!(due[3_000], 12 * S);
    assert_eq!(due[3_001], 12 * S + S.div_ceil(700));
}

/// The number of slots of a Poisson process has the variance of its mean: four deviations are exceeded by chance once in
/// 16,000 times, and the seeds are fixed.
#[test]
fn slots_at_random_are_a_poisson_process_of_the_rate() {
    for (arrival, areas) in AREAS {
        let mut before = (0, 0);
        let due = due_before(&at_random(arrival), 11, areas[areas.len() - 1].0 * S);
        for (end_s, area) in areas {
            let span = before.0 * S..end_s * S;
            // The slot at zero is none of the process.
            let found = due
                .iter()
                .skip(1)
                .filter(|at_ns| span.contains(at_ns))
                .count() as f64;
            let expected = (area - before.1) as f64;
            assert!(
                (found - expected).abs() <= 4.0 * expected.sqrt(),
                "{arrival}: {found} of {expected} from {} s to {end_s} s",
                before.0
            );
            before = (*end_s, *area);
        }
        let again = due_before(&at_random(arrival), 12, 5 * S);
        assert_ne!(due[..again.len().min(due.len())], again[..]);
    }
}

#[test]
fn the_gaps_at_random_are_exponential() {
    // A flat part of a curve: 3000/s for 2 s of every 20 s, hence squares of gaps are twice the mean squared.
    let gaps: Vec<f64> = due_before(
        &at_random("steps: { rates: [ { rate: 3000/s, for: 1s }, { rate: 3000/s } ] }"),
        5,
        60 * S,
    )
    .windows(2)
    .map(|pair| (pair[1] - pair[0]) as f64 * 3_000.0 / 1e9)
    .collect();
    let count = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    let second = gaps.iter().map(|gap| gap * gap).sum::<f64>() / count;
    // Deviations of the two estimates: 1 and sqrt(4! - 2!^2) over the root of their number.
    assert!((mean - 1.0).abs() <= 4.0 / count.sqrt(), "{mean}");
    assert!(
        (second - 2.0).abs() <= 4.0 * 20f64.sqrt() / count.sqrt(),
        "{second}"
    );
}

/// Changing one of these breaks the replay of every recorded run: do it knowingly and say so in the changelog.
#[test]
fn one_seed_is_one_stream_for_ever() {
    let found: Vec<[String; 3]> = [RAMP, FALL, STEPS, SPIKE, BURSTS]
        .iter()
        .map(|arrival| {
            let (even, random) = (load(&section(arrival)), load(&at_random(arrival)));
            [
                digest(&even, 7, 5_000),
                digest(&random, 7, 5_000),
                digest(&random, 8, 5_000),
            ]
        })
        .collect();
    assert_eq!(found, GOLDEN);
}

const GOLDEN: [[&str; 3]; 5] = [
    [
        "76d16fe7e751a89aaa16cb87d8f5880a1c19cd7ef912fb4f907f71813cb81e1f",
        "9736dcca7d634243a11687214cf055aa28583e2901d1bb4c32ef3d97208117cf",
        "a457885b79a13a311b95af20ded64f74f53c4494e42fee178d2342ac897b573b",
    ],
    [
        "0a78240acefc2226387453b854f8ec0dd2cf0bdca192191e13c231dbb1be6c18",
        "89a3b0064eb9de2ac938b7737e1bb3e7b7a485a22a8272d4b9a70cf3d5b2b7b3",
        "f12e71fa96e63b996d0913b511e324d1e9f01a917cade5cee7ced2e05b77cf89",
    ],
    [
        "095298fff01ebefa469121b990a73ef68bd26a0ffa00738fb53c74cfd60fb6a0",
        "3b1bcae7b4c607a349e710b9430765fe912e71163c8f89085812756cbdd2295a",
        "14fc98d33e98b3bd54a5fc04a7aed333ad6c34a214f693712c4ad7a82097bef2",
    ],
    [
        "6b590658ccfa89e569e7f85cfed2a104c89c55c475228dc8e2d9ab48e201965f",
        "24618607c5ab7a3e3406dfcd06c209311ee69e547adaab640bfd841208e8db03",
        "c731461221d95bc99f428b22faf0a443e200aa7ec1d37cbb9f6e296830b98388",
    ],
    [
        "91f25bce955c7c58b586e5cbca5a842be97ce9885fa594df32748678c6fd590e",
        "c1c52f180677536ec2c282037ea9397311d0e086eaf3e1fba24cea92651c6802",
        "eb13ccbad9171fca5d5a0ca9cc8c5bea569ca010c184578ea198c7b9b62a39bf",
    ],
];
