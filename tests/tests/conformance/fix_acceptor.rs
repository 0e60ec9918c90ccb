//! A FIX acceptor that keeps what it has said, and does to each order what the test says.

use std::collections::HashMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::fix::{Tags, read, sealed};

/// What an acceptor does with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Report,
    /// A report whose sum is wrong; the next one is right.
    Garbled,
    /// A report after a number that was left out.
    Skip,
    /// A report with a number that was there before.
    Low,
    /// A report, and the same once more, marked as a repeat.
    Again,
    /// A report, and a rejection of the same order under the same number, marked as a repeat.
    Contradict,
    /// The report is written down and lost with the connection.
    Lose,
    /// Nothing was done, and the connection is lost.
    Drop,
    /// A report, and then a Logout.
    LogOut,
    /// An execution of the order before it, which was acknowledged; then its own rejection.
    Executed,
    /// Nothing, whatever is asked, until the connection ends.
    Silence,
}

/// A session as the acceptor knows it.
#[derive(Debug, Default)]
struct Known {
    /// Number of the next message.
    next: u64,
    /// Reports with their numbers.
    kept: Vec<(u64, String)>,
}

#[derive(Default)]
struct Inner {
    known: Mutex<HashMap<String, Known>>,
    /// Every message that came, in the order of each client.
    log: Mutex<Vec<Tags>>,
}

type Script = dyn Fn(usize) -> Act + Send + Sync;

/// An acceptor that keeps what it has said, and does to the n-th order of all what the test says.
#[derive(Clone)]
pub struct Acceptor {
    pub address: SocketAddr,
    inner: Arc<Inner>,
    script: Arc<Script>,
}

impl Acceptor {
    pub fn start(script: impl Fn(usize) -> Act + Send + Sync + 'static) -> Acceptor {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let acceptor = Acceptor {
            address: listener.local_addr().unwrap(),
            inner: Arc::default(),
            script: Arc::new(script),
        };
        let serving = acceptor.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, serving) = (stream.unwrap(), serving.clone());
                thread::spawn(move || serving.serve(&mut stream));
            }
        });
        acceptor
    }

    /// Every message of a type that came.
    pub fn heard(&self, kind: &str) -> Vec<Tags> {
        let log = self.inner.log.lock().unwrap();
        log.iter()
            .filter(|tags| tags[&35] == kind)
            .cloned()
            .collect()
    }

    fn serve(&self, stream: &mut TcpStream) -> Option<()> {
        stream.set_nodelay(true).unwrap();
        let mut received = Vec::new();
        let logon = self.next(stream, &mut received)?;
        let client = logon[&49].clone();
        let reset = logon.contains_key(&141);
        {
            let mut all = self.inner.known.lock().unwrap();
            let known = all.entry(client.clone()).or_default();
            if reset {
                *known = Known::default();
            }
            known.next += 1;
            let flag = if reset { "141=Y|" } else { "" };
            let fields = format!("98=0|108={}|{flag}", logon[&108]);
            let number = known.next;
            stream
                .write_all(&sealed(&client, "A", number, &fields))
                .ok()?;
        }
        loop {
            let tags = self.next(stream, &mut received)?;
            match tags[&35].as_str() {
                "2" => self.send_again(&client, tags[&7].parse().unwrap(), stream)?,
                "D" => {
                    let is_this = |order: &Tags| order[&11] == tags[&11];
                    let place = self.heard("D").iter().position(is_this)?;
                    let act = (self.script)(place);
                    if !self.perform(act, &client, &tags, stream)? {
                        while self.next(stream, &mut received).is_some() {}
                        return None;
                    }
                }
                "5" => return None,
                _ => {}
            }
        }
    }

    fn next(&self, stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<Tags> {
        let tags = read(stream, received)?;
        self.inner.log.lock().unwrap().push(tags.clone());
        Some(tags)
    }

    /// Reports from this number on once more, and all else as gaps.
    fn send_again(&self, client: &str, from: u64, stream: &mut TcpStream) -> Option<()> {
        let all = self.inner.known.lock().unwrap();
        let known = &all[client];
        for number in from..=known.next {
            let repeat = "43=Y|122=20260101-00:00:00.000|";
            let kept = known.kept.iter().find(|(kept, _)| *kept == number);
            let bytes = match kept {
                Some((_, fields)) => sealed(client, "8", number, &format!("{repeat}{fields}")),
                None => {
                    let fields = format!("{repeat}123=Y|36={}|", number + 1);
                    sealed(client, "4", number, &fields)
                }
            };
            stream.write_all(&bytes).ok()?;
        }
        Some(())
    }

    /// False when nothing more is done on the connection; nothing when it is gone.
    fn perform(&self, act: Act, client: &str, tags: &Tags, stream: &mut TcpStream) -> Option<bool> {
        let slot = tags[&11].rsplit('-').next().unwrap();
        let mut fields = format!("37=1|11={}|17={slot}|150=0|39=0|", tags[&11]);
        let mut all = self.inner.known.lock().unwrap();
        let known = all.get_mut(client).unwrap();
        if act == Act::Executed {
            fields = fields.replace("150=0|39=0", "150=8|39=8");
            let before = known.kept.iter().rev().find(|(_, it)| it.contains("150=0"));
            let executed = before.map(|(_, it)| it.replace("150=0|39=0", "150=F|39=2"))?;
            known.next += 1;
            let bytes = sealed(client, "8", known.next, &executed);
            known.kept.push((known.next, executed));
            stream.write_all(&bytes).ok()?;
        }
        if matches!(act, Act::Drop | Act::Silence) {
            if act == Act::Drop {
                stream.shutdown(std::net::Shutdown::Both).unwrap();
            }
            return Some(act == Act::Drop);
        }
        if act == Act::Skip {
            known.next += 1;
        }
        if act == Act::Low {
            stream.write_all(&sealed(client, "8", 1, &fields)).ok()?;
            return Some(true);
        }
        known.next += 1;
        let number = known.next;
        known.kept.push((number, fields.clone()));
        let mut bytes = sealed(client, "8", number, &fields);
        let repeat = |fields: &str| {
            let fields = format!("43=Y|122=20260101-00:00:00.000|{fields}");
            sealed(client, "8", number, &fields)
        };
        match act {
            Act::Lose => {
                stream.shutdown(std::net::Shutdown::Both).unwrap();
                return Some(true);
            }
            Act::Garbled => {
                let at = bytes.len() - 2;
                bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
                known.next += 1;
                bytes.extend(sealed(client, "0", known.next, ""));
            }
            Act::Again => bytes.extend(repeat(&fields)),
            Act::Contradict => bytes.extend(repeat(&fields.replace("150=0|39=0", "150=8|39=8"))),
            Act::LogOut => {
                known.next += 1;
                bytes.extend(sealed(client, "5", known.next, "58=the day is over|"));
            }
            Act::Report | Act::Skip | Act::Low | Act::Drop | Act::Executed | Act::Silence => {}
        }
        stream.write_all(&bytes).ok()?;
        Some(true)
    }
}
