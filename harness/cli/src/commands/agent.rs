//! `shakedown agent`: one fault on the node on which this process runs.

use std::io;

use shakedown_record::ExitCode;
use shakedown_runner::agent::{
    AgentExit, AgentSetup, ClusterBoard, ClusterLeash, Order, enter_node, run_agent,
};
use shakedown_runner::state_dir::StateDir;

use super::runtime::runtime;
use crate::args::AgentArgs;
use crate::output::{Failure, say};

pub(super) fn agent(args: AgentArgs) -> Result<ExitCode, Failure> {
    let order = Order::parse(&args.order).map_err(Failure::usage)?;
    // Before there is another thread: each has namespaces of its own.
    if let Err(error) = enter_node() {
        say(&format!(
            "{error}; limits on CPU time and memory cannot be set"
        ));
    }
    let exe = std::env::current_exe();
    let exe = exe.map_err(|error| Failure::bug(format!("cannot find our own binary: {error}")))?;
    let namespace = &order.lease.namespace;
    let board = order.board.as_ref();
    let setup = AgentSetup {
        board: board.map(|name| ClusterBoard::new(namespace.clone(), name.clone())),
        leash: ClusterLeash::new(order.lease.clone()),
        order,
        state: StateDir::at(&args.state),
        exe,
        out: Box::new(io::stdout()),
    };
    Ok(match runtime()?.block_on(run_agent(setup)) {
        AgentExit::Clean => ExitCode::Pass,
        AgentExit::Failed => ExitCode::Fail,
        AgentExit::NotClean => ExitCode::Dirty,
    })
}
