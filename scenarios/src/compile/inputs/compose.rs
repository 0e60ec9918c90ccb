//! Files that are made of others: a base and what is different; in a profile also what is different again in one environment.
//!
//! Done on the trees, before anything is decoded, so that every mistake is shown where it was written. What comes of it is one whole
//! file: that is what a run directory keeps.

use crate::diagnostics::{Diagnostic, Diagnostics, closest};
use crate::environment_kind::EnvironmentKind;
use crate::library;
use crate::source::SourceFile;
use crate::yaml::{Content, Document, Entry, Node, Side, over, tree};

use crate::compile::kind::FileKind;

/// Where a file names its base.
const BASE: &str = "base";

/// Where a profile has what is different in one environment.
const OVERRIDES: &str = "overrides";

/// Bases of bases, at most.
const DEEPEST: usize = 8;

/// The file that another is made of: a name in the library, or a path relative to the file. `None` where it stands alone.
pub fn base_reference(file: &SourceFile) -> Option<String> {
    let document = Document::parse(file).ok()?;
    let base = document.root.find(&[BASE])?.text()?;
    Some(base.to_string())
}

/// The environments in which a profile, as it is written, is another one.
pub fn overridden(profile: &SourceFile) -> Vec<EnvironmentKind> {
    let document = Document::parse(profile).ok();
    let keys = document
        .as_ref()
        .and_then(|document| document.root.find(&[OVERRIDES]))
        .map(|node| node.keys().filter_map(|key| key.parse().ok()).collect());
    keys.unwrap_or_default()
}

/// Puts what a file says over its base, and that over its own base. Bases that are not given are looked for in the library.
pub(super) fn with_bases(
    document: &mut Document,
    bases: &[SourceFile],
    kind: FileKind,
) -> Result<(), Diagnostics> {
    let mut bases = bases.iter();
    for depth in 0.. {
        let Some(node) = document.root.find(&[BASE]) else {
            return Ok(());
        };
        let named = node.text().unwrap_or_default().to_string();
        let wrong = |document: &Document, message: String, hint: Option<String>| {
            let path = [BASE.to_string()];
            let spot = document.locate(&path, Side::Value);
            let mut diagnostic = document.diagnostic(spot, &path, message);
            diagnostic.hint = hint;
            Diagnostics(vec![diagnostic])
        };
        if depth == DEEPEST {
            let message = format!("there are more than {DEEPEST} bases behind each other");
            let hint = "does a file have itself as its base?".to_string();
            return Err(wrong(document, message, Some(hint)));
        }
        let by = &document.sources[node.at.source].name;
        let found = bases.next().cloned();
        let Some(base) = found.or_else(|| shipped(&named, by, kind)) else {
            let (file, library) = match kind {
                FileKind::Profile => ("profile", "system"),
                FileKind::Scenario | FileKind::Calendar | FileKind::Suite => {
                    ("scenario", "scenario")
                }
            };
            let message = format!(
                "base '{named}' is neither a file beside the {file} nor a shipped {library}"
            );
            let hint = closest(&named, names(kind)).map(|near| format!("did you mean `{near}`?"));
            return Err(wrong(document, message, hint));
        };
        document.root.remove(&[BASE.to_string()]);
        let source = document.add_source(base.clone());
        let mut whole = tree(&base, source)?;
        let upper = std::mem::replace(&mut document.root, nothing());
        // What is missing as a whole is missing in the file that was asked for.
        let at = upper.at;
        over(&mut whole, upper);
        document.root = Node { at, ..whole };
    }
    Ok(())
}

/// Puts what is different in an environment over the profile.
pub(super) fn in_environment(
    document: &mut Document,
    environment: EnvironmentKind,
) -> Result<(), Diagnostics> {
    let path = [OVERRIDES.to_string()];
    let Some(node) = document.root.find(&path) else {
        return Ok(());
    };
    let Content::Map(entries) = node.content.clone() else {
        let what = node.described();
        let told = at(document, &path, format!("expected a map, and found {what}"));
        let told =
            told.with_hint("such as overrides: { kubernetes: { ceilings: { orders: 5000/s } } }");
        return Err(Diagnostics(vec![told]));
    };
    let mut told = Diagnostics::default();
    let names = || EnvironmentKind::ALL.into_iter().map(EnvironmentKind::name);
    for Entry { key, value, .. } in &entries {
        let path = [OVERRIDES.to_string(), key.clone()];
        if !names().any(|name| name == key) {
            let diagnostic = at(document, &path, format!("`{key}` is no environment"));
            let all = names().collect::<Vec<_>>().join(", ");
            told.0
                .push(diagnostic.with_hint(format!("there are {all}")));
        }
        let misplaced = |field: &str| value.child(field).is_some();
        for field in ["system", BASE, OVERRIDES]
            .into_iter()
            .filter(|it| misplaced(it))
        {
            let path = [OVERRIDES.to_string(), key.clone(), field.to_string()];
            let message = format!("`{field}` is the same in every environment");
            told.0.push(at(document, &path, message));
        }
    }
    told.into_result()?;
    document.root.remove(&path);
    let chosen = entries.into_iter().find(|it| it.key == environment.name());
    if let Some(chosen) = chosen {
        over(&mut document.root, chosen.value);
    }
    Ok(())
}

fn at(document: &Document, path: &[String], message: String) -> Diagnostic {
    let spot = document.locate(path, Side::Key);
    document.diagnostic(spot, path, message)
}

