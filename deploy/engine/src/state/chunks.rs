//! An append-mostly list that can be copied in a moment: a snapshot must not hold up the matching of orders.

use std::sync::Arc;

/// Rows per chunk: what a change copies at most while a snapshot still holds the chunk.
const ROWS_PER_CHUNK: usize = 256;

/// A list in shared chunks. A clone shares all chunks; a change after it copies only the chunk it touches.
#[derive(Debug, Clone)]
pub struct Chunks<T> {
    chunks: Vec<Arc<Vec<T>>>,
    length: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            length: 0,
        }
    }
}

impl<T: Clone> Chunks<T> {
    /// Adds a row at the end.
    pub fn push(&mut self, row: T) {
        if self.length.is_multiple_of(ROWS_PER_CHUNK) {
            self.chunks
                .push(Arc::new(Vec::with_capacity(ROWS_PER_CHUNK)));
        }
        if let Some(last) = self.chunks.last_mut() {
            Arc::make_mut(last).push(row);
        }
        self.length += 1;
    }

    /// The row at `index`.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.chunks
            .get(index / ROWS_PER_CHUNK)?
            .get(index % ROWS_PER_CHUNK)
    }

    /// The row at `index`, to be changed.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let chunk = self.chunks.get_mut(index / ROWS_PER_CHUNK)?;
        Arc::make_mut(chunk).get_mut(index % ROWS_PER_CHUNK)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// There are no rows.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The rows, chunk by chunk.
    pub fn slices(&self) -> impl Iterator<Item = &[T]> + '_ {
        self.chunks.iter().map(|chunk| chunk.as_slice())
    }

    /// The rows from `index` on.
    pub fn iter_from(&self, index: usize) -> impl Iterator<Item = &T> + '_ {
        self.chunks
            .iter()
            .skip(index / ROWS_PER_CHUNK)
            .flat_map(|chunk| chunk.iter())
            .skip(index % ROWS_PER_CHUNK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_does_not_see_later_changes() {
        let mut list = Chunks::default();
        for row in 0..600u64 {
            list.push(row);
        }
        let image = list.clone();
        *list.get_mut(300).unwrap() = 9;
        list.push(600);
        assert_eq!(image.get(300), Some(&300));
        assert_eq!(image.len(), 600);
        assert_eq!(list.get(300), Some(&9));
        assert_eq!(image.get(600), None);
        assert_eq!(list.get(600), Some(&600));
    }

    #[test]
    fn iterates_from_anywhere_over_chunk_borders() {
        let mut list = Chunks::default();
        for row in 0..1000usize {
            list.push(row);
        }
        for start in [0, 1, 255, 256, 257, 511, 512, 999, 1000, 5000] {
            let rows: Vec<_> = list.iter_from(start).copied().collect();
            assert_eq!(rows, (start..1000).collect::<Vec<_>>(), "from {start}");
        }
    }
}
