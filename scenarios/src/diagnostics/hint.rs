//! Guesses at what was meant.

/// The candidate that is nearest to what was written, if it is near enough to be a slip.
pub(crate) fn closest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = folded(written);
    if wanted.len() > 64 {
        return None;
    }
    let allowed = match wanted.len() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(&wanted, &folded(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `a`, `b` or `c`, cut after a dozen.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "nothing".to_string(),
        [only] => only.clone(),
        [first @ .., last] if names.len() <= 24 => format!("{} or {last}", first.join(", ")),
        many => format!("{} and {} more", many[..24].join(", "), many.len() - 24),
    }
}

fn folded(text: &str) -> Vec<char> {
    text.chars()
        .map(|character| if character == '_' { '-' } else { character })
        .flat_map(char::to_lowercase)
        .collect()
}

/// Edits, where swapping two neighbours counts as one.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = vec![0; right.len() + 1];
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut current = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut best = (previous[j] + usize::from(a != b))
                .min(previous[j + 1] + 1)
                .min(current[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["steady", "recovery", "at-most", "at-least"];

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        for (written, meant) in [
            ("stedy", "steady"),
            ("Steady", "steady"),
            ("at_most", "at-most"),
            ("atmost", "at-most"),
            ("recvoery", "recovery"),
        ] {
            assert_eq!(closest(written, NAMES), Some(meant), "{written}");
        }
        assert_eq!(closest("banana", NAMES), None);
        assert_eq!(closest("", NAMES), None);
        assert_eq!(closest(&"s".repeat(100_000), NAMES), None);
    }

    #[test]
    fn a_list_reads_as_a_sentence() {
        assert_eq!(listed([]), "nothing");
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
