//! Messages and their attributes: bytes in, bytes out.

const ATTRIBUTE_HEADER: usize = 4;
const NESTED: u16 = 1 << 15;
/// The upper two bits of a type say how the value is to be read, not what it is.
const TYPE_MASK: u16 = 0x3fff;

/// Attributes in the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(Vec<u8>);

impl Attributes {
    pub fn new() -> Attributes {
        Attributes::default()
    }

    /// Adds one attribute with these bytes as its value.
    ///
    /// # Panics
    /// When the value is longer than an attribute can be (65,531 bytes); callers split lists before that.
    #[must_use]
    pub fn bytes(mut self, kind: u16, value: &[u8]) -> Attributes {
        let length = u16::try_from(ATTRIBUTE_HEADER + value.len())
            .expect("an attribute is at most 64 KiB: lists are split before");
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    #[must_use]
    pub fn u8(self, kind: u16, value: u8) -> Attributes {
        self.bytes(kind, &[value])
    }

    /// In the host's byte order, as NETLINK_ROUTE wants it.
    #[must_use]
    pub fn u32(self, kind: u16, value: u32) -> Attributes {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// In the host's byte order.
    #[must_use]
    pub fn u64(self, kind: u16, value: u64) -> Attributes {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// In network byte order, as nftables wants it.
    #[must_use]
    pub fn be32(self, kind: u16, value: u32) -> Attributes {
        self.bytes(kind, &value.to_be_bytes())
    }

    /// In network byte order.
    #[must_use]
    pub fn be64(self, kind: u16, value: u64) -> Attributes {
        self.bytes(kind, &value.to_be_bytes())
    }

    /// A name, with the zero byte that the kernel expects behind it.
    #[must_use]
    pub fn text(self, kind: u16, value: &str) -> Attributes {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.bytes(kind, &bytes)
    }

    #[must_use]
    pub fn nested(self, kind: u16, inner: Attributes) -> Attributes {
        self.bytes(kind | NESTED, &inner.0)
    }

    /// A struct followed by attributes, as some kinds put it into one attribute.
    #[must_use]
    pub fn prefixed(self, kind: u16, prefix: &[u8], inner: Attributes) -> Attributes {
        let mut bytes = prefix.to_vec();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend_from_slice(&inner.0);
        self.bytes(kind | NESTED, &bytes)
    }

    /// These, then those.
    #[must_use]
    pub fn then(mut self, others: Attributes) -> Attributes {
        self.0.extend_from_slice(&others.0);
        self
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A request.
#[derive(Debug, Clone)]
pub struct Message {
    pub(super) doing: String,
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) body: Vec<u8>,
}

impl Message {
    /// `doing` completes the sentence "cannot …"; `header` is the struct that the family puts before attributes.
    pub fn new(
        doing: impl Into<String>,
        kind: u16,
        flags: u16,
        header: &[u8],
        attributes: Attributes,
    ) -> Message {
        let mut body = header.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend_from_slice(&attributes.0);
        Message {
            doing: doing.into(),
            kind,
            flags,
            body,
        }
    }

    /// The family's struct and the attributes, without the header.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The message as it goes to the kernel.
    pub(super) fn encode(&self, more_flags: u16, sequence: u32, into: &mut Vec<u8>) {
        let length = (super::socket::HEADER + self.body.len()) as u32;
        into.extend_from_slice(&length.to_ne_bytes());
        into.extend_from_slice(&self.kind.to_ne_bytes());
        into.extend_from_slice(&(self.flags | more_flags).to_ne_bytes());
        into.extend_from_slice(&sequence.to_ne_bytes());
        // The kernel fills in the sender's port id.
        into.extend_from_slice(&0u32.to_ne_bytes());
        into.extend_from_slice(&self.body);
        into.resize(into.len().next_multiple_of(4), 0);
    }
}

/// One message of a dump.
#[derive(Debug, Clone)]
pub struct Reply {
    pub kind: u16,
    pub body: Vec<u8>,
}

/// The attributes in these bytes; whatever breaks off is left out.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(bytes.get(0..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(bytes.get(2..4)?.try_into().ok()?) & TYPE_MASK;
        let value = bytes.get(ATTRIBUTE_HEADER..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The value of the first attribute of this type.
pub fn find(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes)
        .find(|(found, _)| *found == kind)
        .map(|(_, value)| value)
}

/// A name, without the zero byte behind it.
pub fn text(value: &[u8]) -> String {
    let end = value
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}

/// A number in network byte order, of 4 bytes.
pub fn u32_be(value: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(value.get(0..4)?.try_into().ok()?))
}

/// A number in the host's byte order, of 4 bytes.
pub fn u32_ne(value: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(value.get(0..4)?.try_into().ok()?))
}

/// A number in network byte order, of 8 bytes.
pub fn u64_be(value: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(value.get(0..8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_in_order() {
        let inner = Attributes::new().be32(1, 7).text(2, "odd");
        let all = Attributes::new()
            .u8(1, 9)
            .nested(2, inner)
            .u32(3, 0x0102_0304);
        assert_eq!(all.as_bytes().len() % 4, 0);
        let read: Vec<(u16, &[u8])> = attributes(all.as_bytes()).collect();
        assert_eq!(read.len(), 3);
        assert_eq!(read[0], (1, &[9u8][..]));
        let inner = find(all.as_bytes(), 2).unwrap();
        assert_eq!(find(inner, 1).and_then(u32_be), Some(7));
        assert_eq!(find(inner, 2).map(text), Some("odd".to_string()));
        assert_eq!(find(all.as_bytes(), 3).and_then(u32_ne), Some(0x0102_0304));
        assert_eq!(find(all.as_bytes(), 4), None);
    }

    #[test]
    fn bytes_that_break_off_end_the_list() {
        let whole = Attributes::new().be32(1, 1).be32(2, 2);
        let broken = &whole.as_bytes()[..whole.as_bytes().len() - 2];
        assert_eq!(attributes(broken).count(), 1);
        assert_eq!(attributes(&[]).count(), 0);
        // A length of zero must not turn into an endless list.
        assert_eq!(attributes(&[0, 0, 1, 0, 9, 9, 9, 9]).count(), 0);
    }

    #[test]
    fn a_message_carries_its_length_and_flags() {
        let message = Message::new("x", 16, 0x400, &[1, 2], Attributes::new().u8(1, 1));
        let mut bytes = Vec::new();
        message.encode(0x5, 77, &mut bytes);
        assert_eq!(bytes.len(), 16 + 4 + 8);
        assert_eq!(u32_ne(&bytes), Some(28));
        assert_eq!(&bytes[6..8], &0x405u16.to_ne_bytes());
        assert_eq!(u32_ne(&bytes[8..]), Some(77));
        assert_eq!(&bytes[16..20], &[1, 2, 0, 0]);
    }
}
