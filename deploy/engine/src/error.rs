//! Why an engine could not start or had to stop.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Everything that ends an engine other than a request to stop.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The data folder cannot be used.
    #[error("the data folder {} cannot be used: {source}", path.display())]
    Data {
        /// The folder.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// Another engine uses the data folder.
    #[error("the data folder {} is in use by another engine; stop that one, or name another folder with --data", path.display())]
    DataInUse {
        /// The folder.
        path: PathBuf,
    },
    /// The data folder holds another member's data.
    #[error("the data folder {} holds the data of member {owner}, and this is {member}; name this member's own folder with --data, or an empty one if it never had any", path.display())]
    OthersData {
        /// The folder.
        path: PathBuf,
        /// Whose data it is, as `ID=NAME`.
        owner: String,
        /// Who wanted to use it, as `ID=NAME`.
        member: String,
    },
    /// The log or a snapshot is damaged beyond a torn tail.
    #[error("{what} in {} is damaged: {why}; remove the node's data folder, and it catches up from its peers", path.display())]
    Damaged {
        /// Which file.
        what: String,
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}; is another engine running there?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The consensus layer stopped, for example because the disk is full.
    #[error("node {name} had to stop: {why}")]
    Consensus {
        /// The node.
        name: String,
        /// What the consensus layer said.
        why: String,
    },
    /// The runtime, a thread, a signal handler or a child could not be made.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A node of a cluster ended by itself.
    #[error("node {name} ended by itself ({status}); its log is {}", log.display())]
    NodeEnded {
        /// The node.
        name: String,
        /// How it ended.
        status: String,
        /// Where it wrote what it had to say.
        log: PathBuf,
    },
    /// The process that was to own this node is gone.
    #[error("the process that started this node is already gone")]
    Orphaned,
}
