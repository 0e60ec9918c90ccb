//! Terms of leaders: whoever was sent after a higher term had acknowledged is not acknowledged with a lower one.

use shakedown_record::event::GeneratorReport;
use shakedown_record::ledger::Terms;
use shakedown_record::worker::WorkerReport;

use super::*;

const CHECK: &str = "terms";

/// Acknowledgements until the leader dies are of term 3, all later ones of term 4.
fn two_terms() -> Run {
    let mut run = Run::healthy();
    run.plan.rules = vec![rule(CHECK, RuleKind::Terms)];
    for (slot, entry) in (0u64..).zip(&run.entries) {
        if let (Some(Outcome::Acked), Some(sent_ns), Some(done_ns)) =
            (entry.outcome, entry.sent_ns, entry.done_ns)
        {
            let term = if done_ns < STRUCK { 3 } else { 4 };
            run.terms.note(term, slot, sent_ns, done_ns);
        }
    }
    run
}

/// The same, and a request of term 3 that was sent so much after the first acknowledgement of term 4 had come.
fn deposed(after_ns: u64) -> Run {
    let mut run = two_terms();
    let newer = run.terms.all().iter().find(|seen| seen.term == 4).unwrap();
    let sent_ns = newer.first_acked_ns + after_ns;
    run.terms.note(3, 6900, sent_ns, sent_ns + MS);
    run
}

#[test]
fn terms_that_follow_each_other_pass() {
    let run = two_terms();
    passes(&run, CHECK);
    let found = run.judge().record.terms.unwrap();
    assert_eq!(
        (found.terms, found.contradictions, found.open),
        (2, 0, None)
    );
    assert_eq!(
        found.acknowledged,
        run.entries
            .iter()
            .filter(|entry| entry.outcome == Some(Outcome::Acked))
            .count() as u64
    );
    // Sent before, and acknowledged late: it may have been decided before.
    passes(&deposed(0), CHECK);
}

#[test]
fn a_deposed_leader_that_goes_on_is_named_beside_the_one_that_had_come() {
    let run = deposed(5 * MS);
    fails(&run, CHECK, "was acknowledged in term 3, and sent 5");
    let analysis = run.judge();
    let text = &the(&analysis, CHECK).observed.text;
    assert!(
        text.contains(&order_id(6900)) && text.contains("in term 4"),
        "{text}"
    );
    assert_eq!(analysis.stories[0].order, order_id(6900));
    assert_eq!(analysis.stories[0].class, "terms");
    assert!(analysis.record.reasons[0].contains("a deposed leader went on"));
}

#[test]
fn of_three_terms_each_is_held_against_all_higher_ones() {
    let mut run = two_terms();
    // Term 5 came before term 4 had ended, which had not ended before term 3.
    run.terms.note(5, 4000, 8 * S, 8 * S + MS);
    let found = run.judge().record.terms.unwrap();
    assert_eq!((found.terms, found.contradictions), (3, 2));
}

#[test]
fn one_term_or_none_shows_nothing() {
    let mut run = two_terms();
    run.terms = Terms::default();
    is_open(&run, CHECK, "no acknowledgement told a term");
    run.terms.note(3, 1, MS, 2 * MS);
    is_open(&run, CHECK, "all acknowledgements are of term 3");
}

#[test]
fn the_clocks_of_workers_are_not_taken_for_a_deposed_leader() {
    let unsure = |clock_error_ns: u64| {
        deposed(5 * MS).with(move |event| {
            if let Event::Generator { report } = event {
                *report = GeneratorReport {
                    workers: vec![WorkerReport {
                        worker: 1,
                        place: "here".into(),
                        scheduled: report.scheduled,
                        outcomes: report.outcomes,
                        unknown: 0,
                        clock_offset_ns: 0,
                        clock_error_ns,
                        lost: None,
                    }],
                    ..report.clone()
                };
            }
        })
    };
    fails(&unsure(2 * MS), CHECK, "in term 3");
    passes(&unsure(3 * MS), CHECK);
}
