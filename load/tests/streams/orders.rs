//! Prices and accounts against the laws that they are said to follow.

use shakedown_load::flow::{Draft, Flow};
use shakedown_record::ledger::Side;
use shakedown_scenarios::plan::LoadPlan;

use crate::common::{binomial, digest, load};

const DRAFTS: u64 = 200_000;

const POWER_LAW: &str = "  arrival: { constant: { rate: 1000/s } }
  prices: { power-law: { exponent: 1.5, scale: 10, crossing: 5% } }
  sessions: 8
  timeout: 1s";

const ACCOUNTS: &str = "  arrival: { constant: { rate: 1000/s } }
  accounts: { skew: { zipf: 1 } }
  sessions: 8
  timeout: 1s";

fn drafts(plan: &LoadPlan, seed: u64) -> Vec<Draft> {
    let flow = Flow::new(plan, seed).unwrap();
    (0..DRAFTS).map(|slot| flow.draft(slot)).collect()
}

#[test]
fn distances_from_the_middle_follow_the_power_law_to_the_end_of_the_band() {
    let plan = load(POWER_LAW);
    let drafts = drafts(&plan, 7);
    for (number, symbol) in plan.symbols.iter().enumerate() {
        let (around, band) = (symbol.instrument.around_ticks, symbol.instrument.band_ticks);
        let distances: Vec<i64> = drafts
            .iter()
            .filter(|draft| usize::from(draft.symbol) == number)
            .map(|draft| (draft.price_ticks - around).abs())
            .collect();
        assert!(distances.iter().all(|ticks| (1..=band).contains(ticks)));
        let chance = |ticks: i64| (1.0 + ticks as f64 / 10.0).powf(-1.5);
        let beyond = chance(band);
        for ticks in [1, 2, 5, 10, 30, 100, 300, 1_000, 3_000] {
            let found = distances.iter().filter(|other| **other > ticks).count();
            let expected = (chance(ticks) - beyond) / (1.0 - beyond);
            binomial(
                found,
                distances.len(),
                expected,
                &format!("{} beyond {ticks}", symbol.name),
            );
        }
    }
}

/// Where the cut at the end of the band is far, the logarithm of the chance over the logarithm of the distance is the
/// exponent. Its deviation is that of the count, over the count and that logarithm.
#[test]
fn the_exponent_is_found_again() {
    for (exponent, wrong) in [(1.0, 1.2), (1.5, 1.3), (2.5, 2.2)] {
        let section = POWER_LAW.replace("exponent: 1.5", &format!("exponent: {exponent}"));
        let plan = load(&section);
        let around: Vec<i64> = plan
            .symbols
            .iter()
            .map(|symbol| symbol.instrument.around_ticks)
            .collect();
        let drafts = drafts(&plan, 3);
        let ticks = 100.0;
        let beyond = drafts
            .iter()
            .filter(|draft| {
                (draft.price_ticks - around[usize::from(draft.symbol)]).abs() as f64 > ticks
            })
            .count() as f64;
        // The cut moves the chance by less than what lies beyond the narrower band of 6,000 ticks.
        let cut = 601f64.powf(-exponent);
        let stretch = (1.0 + ticks / 10.0f64).ln();
        let found = -(beyond / DRAFTS as f64 + cut).ln() / stretch;
        let error = 4.0 / beyond.sqrt() / stretch + cut / (beyond / DRAFTS as f64) / stretch;
        assert!(
            (found - exponent).abs() <= error,
            "{found} and not {exponent}"
        );
        assert!((found - wrong).abs() > error, "{wrong} would do");
    }
}

#[test]
fn the_asked_share_of_orders_crosses_the_middle() {
    let plan = load(POWER_LAW);
    let drafts = drafts(&plan, 7);
    let crossing = drafts.iter().filter(|draft| {
        let around = plan.symbols[usize::from(draft.symbol)]
            .instrument
            .around_ticks;
        (draft.price_ticks > around) == (draft.side == Side::Buy)
    });
    binomial(crossing.count(), drafts.len(), 0.05, "crossing");
}

#[test]
fn accounts_have_the_shares_of_zipf() {
    let plan = load(ACCOUNTS);
    let drafts = drafts(&plan, 7);
    let total = 1.0 + 1.0 / 2.0 + 1.0 / 3.0;
    for account in 0..3u8 {
        let found = drafts
            .iter()
            .filter(|draft| draft.account == account)
            .count();
        let share = 1.0 / f64::from(account + 1) / total;
        binomial(found, drafts.len(), share, &format!("account {account}"));
    }
    // ln(share of the first / share of the n-th) / ln n is the exponent.
    let count = |account: u8| drafts.iter().filter(|d| d.account == account).count() as f64;
    for account in [1u8, 2] {
        let stretch = f64::from(account + 1).ln();
        let found = (count(0) / count(account)).ln() / stretch;
        let error = 4.0 * (1.0 / count(0) + 1.0 / count(account)).sqrt() / stretch;
        assert!((found - 1.0).abs() <= error, "{found}");
        assert!(error < 0.05, "{error}");
    }
}

#[test]
fn what_is_not_asked_for_stays_as_it_was() {
    let plain = load(
        POWER_LAW
            .replace(
                "  prices: { power-law: { exponent: 1.5, scale: 10, crossing: 5% } }\n",
                "",
            )
            .as_str(),
    );
    let (law, plain) = (drafts(&load(POWER_LAW), 7), drafts(&plain, 7));
    for (law, plain) in law.iter().zip(&plain) {
        assert_eq!(
            (
                law.kind,
                law.symbol,
                law.side,
                law.account,
                law.quantity_lots,
                law.pick
            ),
            (
                plain.kind,
                plain.symbol,
                plain.side,
                plain.account,
                plain.quantity_lots,
                plain.pick
            )
        );
    }
}

/// Changing one of these breaks the replay of every recorded run: do it knowingly and say so in the changelog.
#[test]
fn one_seed_is_one_stream_for_ever() {
    let found: Vec<[String; 2]> = [POWER_LAW, ACCOUNTS]
        .into_iter()
        .map(|section| {
            let load = load(section);
            [digest(&load, 7, 10_000), digest(&load, 8, 10_000)]
        })
        .collect();
    assert_eq!(found, GOLDEN);
}

const GOLDEN: [[&str; 2]; 2] = [
    [
        "ae4d96b48fe1493c19edd9cb0ec69fe2b69f3c1783ce2f9d4a31923fa9887415",
        "98832c81e4d68376b450a796855aa26c12f4bc792f781d743741b8ea8b630928",
    ],
    [
        "fe1de7657f997e77add350b294f708ab7c6eae7cd9a276ad2b92975cf95bf8a2",
        "3c3da2dbac83e0ab2135669b10cc68723e8d9e5f06285d7ca6a1f98347ec215b",
    ],
];
