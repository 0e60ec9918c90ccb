//! How long orders live: the laws, the mix, and which slot ends which life.

use shakedown_load::flow::{Course, Flow, Life};
use shakedown_record::ledger::OrderKind;
use shakedown_scenarios::plan::LoadPlan;

use crate::common::{binomial, digest, load, stream};

const MS: u64 = 1_000_000;
const DRAWN: u64 = 200_000;

fn section(lifetimes: &str) -> String {
    format!(
        "  arrival: {{ constant: {{ rate: 5000/s }} }}
  mix: {{ new: 45, cancel: 36, replace: 9, oversized: 2 }}
  lifetimes: {lifetimes}
  sessions: 4
  timeout: 1s"
    )
}

const SHORT: &str = "{ table: [ { within: 1ms, share: 0% }, { within: 10ms, share: 50% }, { within: 200ms, share: 100% } ] }";

fn lives(plan: &LoadPlan, seed: u64) -> Vec<Life> {
    let flow = Flow::new(plan, seed).unwrap();
    (0..DRAWN).filter_map(|slot| flow.life(slot)).collect()
}

/// Chances of being over by a time, against the lives that are drawn.
fn holds(lifetimes: &str, chances: &[(u64, f64)]) {
    let lives = lives(&load(&section(lifetimes)), 7);
    for (within_ns, chance) in chances {
        let found = lives
            .iter()
            .filter(|life| life.lasts_ns <= *within_ns)
            .count();
        binomial(
            found,
            lives.len(),
            *chance,
            &format!("{lifetimes} within {within_ns} ns"),
        );
    }
}

#[test]
fn lifetimes_of_us_equities_are_those_of_the_sec() {
    // The third and the fifth are halfway between two points, by the logarithm of the time.
    let chances = [
        (MS / 2, 0.08),
        (5 * MS, (0.08 + 0.25) / 2.0),
        (50 * MS, 0.25),
        (500 * MS, 0.387),
        (1_581_138_830, (0.387 + 0.66) / 2.0),
        (5_000 * MS, 0.66),
    ];
    holds("us-equities", &chances);
    let lives = lives(&load(&section("us-equities")), 7);
    assert!(
        lives
            .iter()
            .all(|life| (10_000..=600_000 * MS + 1).contains(&life.lasts_ns))
    );
}

#[test]
fn lifetimes_of_a_constant_rate_are_exponential() {
    let chance = |means: f64| 1.0 - (-means).exp();
    let chances =
        [0.01, 0.1, 0.5, 1.0, 2.0, 5.0].map(|means| ((means * 2e9) as u64, chance(means)));
    holds("{ exponential: { mean: 2s } }", &chances);
}

/// With `R` replaces and `C` cancels for each new order, a life ends in a replace with chance `R / (1 + R)`.
#[test]
fn lives_end_as_the_mix_asks() {
    let lives = lives(&load(&section(SHORT)), 7);
    let (replaces, cancels) = (9.0 / 45.0, 36.0 / 45.0);
    let count = |ends| lives.iter().filter(|life| life.ends == ends).count();
    let chance = replaces / (1.0 + replaces);
    binomial(
        count(OrderKind::Replace),
        DRAWN as usize,
        chance,
        "replaces",
    );
    let chance = cancels / (1.0 + replaces);
    binomial(count(OrderKind::Cancel), DRAWN as usize, chance, "cancels");
}

/// Messages for one new order, oversized ones among them, have a mean and a variance; by the theorem of renewals, the number of
/// new orders in so many slots has the variance `slots * variance / mean^3`.
#[test]
fn the_stream_has_the_shares_of_the_mix() {
    let slots = 200_000;
    let stream = stream(&load(&section(SHORT)), 7, slots);
    let count = |kind| {
        stream
            .iter()
            .filter(|(_, draft)| draft.kind == kind)
            .count() as f64
    };
    let (replaces, cancels, oversized): (f64, f64, f64) = (9.0 / 45.0, 36.0 / 45.0, 2.0 / 45.0);
    let again = replaces / (1.0 + replaces);
    let mean = 1.0 + replaces + cancels + oversized;
    let variance =
        again / (1.0 - again).powi(2) + cancels * (1.0 - cancels) + oversized * (1.0 + oversized);
    let expected = slots as f64 / mean;
    // Lives that have not ended when the stream does: at most 200 ms of new orders, for each of which a cancel is due.
    let unended = 5_000.0 * 0.2;
    let error = 4.0 * (slots as f64 * variance / mean.powi(3)).sqrt() + unended;
    assert!((count(OrderKind::New) - expected).abs() <= error);
    for (kind, for_each) in [
        (OrderKind::Cancel, cancels),
        (OrderKind::Replace, replaces),
        (OrderKind::Oversized, oversized),
    ] {
        let share = count(kind) / count(OrderKind::New);
        let off = (4.0 * (variance * expected).sqrt() + unended) / expected;
        assert!(
            (share - for_each).abs() <= off,
            "{kind:?}: {share} and not {for_each}"
        );
        assert!(off <= 0.02, "{off}");
    }
    assert!(error / slots as f64 <= 0.01, "{error}");
}

