//! Names of what is made for the agents of one firing. Pure.

/// A name for objects: of what the API allows, and unlike that of any other firing, also of one that is still ending.
pub(crate) fn object_name(run_id: &str, fault: &str) -> String {
    let plain = |text: &str| -> String {
        let fits = |c: char| match c {
            'a'..='z' | '0'..='9' => c,
            'A'..='Z' => c.to_ascii_lowercase(),
            _ => '-',
        };
        text.chars().map(fits).collect()
    };
    let mark = mark_of(&[run_id, fault]);
    let short: String = plain(fault).chars().take(28).collect();
    let name = format!("shakedown-{mark:08x}-{}", short.trim_matches('-'));
    name.trim_matches('-').to_string()
}

/// A number that differs between texts that differ, but for one in four thousand millions (FNV-1a).
fn mark_of(texts: &[&str]) -> u32 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(0x811c_9dc5, |mark, byte| {
        (mark ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::object_name;

    #[test]
    fn names_of_objects_are_such_as_the_api_allows() {
        let name = object_name("20260101T000000Z-Ab12Cd34", "leader-Dies_now#2");
        let (front, back) = name.split_at("shakedown-".len() + 8);
        assert!(front.starts_with("shakedown-"), "{name}");
        assert_eq!(back, "-leader-dies-now-2");
        let long = object_name("r", &"x".repeat(80));
        assert!(long.len() <= 52, "{long}");
        assert!(!object_name("r", "--").ends_with('-'));
    }

    #[test]
    fn runs_of_one_scenario_have_names_of_their_own() {
        let of = |run: &str, fault: &str| object_name(run, fault);
        let first = of("20260101T000000000Z-kubernetes-leader-partition", "cut");
        assert_ne!(
            first,
            of("20260101T000000001Z-kubernetes-leader-partition", "cut")
        );
        let long = "x".repeat(60);
        assert_ne!(of("r", &format!("{long}1")), of("r", &format!("{long}2")));
    }
}
