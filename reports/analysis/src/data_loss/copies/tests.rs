use std::fs;
use std::os::unix::fs::FileExt;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use shakedown_record::Decimal;
use shakedown_record::event::Event;
use shakedown_record::ledger::{Entry, Side};
use shakedown_record::readback::{Row, rows_path};
use shakedown_record::run_dir::RunDir;

use super::*;
use crate::testing::{PREFIX, input, plan, random_entry, run};

const REPLICA: &str = "engine-1";

/// A row as some copy may hold it, right or wrong in any way.
fn random_row(random: &mut SmallRng, entries: &[Entry]) -> Row {
    let slot = random.random_range(0..entries.len());
    let entry = &entries[slot];
    let id = match random.random_range(0..30) {
        0 => format!("{PREFIX}-{}", entries.len() + slot),
        1 => format!("{PREFIX}-{}", u64::MAX),
        2 => format!("{PREFIX}-{}0", u64::MAX),
        3 => format!("{PREFIX}-+{slot}"),
        4 => format!("{PREFIX}-x{slot}"),
        5 => format!("{PREFIX}-s{}", slot % 3),
        6 => format!("{PREFIX}-00{slot}"),
        7 => format!("other-{slot}"),
        8 => PREFIX.to_string(),
        _ => format!("{PREFIX}-{slot}"),
    };
    let (tick, lot) = (Decimal::new(1, 2), Decimal::new(1, 3));
    let price = tick.times(entry.price_ticks + i64::from(random.random_range(0..9) == 0));
    let lots = i64::from(entry.quantity_lots + u32::from(random.random_range(0..9) == 0));
    let mut maybe = |text: String| (random.random_range(0..9) > 0).then_some(text);
    let (price, quantity) = (maybe(price.to_string()), maybe(lot.times(lots).to_string()));
    let side = match entry.side {
        Side::Buy => "buy",
        Side::Sell => "SELL",
    };
    Row {
        id,
        found: random.random_range(0..12) > 0,
        price: price.map(|it| match random.random_range(0..9) {
            0 => format!("{it}e0"),
            1 => format!("{it}0"),
            2 => "none".to_string(),
            _ => it,
        }),
        quantity,
        symbol: Some(["BTCUSD", "BTCUSD", "BTCUSD", "ETHUSD"][random.random_range(0..4)].into()),
        side: Some(side.into()),
        state: match random.random_range(0..5) {
            0 => None,
            n => Some(["open", "filled", "cancelled", "unheard-of"][n - 1].into()),
        },
        ..Row::default()
    }
}

/// Rows in about the order of the slots, or in none; some twice, some in unusual spelling, a few spoilt.
fn random_text(random: &mut SmallRng, entries: &[Entry]) -> (Vec<u8>, u64) {
    let count = random.random_range(0..300);
    let mut rows: Vec<Row> = (0..count).map(|_| random_row(random, entries)).collect();
    if random.random_range(0..2) == 0 {
        rows.sort_by(|a, b| (a.id.len(), &a.id).cmp(&(b.id.len(), &b.id)));
    }
    let mut text = Vec::new();
    for row in &rows {
        let line = serde_json::to_string(row).unwrap();
        text.extend(match random.random_range(0..20) {
            0 => line.replace("\":", "\": ").into_bytes(),
            1 => line.replace('-', "\\u002d").into_bytes(),
            2 => (line + "\r").into_bytes(),
            _ => line.into_bytes(),
        });
        text.push(b'\n');
    }
    if random.random_range(0..3) == 0 && !text.is_empty() {
        let at = random.random_range(0..text.len());
        text[at] = b"\"}\n\xff9"[random.random_range(0..5)];
    }
    if random.random_range(0..5) == 0 && !text.is_empty() {
        text.truncate(random.random_range(0..text.len()));
    }
    (text, count)
}

fn done(rows: u64, by_id: bool) -> Event {
    Event::ReadBack(ReadBackDone {
        read: ReadKind::Converged,
        replica: REPLICA.into(),
        complete: true,
        rows,
        watermark: None,
        reason: None,
        by_id,
        foreign: None,
        trades: None,
        depth: None,
        during: None,
    })
}

fn sentinel(number: u64) -> Event {
    Event::Sentinel {
        acked: true,
        id: format!("{PREFIX}-s{number}"),
        reason: None,
        read: ReadKind::Converged,
    }
}

/// Everything that is known of a copy.
fn told(copy: &CopyRead) -> String {
    let CopyRead {
        replica,
        unread,
        present,
        twice,
        phantom,
        strangers,
        named_strangers,
        corrupt,
        differences,
        filled,
        revived,
        has_ended,
        ended,
        asked,
        rows,
        sentinels,
    } = copy;
    let sets = [present, twice, phantom, corrupt, filled, revived, ended];
    let sets = sets.map(|set| set.iter().collect::<Vec<u64>>());
    let asked = asked.as_ref().map(|set| set.iter().collect::<Vec<u64>>());
    format!(
        "{replica} {unread:?} {sets:?} {strangers} {named_strangers:?} {differences:?} {has_ended} {asked:?} {rows} {sentinels:?}"
    )
}

