//! Recordings that are sent again: read, told of by line, and held against the rest of the scenario.

use crate::common::{file, set, shipped, swapped};
use shakedown_scenarios::{
    CompileInput, Compiled, Diagnostics, KEPT_RECORDING, Override, compile, compile_with, describe,
};

const RECORDING: &str = "\
34200.0,1,11,100,500000000,1
34200.1,1,12,50,500100000,-1
34200.15,5,0,10,500050000,1
34200.2,2,11,40,500000000,1
34200.25,3,99,10,499000000,1
34200.3,4,12,20,500100000,-1
34200.5,3,12,30,500100000,-1
";

const REPLAY: &str = "{ replay: { file: day/messages.csv, again: true } }";

/// The baseline, replaying a recording of this text.
fn replayed(recording: Result<&str, &str>, more: &[Override]) -> Result<Compiled, Diagnostics> {
    let baseline = shipped("baseline").text;
    let scenario = file(
        "b.yaml",
        &swapped(
            &baseline,
            "  mix: { new: 69, cancel: 25, replace: 5, oversized: 1 }\n",
            "",
        ),
    );
    let mut overrides = vec![
        set("load.arrival", REPLAY),
        set("load.symbols", "{ names: [BTCUSD] }"),
        set("sla", "{}"),
    ];
    overrides.extend(more.iter().cloned());
    let profile = shipped("reference");
    let input = CompileInput {
        scenario: (&scenario).into(),
        profile: (&profile).into(),
        overrides: &overrides,
        environment: None,
        seed: None,
    };
    compile_with(&input, &|path, _| {
        assert_eq!(path, "day/messages.csv");
        recording.map(str::to_string).map_err(str::to_string)
    })
}

fn told(recording: &str, more: &[Override]) -> Diagnostics {
    replayed(Ok(recording), more).expect_err(recording)
}

#[test]
fn a_replay_is_read_and_said_in_words() {
    let compiled = replayed(Ok(RECORDING), &[]).unwrap_or_else(|told| panic!("{told}"));
    let plan = &compiled.plan;
    let recording = plan.load.arrival.recording().unwrap();
    assert_eq!(recording.text(), RECORDING);
    assert_eq!(recording.messages().len(), 5);
    let mix = plan.load.mix;
    assert_eq!((mix.new, mix.cancel, mix.replace), (3, 1, 1));
    let text = describe(plan);
    for words in [
        "a recording of 5 messages in 0.625 s, again and again (SHA-256 ",
        "of the recording 5 messages are sent; left out: 1 about orders from before it, 1 about hidden orders",
    ] {
        assert!(
            text.replace("625 ms", "0.625 s").contains(words),
            "{words}\n{text}"
        );
    }
}

#[test]
fn the_digest_of_a_plan_is_also_that_of_its_recording() {
    let first = replayed(Ok(RECORDING), &[]).unwrap();
    let again = replayed(Ok(RECORDING), &[]).unwrap();
    assert_eq!(first.plan.digest, again.plan.digest);
    let other = RECORDING.replace("34200.15,5", "34200.16,5");
    let other = replayed(Ok(&other), &[]).unwrap();
    assert_ne!(
        other.plan.digest, first.plan.digest,
        "also where what is sent is the same"
    );
}

#[test]
fn a_saved_scenario_names_the_recording_beside_it() {
    let first = replayed(Ok(RECORDING), &[]).unwrap();
    let (scenario, profile) = (
        file("scenario.yaml", &first.scenario_yaml),
        file("system.yaml", &first.system_yaml),
    );
    let input = CompileInput {
        scenario: (&scenario).into(),
        profile: (&profile).into(),
        overrides: &[],
        environment: None,
        seed: None,
    };
    let again = compile_with(&input, &|path, _| {
        assert_eq!(path, KEPT_RECORDING);
        Ok(RECORDING.to_string())
    });
    let again = again.unwrap_or_else(|told| panic!("{told}"));
    assert_eq!(again.plan.digest, first.plan.digest);
    let told = compile(&input).unwrap_err().to_string();
    assert!(
        told.contains("the recording cannot be read: files are out of reach here"),
        "{told}"
    );
}

