//! The sessions of this node, by the clients' CompIDs.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::copies::{self, Copies};
use super::journal::Journal;
use super::resting::Resting;
use super::session::{Names, Session};
use super::wire::{Message, unix_ms};

/// Reports of a session that are kept for it.
const KEPT_REPORTS: usize = 4096;

/// The CompID under which orders are taken.
const ORDERS: &str = "ENGINE";

/// The CompID under which copies are handed out.
const COPIES: &str = "ENGINE-DC";

/// Most sessions; more CompIDs are refused.
const MOST_SESSIONS: usize = 65_536;

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Orders,
    Copies,
}

pub(super) type SharedSession = Arc<Mutex<Session>>;

/// All sessions of a node.
#[derive(Debug)]
pub struct Desk {
    sessions: Mutex<HashMap<String, SharedSession>>,
    folder: PathBuf,
    node: String,
    /// What drop copies are made of.
    pub(super) copies: Copies,
    /// Orders of these sessions in the book.
    pub(super) resting: Resting,
    /// Tells this process's ids from those of others before and after it.
    born_ms: u64,
    unique: AtomicU64,
}

impl Desk {
    /// No sessions yet but for those in the journals of this folder, which are read when they log on.
    pub fn new(folder: PathBuf, node: &str, copies: Copies) -> Self {
        Self {
            sessions: Mutex::default(),
            folder,
            node: node.to_owned(),
            copies,
            resting: Resting::default(),
            born_ms: unix_ms(),
            unique: AtomicU64::new(1),
        }
    }

    /// An id that no other report has.
    pub(super) fn unique_id(&self) -> String {
        let number = self.unique.fetch_add(1, Ordering::Relaxed);
        format!("R{}-{}-{number}", self.node, self.born_ms)
    }

    /// The session that a Logon is for, and what it is for; `None` when its names are not acceptable.
    pub(super) fn session(&self, logon: &Message) -> Option<(SharedSession, Purpose)> {
        let (client, own) = (logon.get(49)?, logon.get(56)?);
        let (purpose, kept) = match own {
            ORDERS => (Purpose::Orders, KEPT_REPORTS),
            COPIES => (Purpose::Copies, copies::KEPT),
            _ => return None,
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if client.len() > 64 || client.starts_with('.') || !client.bytes().all(is_plain) {
            return None;
        }
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{own} {client}");
        if let Some(known) = sessions.get(&key) {
            return Some((Arc::clone(known), purpose));
        }
        if sessions.len() >= MOST_SESSIONS {
            return None;
        }
        let names = Names {
            own: own.to_owned(),
            client: client.to_owned(),
            node: self.node.clone(),
        };
        let mut session = Session::new(names, kept);
        if purpose == Purpose::Orders {
            self.remember(&mut session);
        }
        let session = Arc::new(Mutex::new(session));
        sessions.insert(key, Arc::clone(&session));
        Some((session, purpose))
    }

    /// Goes on where the journal ends.
    fn remember(&self, session: &mut Session) {
        match Journal::open(&self.folder, &session.names.client) {
            Ok((journal, remembered)) => {
                if let Some(last) = remembered.sent.last() {
                    session.next = last.number + 1;
                    session.expected = remembered.expected.max(1);
                }
                let spare = remembered.sent.len().saturating_sub(session.most_kept);
                session.sent = remembered.sent.into_iter().skip(spare).collect();
                session.journal = Some(journal);
            }
            Err(error) => {
                tracing::warn!(%error, client = session.names.client, "a session has no journal");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::fields::Fields;
    use crate::fix::wire::sealed;

    fn logon(client: &str, own: &str) -> Message {
        let body = format!("35=A\x0149={client}\x0156={own}\x0134=1\x01");
        Message::take(&mut sealed(&body)).unwrap().unwrap()
    }

    #[test]
    fn sessions_outlive_the_process_and_keep_to_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let desk = || Desk::new(folder.path().to_owned(), "n1", Copies::default());
        let first = desk();
        let (session, purpose) = first.session(&logon("C-1", "ENGINE")).unwrap();
        assert_eq!(purpose, Purpose::Orders);
        let mut session = session.lock().unwrap();
        session.expected = 5;
        session.write("8", &Fields::default().with(11, "a"));
        drop(session);
        let second = desk();
        let (session, _) = second.session(&logon("C-1", "ENGINE")).unwrap();
        let session = session.lock().unwrap();
        assert_eq!(
            (session.next, session.expected, session.sent.len()),
            (2, 5, 1)
        );
        let copies = second.session(&logon("C-1", "ENGINE-DC")).unwrap();
        assert_eq!(copies.1, Purpose::Copies);
        for (client, own) in [("../x", "ENGINE"), ("C 1", "ENGINE"), ("C-1", "OTHER")] {
            assert!(
                second.session(&logon(client, own)).is_none(),
                "{client} {own}"
            );
        }
    }
}
