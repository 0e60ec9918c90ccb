//! `shakedown worker`: a part of a load, or a guest that knocks at doors, for whoever is at the other end of its standard input and
//! output.

use std::io;

use shakedown_load::workers::{WorkerError, serve};
use shakedown_record::ExitCode;
use shakedown_runner::isolation;
use shakedown_runner::workers::{hand_over, stand_by};

use super::runtime::runtime;
use crate::args::WorkerArgs;
use crate::interrupt;
use crate::output::Failure;

pub(super) fn worker(args: &WorkerArgs) -> Result<ExitCode, Failure> {
    if args.stand_by {
        runtime()?.block_on(async {
            stand_by(interrupt::quietly()?).await;
            Ok::<(), Failure>(())
        })?;
    } else if args.knock {
        runtime()?
            .block_on(isolation::serve_pipes())
            .map_err(Failure::unavailable)?;
    } else if let Some(folder) = &args.hand_over {
        let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
        hand_over(folder, &mut out).map_err(Failure::unavailable)?;
    } else {
        match serve(io::stdin(), io::stdout()) {
            Ok(()) => {}
            Err(error @ WorkerError::NoOrder) => return Err(Failure::usage(error)),
            Err(error) => return Err(Failure::unavailable(error)),
        }
    }
    Ok(ExitCode::Pass)
}
