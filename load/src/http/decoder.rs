//! Answers out of a stream of bytes, however it is cut: one decoder for each connection.
//!
//! The usual case, a whole answer in one read, is returned as slices of the read buffer; nothing is copied.

use super::head::{Framing, Head, LONGEST_BODY, LONGEST_HEAD, Malformed, parse_head};

/// Longest line of a chunked body's framing, in bytes.
const LONGEST_LINE: usize = 8 * 1024;

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    pub status: u16,
    /// Status line and headers.
    pub head: &'a [u8],
    /// Empty where the decoder was told to skip bodies.
    pub body: &'a [u8],
    /// The connection cannot be used again.
    pub close: bool,
}

impl<'a> Answer<'a> {
    /// The value of the first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut lines = self.head.split(|byte| *byte == b'\n').skip(1);
        let line = lines.find(|line| {
            line.get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
                && line.get(name.len()) == Some(&b':')
        })?;
        std::str::from_utf8(&line[name.len() + 1..])
            .ok()
            .map(str::trim)
    }
}

/// What the end of the stream means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending<'a> {
    /// Between two answers.
    Idle,
    /// The end of the stream was the end of the answer.
    Answer(Answer<'a>),
    /// In the middle of an answer.
    Torn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Length { left: u64 },
    ChunkSize,
    ChunkData { left: u64 },
    ChunkEnd,
    Trailer,
    UntilClose,
    Done,
}

/// Decodes the answers of one connection.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    status: u16,
    close: bool,
    head: Vec<u8>,
    line: Vec<u8>,
    body: Vec<u8>,
    keeps_bodies: bool,
}

impl Decoder {
    /// A decoder for a new connection. Without `keeps_bodies`, bodies of any length are skipped.
    pub fn new(keeps_bodies: bool) -> Decoder {
        Decoder {
            state: State::Head,
            status: 0,
            close: false,
            head: Vec::new(),
            line: Vec::new(),
            body: Vec::new(),
            keeps_bodies,
        }
    }

    /// Forgets a half answer: the connection is a new one.
    pub fn reset(&mut self) {
        self.state = State::Done;
        self.begin();
    }

