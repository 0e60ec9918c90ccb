//! Whether the evidence is what the run left: the chain of its events, and the sums over its files once it was sealed.

use shakedown_record::chain::{self, ChainSeen};
use shakedown_record::run_dir::RunDir;
use shakedown_record::run_record::EventChain;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Seal {
    /// The chain of the events, where it holds.
    pub chain: Option<EventChain>,
    /// What of the evidence is not as the run left it, in words.
    pub broken: Vec<String>,
    /// What else is not, in words: no verdict rests on it.
    pub beside: Vec<String>,
}

impl Seal {
    /// Looks at a run directory. One that was never sealed (the run goes on, or died) has only the chain.
    pub fn of(dir: &RunDir) -> Self {
        let mut seal = Seal::default();
        // A file that cannot be read is told of by whoever reads the events.
        match chain::look(&dir.events()) {
            Ok(ChainSeen::Whole { lines, head }) => {
                seal.chain = Some(EventChain {
                    events: lines,
                    head,
                });
            }
            Ok(ChainSeen::Broken { line }) => seal.broken.push(format!(
                "events.jsonl was changed: line {line} does not follow from the one before it"
            )),
            Ok(ChainSeen::Without) | Err(_) => {}
        }
        if dir.checksums().exists() {
            match dir.tampered() {
                Ok(tampered) => {
                    for it in tampered {
                        let words =
                            format!("{} {} after the run had ended", it.name, it.how.words());
                        match it.is_evidence() {
                            true => seal.broken.push(words),
                            false => seal.beside.push(words),
                        }
                    }
                }
                Err(error) => seal
                    .broken
                    .push(format!("the sums over its files cannot be held: {error}")),
            }
        } else if dir.record().exists() {
            seal.broken.push(
                "SHA256SUMS is gone: nothing shows that the files are as the run left them"
                    .to_string(),
            );
        }
        seal
    }
}
