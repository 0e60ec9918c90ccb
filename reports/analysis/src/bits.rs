//! Sets of slots: one bit each, so that hours of orders fit into memory and sets are compared a word at a time.
//!
//! The bits lie in chunks. A chunk without a slot takes no room, and sets that agree on a chunk may share it: copies of the
//! same orders, of which there are as many as replicas, cost little more than one.

use std::sync::Arc;

const CHUNK_WORDS: usize = 256;
const CHUNK_BITS: u64 = CHUNK_WORDS as u64 * 64;

type Chunk = [u64; CHUNK_WORDS];

/// A growing set of slot numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bits {
    chunks: Vec<Option<Arc<Chunk>>>,
}

fn place(slot: u64) -> (usize, usize, u64) {
    let (chunk, within) = (slot / CHUNK_BITS, slot % CHUNK_BITS);
    (chunk as usize, (within / 64) as usize, 1 << (within % 64))
}

impl Bits {
    /// Adds a slot; false when it was there already.
    #[inline]
    pub fn insert(&mut self, slot: u64) -> bool {
        let (chunk, word, bit) = place(slot);
        if chunk >= self.chunks.len() {
            self.chunks.resize(chunk + 1, None);
        }
        let chunk = self.chunks[chunk].get_or_insert_with(|| Arc::new([0; CHUNK_WORDS]));
        if chunk[word] & bit != 0 {
            return false;
        }
        Arc::make_mut(chunk)[word] |= bit;
        true
    }

    #[inline]
    pub fn contains(&self, slot: u64) -> bool {
        let (chunk, word, bit) = place(slot);
        self.chunk(chunk).is_some_and(|it| it[word] & bit != 0)
    }

    pub fn len(&self) -> u64 {
        let words = self.chunks.iter().flatten().flat_map(|chunk| chunk.iter());
        words.map(|word| u64::from(word.count_ones())).sum()
    }

    pub fn is_empty(&self) -> bool {
        let mut words = self.chunks.iter().flatten().flat_map(|chunk| chunk.iter());
        words.all(|word| *word == 0)
    }

    /// Adds every slot of another set.
    pub fn union(&mut self, other: &Bits) {
        if other.chunks.len() > self.chunks.len() {
            self.chunks.resize(other.chunks.len(), None);
        }
        for (own, more) in self.chunks.iter_mut().zip(&other.chunks) {
            match (&mut *own, more) {
                (_, None) => {}
                (None, Some(more)) => *own = Some(Arc::clone(more)),
                (Some(mine), Some(more)) if Arc::ptr_eq(mine, more) => {}
                (Some(mine), Some(more)) => {
                    if mine.iter().zip(more.iter()).any(|(a, b)| b & !a != 0) {
                        let words = Arc::make_mut(mine).iter_mut().zip(more.iter());
                        words.for_each(|(word, more)| *word |= more);
                    }
                }
            }
        }
    }

    /// Slots of this set that are in `other` too.
    pub fn and(&self, other: &Bits) -> Bits {
        self.by_word(other, |word, other| word & other)
    }

    /// Slots of this set that are not in `other`.
    pub fn without(&self, other: &Bits) -> Bits {
        self.by_word(other, |word, other| word & !other)
    }

    /// Takes over each chunk of `other` that is the same, so that it is held once.
    pub fn share(&mut self, other: &Bits) {
        for at in 0..self.chunks.len() {
            self.share_at(at, other);
        }
    }

    /// The same for the chunk that a slot lies in.
    pub fn share_around(&mut self, slot: u64, other: &Bits) {
        self.share_at(place(slot).0, other);
    }

    /// Whether two slots lie in the same chunk.
    #[inline]
    pub fn are_near(one: u64, other: u64) -> bool {
        one / CHUNK_BITS == other / CHUNK_BITS
    }

    fn share_at(&mut self, at: usize, other: &Bits) {
        let (Some(Some(own)), Some(Some(same))) = (self.chunks.get_mut(at), other.chunks.get(at))
        else {
            return;
        };
        if !Arc::ptr_eq(own, same) && own == same {
            *own = Arc::clone(same);
        }
    }

