//! Orders over HTTP/1.1 whose answers only say that they came, and reports over WebSocket, as the test server speaks them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use shakedown_scenarios::plan::{
    GatewayPlan, OrderAction, Orders, Template, TemplatePart, Variable, WebSocketGateway,
};

use crate::server::{Act, Seen};
use crate::stream::Stream;
use crate::way::{Asked, Said};
use crate::websocket;

/// Who listens, by the number of the session for which it does.
#[derive(Default)]
pub struct Listeners(Mutex<Vec<(u64, TcpStream)>>);

/// The profile's part: what the reference engine reports.
pub fn plan() -> GatewayPlan {
    GatewayPlan::Reported(Box::new(reports()))
}

fn reports() -> WebSocketGateway {
    let GatewayPlan::WebSocket(mut reports) = websocket::plan() else {
        panic!("that is what it is");
    };
    let actions = [Some(&mut reports.new), reports.cancel.as_mut()].into_iter();
    for action in actions.chain([reports.replace.as_mut()]).flatten() {
        action.send = Template::literal("");
    }
    reports.path = "/reports/{{session}}".to_string();
    *reports
}

/// Every order asks for a report.
pub fn ask(orders: &mut Orders) {
    let ask = |action: &mut OrderAction| {
        let query = [
            TemplatePart::Text("?report=".to_string()),
            TemplatePart::Hole {
                variable: Variable::Session,
                filters: Vec::new(),
            },
        ];
        action.send.path.parts.extend(query);
        action.acked.status = vec![202];
        action.acked.conditions.clear();
    };
    let actions = [Some(&mut orders.new), orders.cancel.as_mut()].into_iter();
    actions
        .chain([orders.replace.as_mut()])
        .flatten()
        .for_each(ask);
}

/// The answer that says that a message came.
pub fn taken(asked: &Asked) -> Vec<u8> {
    let body = format!("{{\"state\":\"taken\",\"id\":\"{}\"}}", asked.id);
    let length = body.len();
    format!("HTTP/1.1 202 Accepted\r\nx-node: n1\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A new connection carries orders, and begins with what was received, or listens until it ends: false then.
pub fn greet(listeners: &Listeners, stream: &mut Stream, received: &mut Vec<u8>) -> bool {
    const LISTENS: &str = "GET /reports/";
    while received.len() < LISTENS.len() {
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => return false,
            Ok(count) => received.extend_from_slice(&bytes[..count]),
        }
    }
    if !received.starts_with(LISTENS.as_bytes()) {
        return true;
    }
    let Some(head) = websocket::head(stream, received) else {
        return false;
    };
    let name = head[LISTENS.len()..].split(' ').next().unwrap();
    let listener = (name.parse().unwrap(), stream.tcp().try_clone().unwrap());
    // Nobody is told anything before the handshake is answered, and everything from then on.
    let mut open = listeners.0.lock().unwrap();
    let accepted = websocket::accept(stream, &head);
    open.push(listener);
    drop(open);
    while accepted.is_some() && matches!(stream.read(&mut [0; 4096]), Ok(1..)) {}
    false
}

impl Listeners {
    /// Writes this to the listener of the session that asked.
    fn tell(&self, asked: &Asked, bytes: &[u8]) {
        let mut open = self.0.lock().unwrap();
        open.retain_mut(|(name, stream)| *name != asked.number || stream.write_all(bytes).is_ok());
    }

    /// Ends the connections of all that listen.
    pub fn cut(&self) {
        for (_, stream) in self.0.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// What is done with a message where there are reports: false when nothing more is answered on its connection. Nothing
/// for what has nothing to do with reports.
pub fn perform(
    listeners: &Listeners,
    seen: &Seen,
    act: &Act,
    stream: &mut Stream,
    kept: &mut Vec<Vec<u8>>,
) -> Option<bool> {
    let asked = &seen.asked;
    let report = |said: &Said| websocket::answer(asked, *said, "n1");
    let mut takes = || stream.write_all(&taken(asked)).is_ok();
    Some(match act {
        Act::Say(said) => {
            let goes_on = takes();
            listeners.tell(asked, &report(said));
            goes_on
        }
        Act::Report(said) => {
            listeners.tell(asked, &report(said));
            true
        }
        Act::Late(said, after) => {
            thread::sleep(*after);
            listeners.tell(asked, &report(said));
            takes()
        }
        Act::Twice(said) => {
            let goes_on = takes();
            listeners.tell(asked, &report(said).repeat(2));
            goes_on
        }
        Act::Pieces(said, length) => {
            let piecewise = |write: &mut dyn FnMut(&[u8]) -> bool, bytes: &[u8]| {
                bytes.chunks(*length).all(|piece| {
                    thread::sleep(Duration::from_micros(200));
                    write(piece)
                })
            };
            let mut answers = |piece: &[u8]| stream.write_all(piece).is_ok();
            let goes_on = piecewise(&mut answers, &taken(asked));
            let mut tells = |piece: &[u8]| {
                listeners.tell(asked, piece);
                true
            };
            piecewise(&mut tells, &report(said)) && goes_on
        }
        Act::Keep(said) => {
            kept.push(report(said));
            takes()
        }
        Act::Release(said) => {
            kept.push(report(said));
            let together: Vec<u8> = kept.drain(..).rev().flatten().collect();
            listeners.tell(asked, &together);
            takes()
        }
        Act::SayAndHalfClose(said) => {
            listeners.tell(asked, &report(said));
            // The end of one connection may be heard before what was said on another one.
            thread::sleep(Duration::from_millis(20));
            takes();
            stream.end();
            false
        }
        Act::Foreign => {
            let somebody_elses = Asked {
                id: format!("x{}", asked.id),
                ..asked.clone()
            };
            let report = websocket::answer(&somebody_elses, Said::Done(1), "n1");
            listeners.tell(asked, &report);
            takes()
        }
        Act::CutListeners => {
            takes();
            listeners.cut();
            true
        }
        _ => return None,
    })
}
