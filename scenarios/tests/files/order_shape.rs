//! Whose orders are, and at which prices: read, said in words, and refused where it makes no sense.

use crate::common::{set, with};
use shakedown_scenarios::describe;
use shakedown_scenarios::plan::{Lifetimes, OrderShape, PowerLaw, Prices};

#[test]
fn the_plan_of_scenarios_that_say_nothing_of_it_has_no_word_of_it() {
    let plan = with("baseline", &[]).unwrap().plan;
    assert_eq!(plan.load.shape, OrderShape::default());
    let load = serde_json::to_value(&plan).unwrap()["load"].clone();
    assert!(load.get("shape").is_none(), "{load}");
    let even = [
        set("load.prices", "band"),
        set("load.accounts", "{ skew: even }"),
    ];
    let written = with("baseline", &even).unwrap().plan;
    assert_eq!(written.digest, plan.digest);
}

#[test]
fn prices_and_accounts_are_read_and_said_in_words() {
    let options = [
        set("load.prices", "{ power-law: {} }"),
        set("load.accounts", "{ skew: { zipf: 1 } }"),
    ];
    let plan = with("baseline", &options).unwrap().plan;
    let law = PowerLaw {
        exponent: 1.5,
        scale_ticks: 10.0,
        crossing: 0.02,
    };
    assert_eq!(plan.load.shape.prices, Prices::PowerLaw(law));
    let shares = &plan.load.shape.account_shares;
    assert_eq!(shares.len(), 4);
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert!((shares[0] / shares[3] - 4.0).abs() < 1e-12);
    let text = describe(&plan);
    for words in [
        "prices by a power law (exponent 1.5, scale 10 ticks, 2% crossing)",
        "48% of it by SHK-TEST-1",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_all_at_once() {
    let law = "{ power-law: { exponent: 11, scale: 0, crossing: 51% } }";
    let options = [
        set("load.prices", law),
        set("load.accounts", "{ skew: { zipf: 11 } }"),
    ];
    let told = with("baseline", &options).unwrap_err();
    let paths: Vec<&str> = told
        .0
        .iter()
        .filter_map(|one| one.path.as_deref())
        .collect();
    assert_eq!(
        paths,
        [
            "load.accounts.skew.zipf",
            "load.prices.power-law.exponent",
            "load.prices.power-law.scale",
            "load.prices.power-law.crossing",
        ],
        "{told}"
    );
}

#[test]
fn lifetimes_are_read_and_said_in_words() {
    let with_lifetimes = |written: &str| {
        let plan = with("baseline", &[set("load.lifetimes", written)]);
        plan.unwrap_or_else(|told| panic!("{told}")).plan
    };
    let exponential = with_lifetimes("{ exponential: { mean: 2s } }");
    let mean_ns = 2_000_000_000;
    assert_eq!(
        exponential.load.shape.lifetimes,
        Some(Lifetimes::Exponential { mean_ns })
    );
    assert!(describe(&exponential).contains("orders live 2 s in the mean"));
    let sec = with_lifetimes("us-equities");
    assert!(
        describe(&sec).contains("orders live by a table, 66% of them at most 5 s"),
        "{}",
        describe(&sec)
    );
    let slot_every = "a session has a slot every 64 ms";
    assert!(
        sec.notes.iter().any(|note| note.contains(slot_every)),
        "{:?}",
        sec.notes
    );
}

#[test]
fn lifetimes_that_make_no_sense_are_refused_where_they_stand() {
    for (key, value, path, said) in [
        (
            "load.mix",
            "{ new: 1 }",
            "load.lifetimes",
            "neither cancels nor replaces",
        ),
        (
            "load.mix",
            "{ new: 1, cancel: 2 }",
            "load.lifetimes",
            "2 cancels for 1 new orders",
        ),
        (
            "load.lifetimes",
            "{ exponential: { mean: 8d } }",
            "load.lifetimes.exponential.mean",
            "not sensible",
        ),
        (
            "load.lifetimes",
            "{ table: [ { within: 1ms, share: 0% } ] }",
            "load.lifetimes.table",
            "1 lines",
        ),
        (
            "load.lifetimes",
            "{ table: [ { within: 1ms, share: 1% }, { within: 2ms, share: 100% } ] }",
            "load.lifetimes.table.0.share",
            "from 0% to 100%",
        ),
        (
            "load.lifetimes",
            "{ table: [ { within: 1ms, share: 0% }, { within: 2ms, share: 99% } ] }",
            "load.lifetimes.table.1.share",
            "from 0% to 100%",
        ),
        (
            "load.lifetimes",
            "{ table: [ { within: 2ms, share: 0% }, { within: 2ms, share: 100% } ] }",
            "load.lifetimes.table.1.within",
            "not later than 2 ms",
        ),
        (
            "load.lifetimes",
            "{ table: [ { within: 1ms, share: 0% }, { within: 2ms, share: 0% }, { within: 3ms, share: 100% } ] }",
            "load.lifetimes.table.1.share",
            "not more than 0%",
        ),
    ] {
        let options = [set("load.lifetimes", "us-equities"), set(key, value)];
        let told = with("baseline", &options).expect_err(value);
        let found = told
            .0
            .iter()
            .any(|one| one.path.as_deref() == Some(path) && one.message.contains(said));
        assert!(found && told.0.len() == 1, "{said:?} at {path}:\n{told}");
    }
}
