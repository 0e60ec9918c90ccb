//! One connection: streams that are asked and answered beside each other.

use std::mem;

use super::flow::{self, Flow};
use super::frame::{self, ACK, END_HEADERS, END_STREAM, HEADER, Head, Kind};
use super::stream::Stream;
use super::{Malformed, frame::content};
use crate::http::Answer;

/// Highest number of a stream; a connection that has come to it is of no use any more.
const LAST_STREAM: u32 = 0x7fff_ffff;

/// Longest block of headers, in bytes.
const LONGEST_BLOCK: usize = 64 * 1024;

/// The server has not looked at the request.
const REFUSED_STREAM: u32 = 7;

/// We do not want the answer any more.
const CANCEL: u32 = 8;

/// What came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The server has said what it takes: requests can be sent.
    Open,
    /// The answer to this stream is whole: [`Connection::answer`].
    Answered(u32),
    /// There will be no answer to this stream.
    Reset {
        stream: u32,
        /// The server has not looked at the request.
        refused: bool,
    },
    /// The server takes no more streams: [`Connection::last`].
    Away,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    keeps_bodies: bool,
    /// The beginning of a frame.
    partial: Vec<u8>,
    is_open: bool,
    /// The highest stream that was asked.
    asked: u32,
    /// The highest stream that the server will answer, once it has said so.
    last: Option<u32>,
    most_streams: u32,
    flow: Flow,
    /// Asked and not answered.
    streams: Vec<Stream>,
    /// Headers that go on in the next frame: of this stream, whose end they are.
    gathering: Option<(u32, bool, Vec<u8>)>,
    answered: Stream,
    spare: Vec<Stream>,
}

impl Connection {
    /// Without `keeps_bodies`, bodies of any length are skipped.
    pub fn new(keeps_bodies: bool) -> Connection {
        Connection {
            keeps_bodies,
            partial: Vec::new(),
            is_open: false,
            asked: 0,
            last: None,
            most_streams: u32::MAX,
            flow: Flow::new(),
            streams: Vec::new(),
            gathering: None,
            answered: Stream::default(),
            spare: Vec::new(),
        }
    }

