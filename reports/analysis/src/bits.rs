//! Sets of slots: one bit each, so that hours of orders fit into memory and sets are compared a word at a time.

/// A growing set of slot numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// Adds a slot; false when it was there already.
    pub fn insert(&mut self, slot: u64) -> bool {
        let (word, bit) = ((slot / 64) as usize, 1u64 << (slot % 64));
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        new
    }

    pub fn contains(&self, slot: u64) -> bool {
        self.words
            .get((slot / 64) as usize)
            .is_some_and(|word| word & (1 << (slot % 64)) != 0)
    }

    pub fn len(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Adds every slot of another set.
    pub fn union(&mut self, other: &Bits) {
        if other.words.len() > self.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }

    /// Slots of this set that are in `other` too.
    pub fn and(&self, other: &Bits) -> Bits {
        let words = self.words.iter().zip(&other.words);
        Bits {
            words: words.map(|(word, other)| word & other).collect(),
        }
    }

    /// Slots of this set that are not in `other`.
    pub fn without(&self, other: &Bits) -> Bits {
        let mut left = self.clone();
        for (word, gone) in left.words.iter_mut().zip(&other.words) {
            *word &= !gone;
        }
        left
    }

    /// The slots in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            (0..64u64)
                .filter(move |bit| word & (1 << bit) != 0)
                .map(move |bit| index as u64 * 64 + bit)
        })
    }
}

impl FromIterator<u64> for Bits {
    fn from_iter<I: IntoIterator<Item = u64>>(slots: I) -> Self {
        let mut bits = Bits::default();
        slots.into_iter().for_each(|slot| {
            bits.insert(slot);
        });
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_different_lengths_combine() {
        let (short, long): (Bits, Bits) = (
            [1, 3, 63].into_iter().collect(),
            [3, 64, 200].into_iter().collect(),
        );
        assert_eq!(short.without(&long).iter().collect::<Vec<_>>(), [1, 63]);
        assert_eq!(long.without(&short).iter().collect::<Vec<_>>(), [64, 200]);
        assert_eq!(short.and(&long).iter().collect::<Vec<_>>(), [3]);
        let mut both = short.clone();
        both.union(&long);
        assert_eq!(both.len(), 5);
        assert!(both.contains(200) && !both.contains(199) && !both.contains(100_000));
    }

    #[test]
    fn a_second_insertion_is_told() {
        let mut bits = Bits::default();
        assert!(bits.insert(70));
        assert!(!bits.insert(70));
        assert!(!bits.is_empty());
    }
}
