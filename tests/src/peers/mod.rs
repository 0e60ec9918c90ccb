//! Shakedown beside the load generators that people use: against one server, in turns, judged by the server's own log.
//!
//! ```text
//! tool       who takes part, and the command line for a load
//! said       what each of them says of a run, read from its report
//! process    a generator's end, its CPU time and what it printed
//! server     the lean server, on a core of its own
//! against    quantiles that the server's log says
//! bare       how late the machine itself wakes a thread
//! measure    one run of one tool, as a row
//! rounds     which runs, in which order
//! row        the table of runs, written and read
//! claim      what the table must show
//! markdown   the tables of docs/benchmarks.md, made from the runs
//! ```
//!
//! Decisions and tables are pure; `process`, `server`, `bare` and `measure` touch the machine.

mod against;
mod bare;
mod claim;
mod markdown;
mod measure;
mod process;
mod rounds;
mod row;
mod said;
mod server;
mod tool;

pub use against::{Joined, Schedule, True, against};
pub use bare::woken_late_p99_us;
pub use claim::{LEAST_RATIO, holds, is_near, ratio_to_wrk, supports, untrue};
pub use markdown::{document, tables};
pub use measure::{Place, measure};
pub use process::{Ended, run};
pub use rounds::{
    Extent, MOST_OPEN_ROUNDS, MOST_ROUNDS, Planned, another_open_round, another_round, plan,
};
pub use row::{Part, Row, Table};
pub use said::{Said, said};
pub use tool::{Load, Tool};
