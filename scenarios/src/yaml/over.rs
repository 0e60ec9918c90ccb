//! One tree over another.

use super::node::{Content, Node};

/// Puts `upper` over `lower`: maps are merged key by key, everything else takes the place of what is there; `null` takes a key out.
pub(crate) fn over(lower: &mut Node, upper: Node) {
    let Node { content, at } = upper;
    match (&mut lower.content, content) {
        (Content::Map(entries), Content::Map(uppers)) => {
            for upper in uppers {
                let index = entries.iter().position(|entry| entry.key == upper.key);
                let is_out =
                    matches!(&upper.value.content, Content::Scalar(scalar) if scalar.is_null());
                match index {
                    Some(index) if is_out => {
                        entries.remove(index);
                    }
                    Some(index) => {
                        let entry = &mut entries[index];
                        entry.key_at = upper.key_at;
                        over(&mut entry.value, upper.value);
                    }
                    None if is_out => {}
                    None => entries.push(upper),
                }
            }
        }
        (_, content) => *lower = Node { content, at },
    }
}
