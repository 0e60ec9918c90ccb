//! Orders as commands of Redis: one write of prebuilt bytes for each, with its WAIT where the profile has one.
//!
//! Replies come in the order of the commands. A session that asks sentinels dials one of them, is led to the master that it
//! names, and asks that one for its role; after the connection is lost, or a server has said that it takes no writes, it begins
//! with a sentinel again. That is how clients find a new master, and also how they stay with an old one that has not noticed.

use std::collections::VecDeque;
use std::sync::Arc;

use shakedown_record::Outcome;
use shakedown_record::ledger::OrderKind;
use shakedown_scenarios::plan::{OrderAction, Orders, RedisGateway};

use super::http::judge;
use super::said::{Heard, Letter};
use super::texts::OrderTexts;
use crate::engine::names::Names;
use crate::engine::session::Flight;
use crate::http::Answer;
use crate::redis::{
    Collector, Commands, Ended, Framed, Greeted, Greeting, Login, Refusal, Replies,
    append_who_is_master, master_of, refusal,
};
use crate::secret::Secrets;

/// Orders as commands of Redis.
#[derive(Debug)]
pub(crate) struct RedisOrders {
    orders: Arc<Orders>,
    /// New orders, cancels, replaces.
    commands: [Option<Commands>; 3],
    login: Login,
    /// The name by which sentinels know the master; `None`: the entries are servers.
    master: Option<String>,
    texts: OrderTexts,
    names: Names,
    links: Vec<Link>,
    scratch: Vec<u8>,
}

/// What is known of a session's present connection.
#[derive(Debug, Default)]
struct Link {
    replies: Replies,
    stage: Stage,
}

#[derive(Debug, Default)]
enum Stage {
    /// A sentinel was asked who the master is.
    #[default]
    Asking,
    Greeting(Greeting),
    Up(Collector),
}

impl RedisOrders {
    /// For the sessions that the texts are of.
    pub fn new(
        plan: &RedisGateway,
        orders: Arc<Orders>,
        login: Login,
        secrets: &Secrets,
        texts: OrderTexts,
        names: Names,
    ) -> RedisOrders {
        let compiled = |action: &OrderAction| {
            let body = action.send.body.as_ref();
            body.map(|body| Commands::new(body, secrets))
        };
        RedisOrders {
            commands: [
                compiled(&orders.new),
                orders.cancel.as_ref().and_then(compiled),
                orders.replace.as_ref().and_then(compiled),
            ],
            orders,
            login,
            master: plan.master.clone(),
            links: (0..texts.sessions()).map(|_| Link::default()).collect(),
            texts,
            names,
            scratch: Vec::new(),
        }
    }

    /// What is said first on a new connection, appended to `out`: to a sentinel, or to the server that one has named.
    pub(super) fn begin(&mut self, session: usize, is_led: bool, out: &mut Vec<u8>) {
        let link = &mut self.links[session];
        link.replies.reset();
        link.stage = match &self.master {
            Some(name) if !is_led => {
                append_who_is_master(name, out);
                Stage::Asking
            }
            Some(_) | None => Stage::Greeting(Greeting::begin(&self.login, out)),
        };
    }

    pub(super) fn encode(&mut self, letter: &Letter<'_>, out: &mut Vec<u8>) {
        let commands = of(&self.commands, letter.job.kind);
        commands.append(&self.texts.of(letter), &mut self.scratch, out);
    }

    pub(super) fn hear(
        &mut self,
        session: usize,
        flight: &VecDeque<Flight>,
        bytes: &[u8],
    ) -> Heard {
        let mut all_used = 0;
        while all_used < bytes.len() {
            let Link { replies, stage } = &mut self.links[session];
            let reply = match replies.take(&bytes[all_used..]) {
                Framed::More => return Heard::More,
                Framed::Malformed => return Heard::Malformed,
                Framed::Reply { used, reply } => {
                    all_used += used;
                    reply
                }
            };
            match stage {
                Stage::Asking => match master_of(reply) {
                    Ok(master) => return Heard::Led { to: master },
                    Err(why) => return left(&why),
                },
                Stage::Greeting(greeting) => match greeting.hear(reply) {
                    Greeted::More => {}
                    Greeted::Open => {
                        *stage = Stage::Up(Collector::default());
                        return Heard::Open { used: all_used };
                    }
                    Greeted::Refused(why) => return left(&why),
                },
                Stage::Up(collector) => {
                    let Some(asked) = flight.front() else {
                        return Heard::Unasked;
                    };
                    let commands = of(&self.commands, asked.job.kind);
                    if let Some(ended) = collector.hear(commands, reply) {
                        return self.answer(asked, all_used, &ended);
                    }
                }
            }
        }
        Heard::More
    }

    /// What the answer to the oldest command in flight means.
    fn answer(&mut self, asked: &Flight, used: usize, ended: &Ended) -> Heard {
        let is_script = of(&self.commands, asked.job.kind).is_script();
        let said = ended.error.as_deref().and_then(refusal);
        let is_elsewhere = said == Some(Refusal::Elsewhere);
        let answer = Answer {
            status: ended.status,
            head: &[],
            body: &ended.body,
            close: false,
        };
        let judged = judge(&self.orders, &mut self.names, &asked.job, &answer);
        let is_unlisted = judged.outcome == Outcome::BadResponse;
        // A script may have written something before.
        if said.is_some() && !is_script && (is_elsewhere || is_unlisted) {
            return Heard::Declined {
                used,
                places: 0..1,
                close: is_elsewhere,
            };
        }
        Heard::Answer {
            used,
            place: 0,
            judged,
            close: is_elsewhere,
        }
    }
}

fn of(commands: &[Option<Commands>; 3], kind: OrderKind) -> &Commands {
    let place = match kind {
        OrderKind::New | OrderKind::Oversized | OrderKind::Request => 0,
        OrderKind::Cancel => 1,
        OrderKind::Replace => 2,
    };
    commands[place]
        .as_ref()
        .expect("a desk is only made for mixes that the profile can carry")
}

/// Left before an order is sent: somebody else may be the one who takes them.
fn left(why: &str) -> Heard {
    tracing::debug!(%why, "a server is left");
    Heard::Bye
}
