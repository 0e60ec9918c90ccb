//! The consensus library's own test suite, run over our log and state machine.

use openraft::StorageError;
use openraft::testing::{StoreBuilder, Suite};
use tempfile::TempDir;

use super::{LogStore, StateMachine, TypeConfig};
use crate::defects::Defects;

struct InNewFolder;

impl StoreBuilder<TypeConfig, LogStore, StateMachine, TempDir> for InNewFolder {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError<u64>> {
        let folder = tempfile::tempdir().expect("a folder");
        let log = LogStore::open(folder.path(), &Defects::default()).expect("an empty log");
        let machine =
            StateMachine::open(folder.path(), &Defects::default(), None).expect("an empty replica");
        Ok((folder, log, machine))
    }
}

#[test]
fn log_and_state_machine_are_what_the_consensus_library_expects() {
    Suite::test_all(InNewFolder).expect("all storage tests pass");
}