    /// Reads on. `Some`: an answer, and how many bytes of `input` belong to it and the one before; call again with
    /// the rest. `None`: all of `input` was taken in and the answer is not complete.
    ///
    /// `to_head`: the request was `HEAD`.
    ///
    /// # Errors
    /// When this is no HTTP/1.1 or exceeds the bounds; the connection must be closed.
    pub fn decode<'a>(
        &'a mut self,
        input: &'a [u8],
        to_head: bool,
    ) -> Result<Option<(usize, Answer<'a>)>, Malformed> {
        self.begin();
        let mut at = 0;
        while at < input.len() {
            if self.state == State::Head {
                let fresh = self.head.is_empty();
                let Some((head, used)) = self.read_head(&input[at..], to_head)? else {
                    return Ok(None);
                };
                if (100..200).contains(&head.status) {
                    at += used;
                    self.head.clear();
                    continue;
                }
                if fresh && let Some(length) = whole_length(&head, &input[at..]) {
                    let bytes = &input[at..at + length];
                    let body = if self.keeps_bodies {
                        &bytes[head.length..]
                    } else {
                        &[]
                    };
                    let answer = Answer {
                        status: head.status,
                        head: &bytes[..head.length],
                        body,
                        close: head.close,
                    };
                    return Ok(Some((at + length, answer)));
                }
                if fresh {
                    self.head.extend_from_slice(&input[at..at + head.length]);
                }
                at += used;
                self.enter(&head)?;
            } else {
                at += self.read_body(&input[at..])?;
            }
            if self.state == State::Done {
                return Ok(Some((at, self.answer())));
            }
        }
        Ok(None)
    }

    /// The stream has ended.
    pub fn end(&mut self) -> Ending<'_> {
        self.begin();
        match self.state {
            State::Head if self.head.is_empty() => Ending::Idle,
            State::UntilClose => {
                self.state = State::Done;
                Ending::Answer(self.answer())
            }
            _ => Ending::Torn,
        }
    }

    fn begin(&mut self) {
        if self.state == State::Done {
            self.state = State::Head;
            self.head.clear();
            self.line.clear();
            self.body.clear();
            self.body.shrink_to(LONGEST_HEAD);
        }
    }

    fn answer(&self) -> Answer<'_> {
        Answer {
            status: self.status,
            head: &self.head,
            body: &self.body,
            close: self.close,
        }
    }

    /// The head, if it is complete, and how many bytes of `input` belong to it.
    fn read_head(
        &mut self,
        input: &[u8],
        to_head: bool,
    ) -> Result<Option<(Head, usize)>, Malformed> {
        let before = self.head.len();
        if before > 0 {
            self.head.extend_from_slice(input);
        }
        let bytes = if before > 0 { &self.head } else { input };
        match parse_head(bytes, to_head)? {
            Some(head) => {
                let used = head.length - before;
                if before > 0 {
                    self.head.truncate(head.length);
                }
                Ok(Some((head, used)))
            }
            None if bytes.len() > LONGEST_HEAD => Err(Malformed::HeadTooLong),
            None => {
                if before == 0 {
                    self.head.extend_from_slice(input);
                }
                Ok(None)
            }
        }
    }

    fn enter(&mut self, head: &Head) -> Result<(), Malformed> {
        self.status = head.status;
        self.close = head.close;
        self.state = match head.framing {
            Framing::Empty | Framing::Length(0) => State::Done,
            Framing::Length(length) if self.keeps_bodies && length > LONGEST_BODY as u64 => {
                return Err(Malformed::BodyTooLong);
            }
            Framing::Length(left) => State::Length { left },
            Framing::Chunked => State::ChunkSize,
            Framing::UntilClose => State::UntilClose,
        };
        Ok(())
    }

    /// Reads on in a body; returns how many bytes were used.
    fn read_body(&mut self, input: &[u8]) -> Result<usize, Malformed> {
        match self.state {
            State::Length { left } => {
                let used = self.keep(input, left)?;
                self.state = match left - used as u64 {
                    0 => State::Done,
                    left => State::Length { left },
                };
                Ok(used)
            }
            State::ChunkData { left } => {
                let used = self.keep(input, left)?;
                self.state = match left - used as u64 {
                    0 => State::ChunkEnd,
                    left => State::ChunkData { left },
                };
                Ok(used)
            }
            State::UntilClose => self.keep(input, u64::MAX),
            State::ChunkSize | State::ChunkEnd | State::Trailer => self.read_line(input),
            State::Head | State::Done => Ok(0),
        }
    }

    fn keep(&mut self, input: &[u8], most: u64) -> Result<usize, Malformed> {
        let used = input.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        if self.keeps_bodies {
            if self.body.len() + used > LONGEST_BODY {
                return Err(Malformed::BodyTooLong);
            }
            self.body.extend_from_slice(&input[..used]);
        }
        Ok(used)
    }

    fn read_line(&mut self, input: &[u8]) -> Result<usize, Malformed> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(input.len(), |at| at + 1);
        self.line.extend_from_slice(&input[..used]);
        if self.line.len() > LONGEST_LINE {
            return Err(Malformed::Chunk);
        }
        if end.is_none() {
            return Ok(used);
        }
        let empty = matches!(self.line.as_slice(), b"\r\n" | b"\n");
        self.state = match self.state {
            State::ChunkSize => match httparse::parse_chunk_size(&self.line) {
                Ok(httparse::Status::Complete((_, 0))) => State::Trailer,
                Ok(httparse::Status::Complete((_, left))) => State::ChunkData { left },
                Ok(httparse::Status::Partial) | Err(_) => return Err(Malformed::Chunk),
            },
            State::ChunkEnd if empty => State::ChunkSize,
            State::ChunkEnd => return Err(Malformed::Chunk),
            State::Trailer if empty => State::Done,
            other => other,
        };
        self.line.clear();
        Ok(used)
    }
}