/// The same by hand: of the lives of its session that are over, a slot ends the one that was over first.
#[test]
fn each_slot_ends_the_life_that_was_over_first() {
    let plan = load(&section(SHORT));
    let flow = Flow::new(&plan, 7).unwrap();
    let mut running: Vec<Vec<(u64, u64, OrderKind)>> = vec![Vec::new(); 4];
    let mut ended = 0;
    for (slot, draft) in stream(&plan, 7, 20_000) {
        let lives = &mut running[(slot.index % 4) as usize];
        let over = lives
            .iter()
            .filter(|(at_ns, ..)| *at_ns <= slot.at_ns)
            .min_by_key(|(at_ns, order, _)| (*at_ns, *order));
        let over = over.copied();
        lives.retain(|life| Some(*life) != over);
        let begins = match over {
            Some((_, order, ends)) => {
                ended += 1;
                assert_eq!((draft.kind, draft.aim), (ends, Some(order)));
                (ends == OrderKind::Replace).then_some(order)
            }
            None => {
                assert!(matches!(draft.kind, OrderKind::New | OrderKind::Oversized));
                assert_eq!(draft.aim, None);
                (draft.kind == OrderKind::New).then_some(slot.index)
            }
        };
        if let (Some(order), Some(life)) = (begins, flow.life(slot.index)) {
            lives.push((slot.at_ns + life.lasts_ns, order, life.ends));
        }
    }
    assert!(ended > 5_000, "{ended}");
}

#[test]
fn a_slot_that_is_asked_for_twice_says_the_same() {
    let plan = load(&section(SHORT));
    let flow = Flow::new(&plan, 7).unwrap();
    let (mut once, mut twice) = (Course::default(), Course::default());
    for slot in 0..5_000 {
        let at_ns = slot * MS;
        let first = flow.draft_in(&mut once, slot, at_ns);
        assert_eq!(flow.draft_in(&mut twice, slot, at_ns), first);
        assert_eq!(flow.draft_in(&mut twice, slot, at_ns), first);
        assert_eq!(once.waiting(), twice.waiting());
    }
}

/// Changing one of these breaks the replay of every recorded run: do it knowingly and say so in the changelog.
#[test]
fn one_seed_is_one_stream_for_ever() {
    let found: Vec<[String; 2]> = ["us-equities", "{ exponential: { mean: 100ms } }", SHORT]
        .into_iter()
        .map(|lifetimes| {
            let load = load(&section(lifetimes));
            [digest(&load, 7, 20_000), digest(&load, 8, 20_000)]
        })
        .collect();
    assert_eq!(found, GOLDEN);
}

const GOLDEN: [[&str; 2]; 3] = [
    [
        "60f94cbfa523ad5180e3327ad5c792ce7e937f93eefbda9ba9f8364f43c6a538",
        "b5570ccf03df1343f4216e7dc5196e044e2eaf3fb87ceee4f1db90cc5bd6c211",
    ],
    [
        "9635b05cc904f4cb4ee40e150489b4f1f0c02f1fce5b2245ff1dc3d52c2081ce",
        "7ca26c164d32362e671361613aa6e754f95b41ad435720d663e48c9edc767032",
    ],
    [
        "6fa8cf144db13ddb84ecbecbf273723673f031fee1531b01292d999342615cda",
        "f511304787d40cf976f2c0e83349586bb90ec1be6c5a6914e2674603141f8aca",
    ],
];
