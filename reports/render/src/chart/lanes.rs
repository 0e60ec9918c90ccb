//! Labels beside each other where there is room, below each other where there is not.

/// Places labels of known width so that none covers another.
#[derive(Debug)]
pub(super) struct Lanes {
    /// Right end of the last label in each lane.
    ends: Vec<f64>,
    most: usize,
    left: f64,
    right: f64,
}

impl Lanes {
    /// At most `most` lanes between `left` and `right`.
    pub(super) fn new(most: usize, left: f64, right: f64) -> Lanes {
        Lanes {
            ends: Vec::new(),
            most,
            left,
            right,
        }
    }

    /// Left end and lane of a label that should start at `x`; `None` when all lanes are taken there.
    pub(super) fn place(&mut self, x: f64, width: f64) -> Option<(f64, usize)> {
        let x = x.min(self.right - width).max(self.left);
        let free = self.ends.iter().position(|end| *end <= x);
        let lane = match free {
            Some(lane) => lane,
            None if self.ends.len() < self.most => {
                self.ends.push(f64::NEG_INFINITY);
                self.ends.len() - 1
            }
            None => return None,
        };
        self.ends[lane] = x + width + 8.0;
        Some((x, lane))
    }

    /// Lanes in use.
    pub(super) fn used(&self) -> usize {
        self.ends.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_never_cover_each_other_nor_leave_the_plot() {
        let mut lanes = Lanes::new(2, 0.0, 100.0);
        assert_eq!(lanes.place(10.0, 30.0), Some((10.0, 0)));
        assert_eq!(lanes.place(20.0, 30.0), Some((20.0, 1)));
        assert_eq!(lanes.place(30.0, 30.0), None);
        assert_eq!(lanes.place(90.0, 30.0), Some((70.0, 0)));
        assert_eq!(lanes.used(), 2);
    }
}