#[test]
fn mistakes_of_a_recording_are_told_by_line_all_at_once() {
    let wrong = "\
time,type,order,size,price,direction
34200.1,1,12,50,500100000,-1
34200.2,9,12,50,500100000,-1
34200.3,1,13,0,500100000,-1
34200.2,1,14,5,500100000,-1
";
    let told = told(wrong, &[]);
    let places: Vec<_> = told
        .0
        .iter()
        .map(|one| (one.file.as_str(), one.line, one.column))
        .collect();
    let file = "day/messages.csv";
    assert_eq!(
        places,
        [
            (file, Some(1), Some(1)),
            (file, Some(3), Some(9)),
            (file, Some(4), Some(14)),
        ],
        "{told}"
    );
    assert!(told.to_string().contains("there is no header"), "{told}");
}

#[test]
fn lines_that_do_not_fit_together_or_the_instrument_are_told() {
    for (line, said) in [
        ("34200.9,1,11,5,500000000,1", "order 11 is entered twice"),
        (
            "34200.9,2,11,61,500000000,1",
            "order 11 has 60 left, less than 61",
        ),
        (
            "34200.9,1,13,5,500000050,1",
            "50000.005 is no whole number of ticks",
        ),
        (
            "34200.9,1,13,5,510000100,1",
            "51000.01 is outside the price band of BTCUSD",
        ),
        (
            "34200.9,1,13,100001,500000000,1",
            "more than the largest quantity of BTCUSD",
        ),
    ] {
        let told = told(&format!("{RECORDING}{line}\n"), &[]);
        let one = &told.0[0];
        assert!(one.message.contains(said), "{said}:\n{told}");
        assert_eq!((told.0.len(), one.line), (1, Some(8)), "{told}");
    }
}

#[test]
fn what_does_not_go_with_a_replay_is_refused_where_it_stands() {
    let key = |words: &str| {
        set(
            "load.arrival",
            &format!("{{ replay: {{ file: day/messages.csv, {words} }} }}"),
        )
    };
    for (option, path, said) in [
        (
            set("load.mix", "{ new: 1 }"),
            "load.mix",
            "a replay has no `mix`",
        ),
        (
            set("load.prices", "band"),
            "load.prices",
            "a replay has no `prices`",
        ),
        (
            set("load.lifetimes", "us-equities"),
            "load.lifetimes",
            "a replay has no `lifetimes`",
        ),
        (
            set("load.symbols", "{ names: [BTCUSD, ETHUSD] }"),
            "load.symbols",
            "a recording is of one symbol, and the load has 2",
        ),
        (
            key("again: false"),
            "load.arrival.replay.file",
            "the recording is over after 625 ms, and the run lasts 40 s",
        ),
        (
            key("again: true, speed: 0"),
            "load.arrival.replay.speed",
            "0 times as fast",
        ),
        (
            key("again: true, tick: 0.1"),
            "load.arrival.replay.tick",
            "a tick says nothing",
        ),
        (
            key("again: true, prices: around, tick: 0"),
            "load.arrival.replay.tick",
            "no whole number of 0.0001",
        ),
        (
            set("profile.ceilings.orders", "2/s"),
            "load.arrival.replay.speed",
            "the busiest second has 8/s, above the ceiling",
        ),
    ] {
        let told = told(RECORDING, std::slice::from_ref(&option));
        let found = told
            .0
            .iter()
            .any(|one| one.path.as_deref() == Some(path) && one.message.contains(said));
        assert!(found && told.0.len() == 1, "{said:?} at {path}:\n{told}");
    }
    let unread = replayed(Err("day/messages.csv: no such file"), &[]).unwrap_err();
    assert!(
        unread.0[0]
            .message
            .contains("cannot be read: day/messages.csv: no such file"),
        "{unread}"
    );
    let empty = told("34200.1,7,0,0,-1,-1\n", &[]);
    assert!(
        empty.0[0].message.contains("0 messages that can be sent"),
        "{empty}"
    );
}
