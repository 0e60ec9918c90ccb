//! What is there and should not be: phantoms, duplicates, other values.

use super::*;

#[test]
fn what_was_rejected_refused_or_never_sent_is_a_phantom_when_found() {
    let run = Run::healthy();
    for slot in [REJECTED, REFUSED] {
        let analysis = run.clone().copy("engine-3", add_order(&run, slot)).judge();
        assert_eq!(ids(&analysis, Verdict::Fail), ["phantom"]);
        red(
            &analysis,
            "phantom",
            "orders appeared that were rejected or never sent",
        );
        assert_eq!(analysis.record.data_loss.phantom, Some(1));
    }
    for id in [
        "abc123-99999999",
        "abc123-18446744073709551615",
        "abc123-",
        "abc123-x7",
        "abc123-sx",
    ] {
        let stranger = Row {
            id: id.into(),
            found: true,
            ..Row::default()
        };
        let analysis = run
            .clone()
            .copy("engine-1", |rows| rows.push(stranger.clone()))
            .judge();
        assert_eq!(ids(&analysis, Verdict::Fail), ["phantom"], "{id}");
        assert_eq!(analysis.record.data_loss.examples[0].order, id);
    }
}

#[test]
fn other_peoples_orders_and_our_sentinels_are_no_phantoms() {
    let others = ["zzz999-5", "MANUAL-1", "abc1234-7", ""].map(|id| Row {
        id: id.into(),
        found: true,
        ..Row::default()
    });
    let analysis = Run::healthy()
        .every_copy(|rows| rows.extend(others.clone()))
        .judge();
    assert_eq!(
        analysis.record.verdict,
        Verdict::Pass,
        "{:?}",
        analysis.record.reasons
    );
}

#[test]
fn the_same_id_twice_on_one_copy_is_a_duplicate() {
    let run = Run::healthy();
    let analysis = run.clone().copy("engine-1", add_order(&run, LATE)).judge();
    assert_eq!(ids(&analysis, Verdict::Fail), ["duplicate"]);
    red(&analysis, "duplicate", "orders were executed twice");
}

#[test]
fn other_values_than_were_sent_are_corrupt_and_other_spellings_are_not() {
    let change = |of: fn(&mut Row)| {
        Run::healthy()
            .copy("engine-2", |rows| {
                of(rows
                    .iter_mut()
                    .find(|row| row.id == order_id(LATE))
                    .unwrap())
            })
            .judge()
    };
    let spellings: [fn(&mut Row); 3] = [
        |row| row.price = Some("5.000000e4".into()),
        |row| row.quantity = Some("0.0010".into()),
        |row| (row.price, row.side) = (None, None),
    ];
    for spelling in spellings {
        let analysis = change(spelling);
        assert_eq!(
            analysis.record.verdict,
            Verdict::Pass,
            "{:?}",
            analysis.record.data_loss.examples
        );
    }
    let damages: [fn(&mut Row); 5] = [
        |row| row.price = Some("50000.01".into()),
        |row| row.quantity = Some("0.002".into()),
        |row| row.quantity = Some("much".into()),
        |row| row.symbol = Some("ETHUSD".into()),
        |row| row.side = Some("sell".into()),
    ];
    for damage in damages {
        let analysis = change(damage);
        assert_eq!(ids(&analysis, Verdict::Fail), ["corrupt"]);
        red(&analysis, "corrupt", "orders were changed");
        assert!(
            analysis.record.data_loss.examples[0]
                .story
                .contains("engine-2 has ")
        );
    }
}

/// A replace of the order eight slots before it.
const REPLACE: u64 = 2_009;

fn with_first_values(run: &Run) -> Row {
    let mut without = run.clone();
    without.entries[REPLACE as usize].outcome = Some(Outcome::Rejected);
    without.row(REPLACE - 8)
}

fn put_back(row: Row) -> impl Fn(&mut Vec<Row>) {
    move |rows| *rows.iter_mut().find(|known| known.id == row.id).unwrap() = row.clone()
}

#[test]
fn an_acknowledged_replace_must_show_and_an_unanswered_one_may() {
    let run = Run::healthy();
    let old = with_first_values(&run);
    assert_ne!(old, run.row(REPLACE - 8));
    let forgotten = run.clone().every_copy(put_back(old.clone())).judge();
    assert_eq!(
        forgotten.record.data_loss.corrupt,
        Some(1),
        "the acknowledged replace is gone"
    );
    let mut unanswered = run;
    unanswered.entries[REPLACE as usize].outcome = Some(Outcome::Timeout);
    let new = unanswered.entries[REPLACE as usize];
    let unanswered = unanswered.refill();
    assert_eq!(
        unanswered.judge().record.data_loss.corrupt,
        Some(0),
        "not executed is right"
    );
    let mut executed = unanswered.row(REPLACE - 8);
    executed.price = Some(format!(
        "{}.{:02}",
        new.price_ticks / 100,
        new.price_ticks % 100
    ));
    executed.quantity = Some(format!("0.{:03}", new.quantity_lots));
    let analysis = unanswered.every_copy(put_back(executed)).judge();
    assert_eq!(
        analysis.record.data_loss.corrupt,
        Some(0),
        "executed is right too"
    );
}
