//! What an answer means for the order.

use shakedown_record::Outcome;
use shakedown_scenarios::plan::{Answer as AnswerRule, OrderAction};

use super::reply::holds;

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classified {
    pub outcome: Outcome,
    /// The order that a cancel or replace addressed was already done.
    pub too_late: bool,
}

/// Holds an answer against the profile: the first of acked, too-late, rejected, throttled that matches decides.
///
/// What matches none of them is a bad response: it may have executed. The body is read as JSON only where a rule
/// for its status has conditions.
pub fn classify(action: &OrderAction, status: u16, body: &[u8]) -> Classified {
    let rules = [
        (Some(&action.acked), Outcome::Acked, false),
        (action.too_late.as_ref(), Outcome::Rejected, true),
        (action.rejected.as_ref(), Outcome::Rejected, false),
        (action.throttled.as_ref(), Outcome::Throttled, false),
    ];
    for (rule, outcome, too_late) in rules {
        if rule.is_some_and(|rule| answers(rule, status, body)) {
            return Classified { outcome, too_late };
        }
    }
    Classified {
        outcome: Outcome::BadResponse,
        too_late: false,
    }
}

/// True for an answer of this class.
pub fn answers(rule: &AnswerRule, status: u16, body: &[u8]) -> bool {
    rule.status.contains(&status)
        && rule
            .conditions
            .iter()
            .all(|condition| holds(condition, body))
}

/// What an answer to a plain request of `shakedown load` means.
pub(crate) fn classify_plain(status: u16) -> Outcome {
    match status {
        200..=399 => Outcome::Acked,
        429 => Outcome::Throttled,
        _ => Outcome::BadResponse,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shakedown_scenarios::plan::{Condition, Expected, JsonPointer, Request, Template};

    use super::*;

    fn rule(status: &[u16], state: Option<&str>) -> AnswerRule {
        AnswerRule {
            status: status.to_vec(),
            conditions: state
                .map(|state| Condition {
                    pointer: JsonPointer("/state".into()),
                    expected: Expected::Literal(json!(state)),
                })
                .into_iter()
                .collect(),
        }
    }

    fn action() -> OrderAction {
        OrderAction {
            send: Request {
                method: "POST".into(),
                path: Template::literal("/o"),
                headers: Vec::new(),
                body: None,
            },
            acked: rule(&[200, 201], Some("ACCEPTED")),
            rejected: Some(rule(&[200, 422], Some("REJECTED"))),
            throttled: Some(rule(&[429], None)),
            too_late: Some(rule(&[409], None)),
        }
    }

    #[test]
    fn only_what_the_profile_lists_is_definite() {
        let outcome = |status, body: &str| classify(&action(), status, body.as_bytes()).outcome;
        assert_eq!(outcome(201, r#"{"state":"ACCEPTED"}"#), Outcome::Acked);
        assert_eq!(outcome(200, r#"{"state":"REJECTED"}"#), Outcome::Rejected);
        assert_eq!(outcome(429, "slow down"), Outcome::Throttled);
        assert_eq!(outcome(201, r#"{"state":"PENDING"}"#), Outcome::BadResponse);
        assert_eq!(outcome(201, r#"{"state":"ACCEPTED""#), Outcome::BadResponse);
        assert_eq!(outcome(201, ""), Outcome::BadResponse);
        assert_eq!(
            outcome(500, r#"{"state":"ACCEPTED"}"#),
            Outcome::BadResponse
        );
        assert_eq!(
            outcome(202, r#"{"state":"ACCEPTED"}"#),
            Outcome::BadResponse
        );
    }

    #[test]
    fn too_late_counts_as_a_reject_and_says_so() {
        let late = classify(&action(), 409, b"");
        assert_eq!((late.outcome, late.too_late), (Outcome::Rejected, true));
    }

    #[test]
    fn plain_requests_are_judged_by_their_status() {
        for (status, expected) in [
            (200, Outcome::Acked),
            (304, Outcome::Acked),
            (404, Outcome::BadResponse),
            (429, Outcome::Throttled),
            (503, Outcome::BadResponse),
        ] {
            assert_eq!(classify_plain(status), expected);
        }
    }
}
