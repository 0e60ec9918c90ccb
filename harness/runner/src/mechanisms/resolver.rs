//! One question to one name server, by UDP: is it answered?

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Where name servers listen.
pub const PORT: u16 = 53;
/// Bytes of an answer by UDP, at most (RFC 1035, 4.2.1).
const ANSWER_BYTES: usize = 512;
/// Who is asked for: the name servers of the root, which every resolver knows. Flags: recursion desired.
const QUESTION: [u8; 15] = [0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];

/// The first name server of a `resolv.conf`; 127.0.0.1 without one, as its manual page says.
pub fn first_server(resolv_conf: &str) -> IpAddr {
    let mut servers = resolv_conf.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == "nameserver").then_some(())?;
        // A zone names an interface of the target's, which the address does without.
        words.next()?.split('%').next()?.parse().ok()
    });
    servers.next().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// Asks a name server and waits for an answer to this very question. The answer's contents do not matter.
///
/// # Errors
/// When the question cannot be sent, or nobody listens there.
pub fn is_answered(server: SocketAddr, id: u16, within: Duration) -> io::Result<bool> {
    let any = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    let mut question = id.to_be_bytes().to_vec();
    question.extend(QUESTION);
    socket.send(&question)?;
    let until = Instant::now() + within;
    let mut answer = [0; ANSWER_BYTES];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        socket.set_read_timeout(Some(left))?;
        match socket.recv(&mut answer) {
            // Answers have the highest bit of the flags set.
            Ok(len) if len > 2 && answer[..2] == question[..2] && answer[2] & 0x80 != 0 => {
                return Ok(true);
            }
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(false);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(200);

    #[test]
    fn the_first_server_counts() {
        let text =
            "# nameserver 9.9.9.9\nsearch a.b\nnameserver fe80::1%eth0\nnameserver 10.0.0.2\n";
        assert_eq!(first_server(text), "fe80::1".parse::<IpAddr>().unwrap());
        assert_eq!(first_server(""), IpAddr::V4(Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn an_answer_silence_and_nobody_are_told_apart() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let answering = std::thread::spawn(move || {
            for answers in [true, false] {
                let mut question = [0; 64];
                let (len, asker) = server.recv_from(&mut question).unwrap();
                assert_eq!(len, 2 + QUESTION.len());
                question[2] |= if answers { 0x80 } else { 0 };
                server.send_to(&question[..len], asker).unwrap();
            }
            server
        });
        assert!(is_answered(address, 4711, SHORT).unwrap());
        assert!(!is_answered(address, 4712, SHORT).unwrap());
        drop(answering.join().unwrap());
        assert!(is_answered(address, 4713, SHORT).is_err());
    }
}
