//! Points in JSON, many in the body of one HTTP request. Pure.

use shakedown_scenarios::plan::{HttpPublish, PointPart, SymbolShare};

use super::source::Point;
use super::way::{Heard, Wrong};
use crate::http::{Decoder, Grid, append_number};

/// Writes requests and reads answers of one connection at a time.
#[derive(Debug)]
pub(super) struct Batches {
    plan: HttpPublish,
    names: Vec<String>,
    grids: Vec<Grid>,
    zero_wall_ns: u64,
    /// Everything of the head but the length of the body, for each entry address.
    heads: Heads,
    /// The address in use.
    address: usize,
    body: String,
    decoder: Decoder,
    /// Requests on this connection, and those that were answered.
    number: u64,
    answered: u64,
}

/// Lines that may hold secrets.
struct Heads(Vec<String>);

impl std::fmt::Debug for Heads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Heads(***)")
    }
}

impl Batches {
    /// `hosts`: for each address. `headers`: whole lines. `None` for a symbol whose ticks have no 63 bits.
    pub(super) fn new(
        plan: &HttpPublish,
        symbols: &[SymbolShare],
        zero_wall_ns: u64,
        hosts: &[String],
        headers: &str,
    ) -> Option<Batches> {
        let grids = symbols.iter().map(|it| Grid::new(it.instrument.tick));
        let head = |host: &String| {
            format!(
                "{} {} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n{headers}content-length: ",
                plan.method, plan.path
            )
        };
        Some(Batches {
            names: symbols.iter().map(|it| it.name.clone()).collect(),
            grids: grids.collect::<Option<Vec<Grid>>>()?,
            zero_wall_ns,
            heads: Heads(hosts.iter().map(head).collect()),
            address: 0,
            body: String::new(),
            decoder: Decoder::new(false),
            number: 0,
            answered: 0,
            plan: plan.clone(),
        })
    }

    /// A new connection.
    pub(super) fn begin(&mut self, address: usize) {
        self.address = address;
        self.decoder.reset();
        self.number = 0;
        self.answered = 0;
    }

    /// Writes a request with these points.
    pub(super) fn append(&mut self, points: &[Point], out: &mut Vec<u8>) {
        self.number += 1;
        self.body.clear();
        self.body.push_str(&self.plan.before);
        for (at, point) in points.iter().enumerate() {
            if at > 0 {
                self.body.push(',');
            }
            for part in &self.plan.point {
                match part {
                    PointPart::Text(text) => self.body.push_str(text),
                    PointPart::Sequence => append_number(point.sequence, &mut self.body),
                    PointPart::AtNs => {
                        append_number(self.zero_wall_ns + point.at_ns, &mut self.body);
                    }
                    PointPart::Symbol => self.body.push_str(&self.names[point.symbol]),
                    PointPart::Price => {
                        self.grids[point.symbol].append(point.price_ticks, &mut self.body);
                    }
                }
            }
        }
        self.body.push_str(&self.plan.after);
        out.extend_from_slice(self.heads.0[self.address].as_bytes());
        let mut length = [0; 20];
        out.extend_from_slice(digits(self.body.len() as u64, &mut length));
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(self.body.as_bytes());
    }

    /// Reads answers, each of which is about the oldest request without one.
    pub(super) fn hear(
        &mut self,
        mut input: &[u8],
        mut tell: impl FnMut(Heard),
    ) -> Result<(), Wrong> {
        let wrong = |_| Wrong("an answer is no HTTP/1.1");
        while let Some((used, answer)) = self.decoder.decode(input, false).map_err(wrong)? {
            input = &input[used..];
            self.answered += 1;
            if self.answered > self.number {
                return Err(Wrong("an answer came that nobody asked for"));
            }
            tell(match self.plan.acked.contains(&answer.status) {
                true => Heard::AcknowledgedUpTo(self.answered),
                false => Heard::Refused(answer.status),
            });
            if answer.close {
                return Err(Wrong("the engine ended it"));
            }
        }
        Ok(())
    }
}

/// The digits of a number.
fn digits(mut number: u64, out: &mut [u8; 20]) -> &[u8] {
    let mut at = out.len();
    loop {
        at -= 1;
        out[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &out[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::symbols;
    use super::*;

    fn batches() -> Batches {
        let text = |text: &str| PointPart::Text(text.into());
        let plan = HttpPublish {
            method: "POST".into(),
            path: "/points".into(),
            before: "[".into(),
            after: "]".into(),
            point: vec![
                text("{\"n\":"),
                PointPart::Sequence,
                text(",\"t\":"),
                PointPart::AtNs,
                text(",\"s\":\""),
                PointPart::Symbol,
                text("\",\"p\":\""),
                PointPart::Price,
                text("\"}"),
            ],
            batch: 2,
            acked: vec![202],
        };
        Batches::new(&plan, &symbols(), 1_000, &["e:1".to_string()], "a: b\r\n").unwrap()
    }

    fn append(batches: &mut Batches) -> String {
        let point = |sequence, symbol| Point {
            sequence,
            at_ns: 7,
            symbol,
            price_ticks: 5_001,
        };
        let mut out = Vec::new();
        batches.append(&[point(1, 0), point(2, 1)], &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_batch_is_one_request() {
        let body =
            r#"[{"n":1,"t":1007,"s":"AAA","p":"50.01"},{"n":2,"t":1007,"s":"BBB","p":"50.01"}]"#;
        let head =
            "POST /points HTTP/1.1\r\nhost: e:1\r\ncontent-type: application/json\r\na: b\r\n";
        let expected = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        assert_eq!(append(&mut batches()), expected);
    }

    #[test]
    fn answers_are_about_the_oldest_request() {
        let mut batches = batches();
        append(&mut batches);
        append(&mut batches);
        let mut heard = Vec::new();
        let answers = b"HTTP/1.1 202 A\r\ncontent-length: 0\r\n\r\nHTTP/1.1 503 B\r\ncontent-length: 0\r\n\r\n";
        batches.hear(answers, |it| heard.push(it)).unwrap();
        assert_eq!(heard, [Heard::AcknowledgedUpTo(1), Heard::Refused(503)]);
        assert!(batches.hear(answers, |_| ()).is_err(), "nobody asked");
    }
}