/// A run directory of any content; some slots of its ledger are damaged.
fn random_run(random: &mut SmallRng) -> (tempfile::TempDir, RunDir) {
    let slots = random.random_range(1..200);
    let entries: Vec<Entry> = (0..slots)
        .map(|slot| random_entry(random, slot, slots))
        .collect();
    let (text, rows) = random_text(random, &entries);
    let rows = rows + u64::from(random.random_range(0..6) == 0);
    let events = vec![sentinel(0), done(rows, random.random_range(0..3) == 0)];
    let (folder, dir) = run(&entries, events);
    if random.random_range(0..3) == 0 {
        let ledger = fs::File::options()
            .write(true)
            .open(dir.ledger().join("orders-0000.seg"));
        let at =
            random.random_range(0..slots) * 64 + [0, 7, 40, 60, 61, 62][random.random_range(0..6)];
        ledger
            .unwrap()
            .write_all_at(&[random.random_range(0..=255)], at)
            .unwrap();
    }
    fs::write(rows_path(dir.root(), ReadKind::Converged, REPLICA), text).unwrap();
    (folder, dir)
}

#[test]
fn the_parts_in_which_rows_are_taken_are_not_to_be_seen() {
    let plan = plan();
    let (mut whole, mut broken) = (0, 0);
    for seed in 0..300 {
        let mut random = SmallRng::seed_from_u64(seed);
        let (_folder, dir) = random_run(&mut random);
        let input = input(&dir);
        let fates = Fates::of(&input, &plan);
        let ended: Bits = (0..200)
            .filter(|_| random.random_range(0..4) == 0)
            .collect();
        let reader = Reader {
            input: &input,
            plan: &plan,
            fates: &fates,
            ended: &ended,
            keeps: Keeps {
                ended: random.random_range(0..2) == 0,
                filled: random.random_range(0..2) == 0,
            },
        };
        let of = |parts: u64| -> Vec<String> {
            let copies = reader.copies_in(ReadKind::Converged, parts);
            copies.iter().map(told).collect()
        };
        let one = of(1);
        let is_broken = one[0].contains("cannot be read");
        let count = if is_broken { &mut broken } else { &mut whole };
        *count += 1;
        for parts in [2, 3, 5, 64] {
            assert_eq!(of(parts), one, "seed {seed}, {parts} parts");
        }
    }
    assert!(whole > 50 && broken > 50, "{whole} {broken}");
}

/// What one walk over the rows finds with sets of the standard library and the parser alone.
#[test]
fn what_is_there_twice_or_missing_is_what_a_plain_walk_finds() {
    let plan = plan();
    for seed in 0..300 {
        let mut random = SmallRng::seed_from_u64(seed);
        let (_folder, dir) = random_run(&mut random);
        let input = input(&dir);
        let fates = Fates::of(&input, &plan);
        let keeps = Keeps {
            ended: true,
            filled: true,
        };
        let reader = Reader {
            input: &input,
            plan: &plan,
            fates: &fates,
            ended: &Bits::default(),
            keeps,
        };
        let copy = reader.copies_in(ReadKind::Converged, 3).swap_remove(0);
        let path = rows_path(dir.root(), ReadKind::Converged, REPLICA);
        let text = fs::read(path).unwrap();
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let rows = lines.map_while(|line| serde_json::from_slice::<Row>(line).ok());
        let rows: Vec<Row> = rows.collect();
        let slot = |row: &Row| -> Option<u64> {
            let digits = row.id.strip_prefix(PREFIX)?.strip_prefix('-')?;
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits
                .parse()
                .ok()
                .filter(|slot| is_number && *slot < input.orders.slots_end)
        };
        let found: Vec<(u64, &Row)> = rows
            .iter()
            .filter(|row| row.found)
            .filter_map(|row| Some((slot(row)?, row)))
            .collect();
        let set = |slots: &mut dyn Iterator<Item = u64>| slots.collect::<BTreeSet<u64>>();
        let of = |bits: &Bits| bits.iter().collect::<BTreeSet<u64>>();
        let in_state = |state: &str| {
            let all = found
                .iter()
                .filter(|(_, row)| row.state.as_deref() == Some(state));
            all.map(|(slot, _)| *slot).collect::<BTreeSet<u64>>()
        };
        assert_eq!(copy.rows, rows.len() as u64, "seed {seed}");
        assert_eq!(
            of(&copy.present),
            set(&mut found.iter().map(|(slot, _)| *slot))
        );
        let times = |slot: u64| found.iter().filter(|(other, _)| *other == slot).count();
        let twice = &mut found
            .iter()
            .map(|(slot, _)| *slot)
            .filter(|slot| times(*slot) > 1);
        assert_eq!(of(&copy.twice), set(twice), "seed {seed}");
        assert_eq!(of(&copy.filled), in_state("filled"));
        let revived = in_state("open").into_iter();
        let mut revived = revived.filter(|slot| fates.cancelled.contains(*slot));
        assert_eq!(of(&copy.revived), set(&mut revived), "seed {seed}");
        // Whatever is not open has ended, also what a spoilt byte made of a state.
        let is_over = |row: &Row| row.state.as_ref().is_some_and(|state| state != "open");
        let ended = found.iter().filter(|(_, row)| is_over(row));
        let ended: BTreeSet<u64> = ended.map(|(slot, _)| *slot).collect();
        assert_eq!(copy.has_ended, !ended.is_empty());
        assert_eq!(of(&copy.ended), ended, "seed {seed}");
    }
}