/// Length of the whole answer when all of it is in `input`.
fn whole_length(head: &Head, input: &[u8]) -> Option<usize> {
    let body = match head.framing {
        Framing::Empty => 0,
        Framing::Length(length) => usize::try_from(length)
            .ok()
            .filter(|l| *l <= LONGEST_BODY)?,
        Framing::Chunked | Framing::UntilClose => return None,
    };
    let length = head.length + body;
    (length <= input.len()).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Plain = (u16, String, bool);

    /// Decodes a stream that arrives in pieces of `step` bytes.
    fn decode_in(step: usize, stream: &[u8], to_head: bool) -> Result<Vec<Plain>, Malformed> {
        let mut decoder = Decoder::new(true);
        let mut answers = Vec::new();
        for piece in stream.chunks(step) {
            let mut rest = piece;
            while !rest.is_empty() {
                let Some((used, answer)) = decoder.decode(rest, to_head)? else {
                    break;
                };
                let body = String::from_utf8(answer.body.to_vec()).unwrap();
                answers.push((answer.status, body, answer.close));
                rest = &rest[used..];
            }
        }
        if let Ending::Answer(answer) = decoder.end() {
            let body = String::from_utf8(answer.body.to_vec()).unwrap();
            answers.push((answer.status, body, answer.close));
        }
        Ok(answers)
    }

    fn answer(status: u16, body: &str, close: bool) -> Plain {
        (status, body.to_string(), close)
    }

    #[test]
    fn answers_are_the_same_however_the_stream_is_cut() {
        let stream = b"HTTP/1.1 100 Continue\r\n\r\n\
            HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Pod: e1\r\n\r\nhello\
            HTTP/1.1 201 Created\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrail: er\r\n\r\n\
            HTTP/1.1 204 No Content\r\n\r\n\
            HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nConnection: foo, Close\r\n\r\n\
            HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n1\
            HTTP/1.0 200 OK\r\n\r\nuntil the end";
        let expected = [
            answer(200, "hello", false),
            answer(201, "abc0123456789", false),
            answer(204, "", false),
            answer(404, "", true),
            answer(200, "1", false),
            answer(200, "until the end", true),
        ];
        for step in 1..=stream.len() {
            assert_eq!(
                decode_in(step, stream, false).unwrap(),
                expected,
                "pieces of {step}"
            );
        }
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        let stream = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
        let answers = decode_in(7, stream, true).unwrap();
        assert_eq!(answers, [answer(200, "", false), answer(200, "", false)]);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for (stream, expected) in [
            ("SSH-2.0-OpenSSH\r\n\r\n", Malformed::Head),
            ("HTTP/1.1 101 Switching\r\n\r\n", Malformed::Upgrade),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
                Malformed::Length,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
                Malformed::Length,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
                Malformed::Chunk,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n",
                Malformed::Chunk,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\nx",
                Malformed::BodyTooLong,
            ),
        ] {
            for step in [3, stream.len()] {
                assert_eq!(
                    decode_in(step, stream.as_bytes(), false),
                    Err(expected),
                    "{stream}"
                );
            }
        }
        let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(LONGEST_HEAD));
        assert_eq!(
            decode_in(1000, endless.as_bytes(), false),
            Err(Malformed::HeadTooLong)
        );
        let mut stream = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        stream.resize(LONGEST_BODY + 100, b'x');
        assert_eq!(
            decode_in(65_536, &stream, false),
            Err(Malformed::BodyTooLong)
        );
    }

    #[test]
    fn skipped_bodies_may_be_of_any_length() {
        let mut decoder = Decoder::new(false);
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
            3 * LONGEST_BODY
        );
        assert_eq!(decoder.decode(head.as_bytes(), false), Ok(None));
        let piece = vec![b'x'; LONGEST_BODY];
        assert_eq!(decoder.decode(&piece, false), Ok(None));
        assert_eq!(decoder.decode(&piece, false), Ok(None));
        let (used, last) = decoder.decode(&piece, false).unwrap().unwrap();
        assert_eq!((used, last.status, last.body.len()), (LONGEST_BODY, 200, 0));
    }

    #[test]
    fn the_end_of_the_stream_tells_idle_from_torn() {
        let mut decoder = Decoder::new(true);
        assert_eq!(decoder.end(), Ending::Idle);
        decoder
            .decode(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", false)
            .unwrap();
        assert_eq!(decoder.end(), Ending::Torn);
        decoder.reset();
        assert_eq!(decoder.end(), Ending::Idle);
        decoder.decode(b"HTT", false).unwrap();
        assert_eq!(decoder.end(), Ending::Torn);
    }

    #[test]
    fn headers_are_found_in_any_case() {
        let mut decoder = Decoder::new(true);
        let stream =
            b"HTTP/1.1 200 OK\r\nX-Pod-Other: no\r\nx-pod:  engine-2 \r\nContent-Length: 0\r\n\r\n";
        let (_, answer) = decoder.decode(stream, false).unwrap().unwrap();
        assert_eq!(answer.header("X-Pod"), Some("engine-2"));
        assert_eq!(answer.header("X"), None);
    }
}