fn nothing() -> Node {
    Node::scalar("", true, crate::yaml::Spot::default())
}

fn names(kind: FileKind) -> impl Iterator<Item = &'static str> {
    let all = library::all().iter();
    all.filter(move |shipped| shipped.kind == kind)
        .map(|shipped| shipped.name)
}

/// A base in the library: by its name, or by its path relative to the file that names it.
fn shipped(name: &str, by: &str, kind: FileKind) -> Option<SourceFile> {
    let beside = beside(by, name);
    let found = library::find(name).or_else(|| library::find(&beside?));
    let found = found.filter(|found| found.kind == kind)?;
    Some(SourceFile {
        name: found.path.to_string(),
        text: found.text.to_string(),
    })
}

/// A path relative to a file of the library, as the library has it; `None` where it leads out of it.
fn beside(file: &str, path: &str) -> Option<String> {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut steps: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in path.split('/') {
        match step {
            "." | "" => {}
            ".." => {
                steps.pop()?;
            }
            step => steps.push(step),
        }
    }
    Some(steps.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> SourceFile {
        SourceFile {
            name: name.to_string(),
            text: text.to_string(),
        }
    }

    fn composed(text: &str, bases: &[SourceFile]) -> Result<Document, String> {
        let mut document = Document::parse(&file("p.yaml", text)).unwrap();
        with_bases(&mut document, bases, FileKind::Profile).map_err(|told| told.to_string())?;
        Ok(document)
    }

    #[test]
    fn what_is_said_again_counts_and_the_rest_is_the_bases() {
        let base = file(
            "base.yaml",
            "system: base\nparts:\n  engine: { replicas: 3, quorum: 2 }\naccounts: [A, B]\n",
        );
        let text = "base: base.yaml\nsystem: mine\nparts: { engine: { quorum: null }, db: { replicas: 1 } }\naccounts: [C]\n";
        let document = composed(text, &[base]).unwrap();
        let yaml = document.to_yaml();
        let again = Document::parse(&file("again.yaml", &yaml)).unwrap();
        let text = |path: &[&str]| again.root.find(path).and_then(Node::text);
        assert_eq!(text(&["system"]), Some("mine"));
        assert_eq!(text(&["parts", "engine", "replicas"]), Some("3"));
        assert_eq!(text(&["parts", "engine", "quorum"]), None);
        assert_eq!(text(&["parts", "db", "replicas"]), Some("1"));
        assert_eq!(text(&["accounts", "0"]), Some("C"));
        assert_eq!(text(&["accounts", "1"]), None);
        assert_eq!(text(&["base"]), None);
        let parts: Vec<&str> = again.root.find(&["parts"]).unwrap().keys().collect();
        assert_eq!(parts, ["engine", "db"], "orders enter through the first");
    }

    #[test]
    fn a_mistake_of_the_base_is_shown_where_it_stands() {
        let base = file("base.yaml", "system: base\nparts: {}\n");
        let document = composed("base: base.yaml\nsystem: mine\n", &[base]).unwrap();
        let spot = document.locate(&["parts"], Side::Key);
        assert_eq!(
            (document.sources[spot.source].name.as_str(), spot.line),
            ("base.yaml", 2)
        );
    }

    #[test]
    fn bases_that_are_not_there_or_never_end_are_told() {
        let told = composed("base: referense\nsystem: mine\n", &[]).unwrap_err();
        assert!(told.contains("base 'referense' is neither"), "{told}");
        assert!(told.contains("did you mean `reference`?"), "{told}");
        let own = file("own.yaml", "base: own.yaml\nsystem: own\n");
        let told = composed("base: own.yaml\n", &vec![own; 9]).unwrap_err();
        assert!(told.contains("more than 8 bases"), "{told}");
    }

    #[test]
    fn a_shipped_file_names_its_base_by_a_path_as_well() {
        assert_eq!(
            beside("systems/a.yaml", "../b.yaml").as_deref(),
            Some("b.yaml")
        );
        assert_eq!(
            beside("a.yaml", "./systems/b.yaml").as_deref(),
            Some("systems/b.yaml")
        );
        assert_eq!(beside("a.yaml", "../b.yaml"), None);
        let found = |name| shipped(name, "systems/mine.yaml", FileKind::Profile);
        assert_eq!(found("reference.yaml"), found("reference"));
        assert!(found("reference").is_some());
        assert_eq!(shipped("reference", "x.yaml", FileKind::Scenario), None);
    }

    #[test]
    fn an_environment_has_the_last_word() {
        let text = "system: mine\nceilings: { orders: 100/s }\noverrides:\n  kubernetes: { ceilings: { orders: 5/s } }\n";
        for (kind, orders) in [
            (EnvironmentKind::Kubernetes, "5/s"),
            (EnvironmentKind::Local, "100/s"),
        ] {
            let mut document = composed(text, &[]).unwrap();
            in_environment(&mut document, kind).unwrap();
            let found = document.root.find(&["ceilings", "orders"]);
            assert_eq!(found.and_then(Node::text), Some(orders));
            assert!(document.root.find(&["overrides"]).is_none());
        }
        let mut document =
            composed("overrides: { moon: {}, local: { system: other } }\n", &[]).unwrap();
        let told = in_environment(&mut document, EnvironmentKind::Local).unwrap_err();
        let told = told.to_string();
        assert!(told.contains("`moon` is no environment"), "{told}");
        assert!(
            told.contains("`system` is the same in every environment"),
            "{told}"
        );
    }
}
