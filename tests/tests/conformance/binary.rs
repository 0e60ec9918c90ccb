//! Frames as the test server writes and reads them, from `docs/binary-gateway.md` and not from the generator's code.

use crate::way::{Asked, Kind, Said};

/// The first whole message.
pub fn take(received: &mut Vec<u8>) -> Option<Asked> {
    let length = u32::from_le_bytes(received.get(..4)?.try_into().unwrap()) as usize;
    if received.len() < length {
        return None;
    }
    let frame: Vec<u8> = received.drain(..length).collect();
    let eight = |at: usize| -> [u8; 8] { frame[at..at + 8].try_into().unwrap() };
    assert_eq!(&frame[4..8][..1], [1], "the version");
    assert_eq!(
        (&frame[6..8], frame[39]),
        (&[0, 0][..], 0),
        "what must be 0"
    );
    let kind = match frame[5] {
        1 => Kind::New,
        2 => Kind::Cancel,
        3 => Kind::Replace,
        other => panic!("type {other} was sent"),
    };
    let [id, account, symbol] = [36, 37, 38].map(|at| usize::from(frame[at]));
    assert_eq!(
        40 + id + account + symbol,
        length,
        "the lengths of the texts"
    );
    assert_eq!(kind == Kind::New, account > 0 && symbol > 0);
    let decimal = |at: usize, scale: usize| {
        let (units, scale) = (i64::from_le_bytes(eight(at)), usize::from(frame[scale]));
        let digits = format!("{units:0width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        format!("{whole}.{fraction}")
    };
    Some(Asked {
        id: String::from_utf8(frame[40..40 + id].to_vec()).unwrap(),
        kind,
        number: u64::from_le_bytes(eight(8)),
        terms: (kind != Kind::Cancel).then(|| (decimal(16, 32), decimal(24, 33))),
    })
}

/// An answer.
pub fn answer(asked: &Asked, said: Said, node: &str) -> Vec<u8> {
    let (status, sequence) = match (said, asked.kind) {
        (Said::Done(sequence), Kind::New) => (1, sequence),
        (Said::Done(sequence), Kind::Cancel) => (2, sequence),
        (Said::Done(sequence), Kind::Replace) => (3, sequence),
        (Said::Rejected, _) => (4, 0),
        (Said::Throttled, _) => (7, 0),
        (Said::Unknown, _) => (9, 0),
    };
    let mut frame = vec![0; 40];
    frame[4..6].copy_from_slice(&[1, 128]);
    frame[8..16].copy_from_slice(&asked.number.to_le_bytes());
    frame[16..24].copy_from_slice(&u64::to_le_bytes(sequence));
    frame[32..35].copy_from_slice(&[status, asked.id.len() as u8, node.len() as u8]);
    frame.extend_from_slice(asked.id.as_bytes());
    frame.extend_from_slice(node.as_bytes());
    let length = frame.len() as u32;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    frame
}
