//! Names of the nodes that served us, numbered for the ledger.

use std::sync::{Arc, Mutex, PoisonError};

use crate::secret::Secrets;

/// Most names that the ledger's one byte can hold; 0 is unknown.
const MOST: usize = u8::MAX as usize;

/// One thread's view of the numbered names.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    all: Arc<Mutex<Vec<String>>>,
    known: Vec<(Box<str>, u8)>,
    secrets: Arc<Secrets>,
}

impl Names {
    /// An empty list. What an engine puts into a name is not trusted: secrets are cut out of it.
    pub fn new(secrets: Arc<Secrets>) -> Names {
        Names {
            all: Arc::default(),
            known: Vec::new(),
            secrets,
        }
    }

    /// The number of a name, from 1; 0 when the list is full.
    pub fn number(&mut self, name: &str) -> u8 {
        if let Some((_, number)) = self.known.iter().find(|(known, _)| **known == *name) {
            return *number;
        }
        let clean = self.secrets.redact(name);
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|known| *known == clean).or_else(|| {
            (all.len() < MOST).then(|| {
                all.push(clean);
                all.len() - 1
            })
        });
        drop(all);
        let number = at.map_or(0, |at| at as u8 + 1);
        if self.known.len() < MOST {
            self.known.push((name.into(), number));
        }
        number
    }

    /// Every name, the first has number 1.
    pub fn all(&self) -> Vec<String> {
        self.all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_agree_on_numbers() {
        let mut one = Names::new(Arc::default());
        let mut two = one.clone();
        assert_eq!(one.number("engine-2"), 1);
        assert_eq!(two.number("engine-1"), 2);
        assert_eq!(two.number("engine-2"), 1);
        assert_eq!(one.all(), ["engine-2", "engine-1"]);
    }

    #[test]
    fn a_server_that_makes_up_names_fills_neither_memory_nor_the_ledger() {
        let mut names = Names::new(Arc::default());
        let numbers: Vec<u8> = (0..600).map(|n| names.number(&n.to_string())).collect();
        assert_eq!(numbers[254], 255);
        assert!(numbers[255..].iter().all(|number| *number == 0));
        assert_eq!((names.all().len(), names.known.len()), (255, 255));
    }
}
