//! The proxy: it listens, or does not, and makes a pipe of each connection.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use shakedown_record::monotonic_ns;

use super::pipe::Pipe;
use super::program::{Dice, Program, StormKind};
use super::sockets::{drop_all, drop_nothing, vanish};

/// How often it looks whether to listen.
const LOOK: Duration = Duration::from_micros(500);

/// How long a port that is being given up is waited for.
const PATIENCE_NS: u64 = 2_000_000_000;

/// What a proxy is told.
#[derive(Debug, Clone)]
pub struct Orders {
    pub listen: SocketAddr,
    pub engine: SocketAddr,
    pub seed: u64,
    pub program: Program,
    /// `CLOCK_MONOTONIC` from which the program counts.
    pub zero_ns: u64,
}

/// Carries connections until the process ends; says its port on `out` as soon as it listens.
///
/// # Errors
/// When it cannot listen, or has no right to let connections vanish.
pub fn serve(orders: &Orders, mut out: impl Write) -> io::Result<()> {
    let first = listen(orders.listen)?;
    let address = first.local_addr()?;
    may_vanish()?;
    writeln!(out, "port {}", address.port())?;
    out.flush()?;
    let mut listener = Some(first);
    let mut dropping = false;
    let mut dice = Dice::new(orders.seed ^ monotonic_ns());
    loop {
        let now_ns = monotonic_ns().saturating_sub(orders.zero_ns);
        let refuses = orders.program.is_on(StormKind::Refuse, now_ns);
        match (listener.is_some(), refuses) {
            (true, true) => listener = None,
            (false, false) => (listener, dropping) = (Some(listen(address)?), false),
            (true, false) | (false, true) => {}
        }
        let Some(listener) = &listener else {
            thread::sleep(LOOK);
            continue;
        };
        let holds = orders.program.is_on(StormKind::Blackhole, now_ns);
        if holds != dropping {
            dropping = holds;
            match holds {
                true => drop_all(listener)?,
                false => drop_nothing(listener)?,
            }
        }
        let Ok((client, _)) = listener.accept() else {
            thread::sleep(LOOK);
            continue;
        };
        let orders = orders.clone();
        let dice = Dice::new(dice.bits());
        // A connection that cannot be carried ends; that is what this program is for.
        thread::spawn(move || begin(client, &orders, now_ns, dice));
    }
}

fn begin(client: TcpStream, orders: &Orders, now_ns: u64, dice: Dice) -> io::Result<()> {
    client.set_nonblocking(false)?;
    client.set_nodelay(true)?;
    let engine = TcpStream::connect(orders.engine)?;
    engine.set_nodelay(true)?;
    let pipe = Pipe {
        client,
        engine,
        vanished: orders.program.begun(StormKind::HalfOpen, now_ns),
        program: orders.program.clone(),
        zero_ns: orders.zero_ns,
        dice,
    };
    pipe.run()
}

/// Half-open storms would be ordinary ends without the right.
fn may_vanish() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    vanish(near).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("TCP_REPAIR is refused, it needs CAP_NET_ADMIN: {error}"),
        )
    })
}

/// Listens without blocking, as soon as the port is free.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let until_ns = monotonic_ns() + PATIENCE_NS;
    loop {
        match TcpListener::bind(address) {
            Ok(listener) => {
                listener.set_nonblocking(true)?;
                return Ok(listener);
            }
            Err(error) if monotonic_ns() > until_ns => return Err(error),
            Err(_) => thread::sleep(LOOK),
        }
    }
}