    /// A new connection: appends what it begins with.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        *self = Connection::new(self.keeps_bodies);
        out.extend_from_slice(frame::PREFACE);
        // No table for headers, no answers to what was not asked, and the window of a stream.
        let mut settings = Vec::with_capacity(18);
        for (name, value) in [(1u16, 0u32), (2, 0), (4, flow::STREAM_WINDOW)] {
            settings.extend_from_slice(&name.to_be_bytes());
            settings.extend_from_slice(&value.to_be_bytes());
        }
        frame::append(Kind::Settings, 0, 0, &settings, out);
        self.flow.open(out);
    }

    /// Most streams that may be asked and not answered at a time; none when the server takes no more.
    pub fn most_streams(&self) -> usize {
        match self.last.is_some() || self.asked >= LAST_STREAM - 1 {
            true => 0,
            false => self.most_streams as usize,
        }
    }

    /// The highest stream that the server will answer; `None` while it takes new ones.
    pub fn last(&self) -> Option<u32> {
        self.last
    }

    /// Appends a request; what of its body has to wait for the server is sent as it lets us.
    pub fn ask(&mut self, stream: u32, headers: &[u8], body: Option<&[u8]>, out: &mut Vec<u8>) {
        self.asked = stream;
        let ends = if body.is_none() { END_STREAM } else { 0 };
        let longest = self.flow.longest_frame;
        let (first, mut rest) = headers.split_at(headers.len().min(longest));
        let done = |rest: &[u8]| if rest.is_empty() { END_HEADERS } else { 0 };
        frame::append(Kind::Headers, ends | done(rest), stream, first, out);
        while !rest.is_empty() {
            let (next, after) = rest.split_at(rest.len().min(longest));
            rest = after;
            frame::append(Kind::Continuation, done(rest), stream, next, out);
        }
        let mut asked = self.spare.pop().unwrap_or_default();
        asked.begin(stream, self.flow.stream_window);
        if let Some(body) = body {
            asked.pending.extend_from_slice(body);
            self.flow.send(&mut asked, out);
        }
        self.streams.push(asked);
    }

    /// The answer that came last.
    pub fn answer(&self) -> Answer<'_> {
        Answer {
            status: self.answered.status,
            head: &self.answered.head,
            body: &self.answered.body,
            close: false,
        }
    }

    /// Reads on. `Some`: what came, and how many bytes of `input` are taken in; call again with the rest. `None`: all of it
    /// is taken in. What has to be said in return is appended to `reply`.
    ///
    /// # Errors
    /// When the connection must be closed.
    pub fn next(
        &mut self,
        input: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<Option<(usize, Event)>, Malformed> {
        let mut at = 0;
        while at < input.len() {
            let rest = &input[at..];
            if self.partial.is_empty()
                && let Some(head) = Head::read(rest)?
                && let Some(payload) = rest.get(HEADER..HEADER + head.length)
            {
                at += HEADER + head.length;
                if let Some(event) = self.take(&head, payload, reply)? {
                    return Ok(Some((at, event)));
                }
                continue;
            }
            let needed = match Head::read(&self.partial)? {
                None => HEADER - self.partial.len(),
                Some(head) => HEADER + head.length - self.partial.len(),
            };
            let piece = needed.min(rest.len());
            self.partial.extend_from_slice(&rest[..piece]);
            at += piece;
            if let Some(event) = self.take_partial(reply)? {
                return Ok(Some((at, event)));
            }
        }
        Ok(None)
    }

    /// Takes the frame whose pieces were put together, once it is whole.
    fn take_partial(&mut self, reply: &mut Vec<u8>) -> Result<Option<Event>, Malformed> {
        let Some(head) = Head::read(&self.partial)? else {
            return Ok(None);
        };
        if self.partial.len() < HEADER + head.length {
            return Ok(None);
        }
        let mut partial = mem::take(&mut self.partial);
        let event = self.take(&head, &partial[HEADER..], reply);
        partial.clear();
        self.partial = partial;
        event
    }

    fn take(
        &mut self,
        head: &Head,
        payload: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<Option<Event>, Malformed> {
        if !self.is_open && (head.kind != Kind::Settings || head.has(ACK)) {
            return Err(Malformed::NoSettings);
        }
        if self.gathering.is_some() && head.kind != Kind::Continuation {
            return Err(Malformed::Frame);
        }
        match head.kind {
            Kind::Settings => self.take_settings(head, payload, reply),
            Kind::Headers => {
                let block = content(head, payload)?.to_vec();
                self.gathering = Some((head.stream, head.has(END_STREAM), block));
                self.take_headers(head.has(END_HEADERS), reply)
            }
            Kind::Continuation => {
                match &mut self.gathering {
                    Some((stream, _, block))
                        if *stream == head.stream && block.len() < LONGEST_BLOCK =>
                    {
                        block.extend_from_slice(payload);
                    }
                    Some(_) | None => return Err(Malformed::Frame),
                }
                self.take_headers(head.has(END_HEADERS), reply)
            }
            Kind::Data => self.take_data(head, payload, reply),
            Kind::Reset => {
                let refused = frame::number(payload)? == REFUSED_STREAM;
                let stream = head.stream;
                Ok(self
                    .drop_stream(stream)?
                    .then_some(Event::Reset { stream, refused }))
            }
            Kind::Away => {
                let last = frame::number(payload)? & LAST_STREAM;
                self.last = Some(self.last.map_or(last, |before| before.min(last)));
                Ok(Some(Event::Away))
            }
            Kind::Window => self.take_window(head.stream, frame::number(payload)?, reply),
            Kind::Ping => {
                if !head.has(ACK) {
                    frame::append(Kind::Ping, ACK, 0, payload, reply);
                }
                Ok(None)
            }
            Kind::Promise => Err(Malformed::Unasked),
            Kind::Priority | Kind::Other(_) => Ok(None),
        }
    }

    fn take_settings(
        &mut self,
        head: &Head,
        payload: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<Option<Event>, Malformed> {
        if head.has(ACK) {
            return Ok(None);
        }
        let (settings, []) = payload.as_chunks::<6>() else {
            return Err(Malformed::Frame);
        };
        for setting in settings {
            let value = frame::number(&setting[2..])?;
            match u16::from_be_bytes([setting[0], setting[1]]) {
                3 => self.most_streams = value,
                4 => self.flow.resize(value, &mut self.streams)?,
                5 => self.flow.longest_frame = value as usize,
                _ => {}
            }
        }
        frame::append(Kind::Settings, ACK, 0, &[], reply);
        self.send_pending(reply);
        let was_open = mem::replace(&mut self.is_open, true);
        Ok((!was_open).then_some(Event::Open))
    }

    /// A block of headers, once it is whole.
    fn take_headers(
        &mut self,
        whole: bool,
        reply: &mut Vec<u8>,
    ) -> Result<Option<Event>, Malformed> {
        if !whole {
            return Ok(None);
        }
        let Some((id, ends, block)) = self.gathering.take() else {
            return Ok(None);
        };
        let Some(place) = self.place(id)? else {
            return Ok(None);
        };
        self.streams[place].take_headers(&block, ends)?;
        Ok(ends.then(|| self.finish(place, reply)))
    }

    fn take_data(
        &mut self,
        head: &Head,
        payload: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<Option<Event>, Malformed> {
        let ends = head.has(END_STREAM);
        let place = self.place(head.stream)?;
        let goes_on = (place.is_some() && !ends).then_some(head.stream);
        self.flow.came(goes_on, payload.len(), reply);
        let Some(place) = place else {
            return Ok(None);
        };
        self.streams[place].take_data(content(head, payload)?, self.keeps_bodies)?;
        Ok(ends.then(|| self.finish(place, reply)))
    }

    fn take_window(
        &mut self,
        stream: u32,
        by: u32,
        reply: &mut Vec<u8>,
    ) -> Result<Option<Event>, Malformed> {
        let by = by & LAST_STREAM;
        if stream == 0 {
            self.flow.grow(by)?;
        } else if let Some(place) = self.place(stream)? {
            flow::grow(&mut self.streams[place].window, by)?;
        }
        self.send_pending(reply);
        Ok(None)
    }

    fn send_pending(&mut self, out: &mut Vec<u8>) {
        for stream in &mut self.streams {
            self.flow.send(stream, out);
        }
    }

    /// Where a stream is; `None` when it is over already.
    fn place(&self, id: u32) -> Result<Option<usize>, Malformed> {
        if id.is_multiple_of(2) || id > self.asked {
            return Err(Malformed::Unasked);
        }
        Ok(self
            .streams
            .binary_search_by_key(&id, |stream| stream.id)
            .ok())
    }

    /// The answer at this place is whole.
    fn finish(&mut self, place: usize, reply: &mut Vec<u8>) -> Event {
        let stream = self.streams.remove(place);
        if !stream.pending.is_empty() {
            // It was answered before it was asked in full.
            frame::append(Kind::Reset, 0, stream.id, &CANCEL.to_be_bytes(), reply);
        }
        let before = mem::replace(&mut self.answered, stream);
        self.spare.push(before);
        Event::Answered(self.answered.id)
    }

    /// True when the stream was not over already.
    fn drop_stream(&mut self, id: u32) -> Result<bool, Malformed> {
        let place = self.place(id)?;
        if let Some(place) = place {
            let stream = self.streams.remove(place);
            self.spare.push(stream);
        }
        Ok(place.is_some())
    }
}