    /// The slots in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let chunks = self.chunks.iter().enumerate();
        let words = chunks.filter_map(|(at, chunk)| Some((at, chunk.as_ref()?)));
        let words = words.flat_map(|(at, chunk)| {
            let first = at as u64 * CHUNK_BITS;
            let words = chunk.iter().enumerate().filter(|(_, word)| **word != 0);
            words.map(move |(index, word)| (first + index as u64 * 64, *word))
        });
        words.flat_map(|(first, word)| {
            let bits = (0..64u64).filter(move |bit| word & (1 << bit) != 0);
            bits.map(move |bit| first + bit)
        })
    }

    fn chunk(&self, at: usize) -> Option<&Chunk> {
        self.chunks.get(at)?.as_deref()
    }

    fn by_word(&self, other: &Bits, of: impl Fn(u64, u64) -> u64) -> Bits {
        let chunks = self.chunks.iter().enumerate().map(|(at, own)| {
            let own = own.as_deref()?;
            let other = other.chunk(at).unwrap_or(&[0; CHUNK_WORDS]);
            let mut words = *own;
            let pairs = words.iter_mut().zip(other);
            pairs.for_each(|(word, other)| *word = of(*word, *other));
            words.iter().any(|word| *word != 0).then(|| Arc::new(words))
        });
        Bits {
            chunks: chunks.collect(),
        }
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
    use std::collections::BTreeSet;

    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn sets_of_different_lengths_combine() {
        let (short, long): (Bits, Bits) = (
            [1, 3, 63].into_iter().collect(),
            [3, 64, 200, 9_000].into_iter().collect(),
        );
        assert_eq!(short.without(&long).iter().collect::<Vec<_>>(), [1, 63]);
        assert_eq!(
            long.without(&short).iter().collect::<Vec<_>>(),
            [64, 200, 9_000]
        );
        assert_eq!(short.and(&long).iter().collect::<Vec<_>>(), [3]);
        let mut both = short.clone();
        both.union(&long);
        assert_eq!(both.len(), 6);
        assert!(both.contains(9_000) && !both.contains(199) && !both.contains(100_000));
    }

    #[test]
    fn a_second_insertion_is_told() {
        let mut bits = Bits::default();
        assert!(bits.insert(70));
        assert!(!bits.insert(70));
        assert!(!bits.is_empty());
    }

    #[test]
    fn a_shared_chunk_is_parted_when_one_of_both_changes() {
        let one: Bits = [5, 20_000].into_iter().collect();
        let mut other: Bits = [5, 20_001].into_iter().collect();
        other.share_around(9, &one);
        assert!(!other.insert(5));
        assert!(Arc::ptr_eq(
            one.chunks[0].as_ref().unwrap(),
            other.chunks[0].as_ref().unwrap()
        ));
        other.insert(6);
        assert_eq!(one.iter().collect::<Vec<_>>(), [5, 20_000]);
        assert_eq!(other.iter().collect::<Vec<_>>(), [5, 6, 20_001]);
    }

    #[test]
    fn sets_do_what_a_tree_of_numbers_does() {
        for seed in 0..200 {
            let mut random = SmallRng::seed_from_u64(seed);
            let mut draw = || -> BTreeSet<u64> {
                let most = [64, 5_000, 40_000][random.random_range(0..3)];
                let count = random.random_range(0..300);
                (0..count).map(|_| random.random_range(0..most)).collect()
            };
            let (a, b) = (draw(), draw());
            let (mut own, other): (Bits, Bits) =
                (a.iter().copied().collect(), b.iter().copied().collect());
            let list = |bits: &Bits| bits.iter().collect::<BTreeSet<u64>>();
            assert_eq!(list(&own.and(&other)), &a & &b, "seed {seed}");
            assert_eq!(list(&own.without(&other)), &a - &b, "seed {seed}");
            own.share(&other);
            assert_eq!((list(&own), own.len()), (a.clone(), a.len() as u64));
            own.union(&other);
            assert_eq!(list(&own), &a | &b, "seed {seed}");
            assert_eq!(own.is_empty(), a.is_empty() && b.is_empty());
        }
    }
}
