//! Orders that came in by a session of this node and are in the book: what is executed of them later is told to that session.
//!
//! ```text
//! order -> expect -> consensus -> acceptance written -> accepted: what was executed meanwhile is written after it
//!                        what this replica applied -> copies -> noted -> the session, under the name that the order has now
//! ```
//!
//! What is told follows from the drop copies, which all nodes have alike; to whom, only this node knows, and only as long as
//! its process lives.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::desk::SharedSession;
use super::fields::Fields;

/// The orders, by their ids.
#[derive(Debug, Default)]
pub(super) struct Resting(Mutex<HashMap<String, Order>>);

#[derive(Debug)]
struct Order {
    session: SharedSession,
    /// Its ClOrdID: its id, or that of its last replace.
    name: String,
    /// Its session has been told that it was accepted.
    is_told: bool,
    /// Executions from before that.
    held: Vec<Fields>,
    /// Nothing more can be executed of it.
    is_over: bool,
}

impl Resting {
    /// An order is on its way into the book.
    pub(super) fn expect(&self, id: &str, session: &SharedSession) {
        self.lock().entry(id.to_owned()).or_insert_with(|| Order {
            session: Arc::clone(session),
            name: id.to_owned(),
            is_told: false,
            held: Vec::new(),
            is_over: false,
        });
    }

    /// Its session has been told that it was accepted, or that nobody knows; what has to be told now. The session is to be held
    /// locked meanwhile, so that later executions wait for these.
    pub(super) fn told(&self, id: &str, session: &SharedSession) -> Vec<Fields> {
        let mut orders = self.lock();
        let Some(order) = orders.get_mut(id) else {
            return Vec::new();
        };
        if !Arc::ptr_eq(&order.session, session) {
            return Vec::new();
        }
        order.is_told = true;
        let held = std::mem::take(&mut order.held);
        if order.is_over {
            orders.remove(id);
        }
        held
    }

    /// It did not get into the book.
    pub(super) fn refused(&self, id: &str) {
        let mut orders = self.lock();
        if orders.get(id).is_some_and(|order| !order.is_told) {
            orders.remove(id);
        }
    }

    /// It was replaced, and is called so from now on.
    pub(super) fn renamed(&self, id: &str, name: &str) {
        if let Some(order) = self.lock().get_mut(id) {
            order.name = name.to_owned();
        }
    }

    /// A copy of what happened to an order: what its session is to be told of it, and which that is.
    pub(super) fn noted(&self, copy: &Fields) -> Option<(SharedSession, Fields)> {
        let id = copy.get(11)?;
        let mut orders = self.lock();
        let order = orders.get_mut(id)?;
        let was_in_the_book = copy
            .get(17)
            .is_some_and(|execution| execution.ends_with('M'));
        let report = was_in_the_book.then(|| copy.instead(11, &order.name).with(583, id));
        let session = Arc::clone(&order.session);
        order.is_over |= copy.get(151).is_some_and(is_nothing);
        let report = match (order.is_told, report) {
            (true, report) => report,
            (false, report) => {
                order.held.extend(report);
                None
            }
        };
        if order.is_told && order.is_over {
            orders.remove(id);
        }
        report.map(|report| (session, report))
    }

    /// True when no order is here.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Order>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_nothing(quantity: &str) -> bool {
    quantity.bytes().all(|byte| b"0.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::session::{Names, Session};

    fn session(client: &str) -> SharedSession {
        let names = Names {
            own: "ENGINE".to_owned(),
            client: client.to_owned(),
            node: "n1".to_owned(),
        };
        Arc::new(Mutex::new(Session::new(names, 9)))
    }

    fn copy(id: &str, execution: &str, left: &str) -> Fields {
        Fields::default()
            .with(17, execution)
            .with(150, "F")
            .with(11, id)
            .with(151, left)
    }

    #[test]
    fn what_is_executed_before_the_acceptance_is_told_after_it() {
        let (resting, own) = (Resting::default(), session("C"));
        resting.expect("a", &own);
        assert!(resting.noted(&copy("a", "1M", "0.002")).is_none());
        assert!(resting.told("a", &session("D")).is_empty(), "not theirs");
        let held = resting.told("a", &own);
        assert_eq!((held.len(), held[0].get(17)), (1, Some("1M")));
        let (whose, report) = resting.noted(&copy("a", "2M", "0.001")).unwrap();
        assert!(Arc::ptr_eq(&whose, &own));
        assert_eq!((report.get(11), report.get(583)), (Some("a"), Some("a")));
        resting.renamed("a", "r-1");
        let (_, report) = resting.noted(&copy("a", "3M", "0.000")).unwrap();
        assert_eq!((report.get(11), report.get(583)), (Some("r-1"), Some("a")));
        assert!(resting.is_empty(), "nothing is left of it");
    }

    #[test]
    fn what_is_reported_otherwise_or_is_not_ours_is_not_told() {
        let (resting, own) = (Resting::default(), session("C"));
        resting.expect("a", &own);
        resting.told("a", &own);
        assert!(
            resting.noted(&copy("a", "7", "0.002")).is_none(),
            "accepted"
        );
        assert!(
            resting.noted(&copy("a", "1T", "0.001")).is_none(),
            "on entry"
        );
        assert!(
            resting.noted(&copy("b", "2M", "0.001")).is_none(),
            "by another way"
        );
        resting.refused("a");
        assert!(!resting.is_empty(), "it was accepted before");
        resting.expect("c", &own);
        resting.refused("c");
        assert!(resting.noted(&copy("c", "3M", "1")).is_none());
        resting.expect("d", &own);
        assert!(resting.noted(&copy("d", "4T", "0")).is_none());
        assert!(resting.told("d", &own).is_empty());
        resting.noted(&copy("a", "8", "0"));
        assert!(resting.is_empty());
    }
}
