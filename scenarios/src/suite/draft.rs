//! A suite file, read, and then held against the scenarios that it names.

use std::collections::BTreeSet;

use crate::decode::{Decoded, decode};
use crate::diagnostics::{Diagnostic, Diagnostics, closest};
use crate::source::SourceFile;
use crate::spec::scalar::Shown;
use crate::spec::suite::SuiteSpec;
use crate::yaml::{Document, Side};

use super::{Requirement, ShownBy, Subject, Suite, Waiver};

/// A suite file whose scenarios have not been read yet.
#[derive(Debug)]
pub struct Draft {
    document: Document,
    spec: SuiteSpec,
}

/// A scenario of a suite, as it was compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub scenario: String,
    /// Ids of its checks.
    pub checks: Vec<String>,
}

impl Draft {
    /// Reads a suite file.
    ///
    /// # Errors
    /// Every mistake of its form, in order of position.
    pub fn read(file: &SourceFile) -> Result<Draft, Diagnostics> {
        let document = Document::parse(file)?;
        let decoded: Decoded<SuiteSpec> = decode(&document, &[]);
        let told = decoded.diagnostics;
        match decoded.value.filter(|_| told.is_empty()) {
            Some(spec) => Ok(Draft { document, spec }),
            None => {
                told.into_result()?;
                let text = "this is no suite".to_string();
                Err(Diagnostics(vec![Diagnostic::of_file(&file.name, text)]))
            }
        }
    }

    /// Scenario files, in the order in which they are run; relative to the suite's own.
    pub fn files(&self) -> &[String] {
        &self.spec.scenarios
    }

    /// The suite, whose scenarios are these, in the order of [`Draft::files`].
    ///
    /// # Errors
    /// Every name that means nothing, and every requirement that nothing shows, in order of position.
    pub fn against(&self, members: &[Member]) -> Result<Suite, Diagnostics> {
        let mut looking = Looking {
            document: &self.document,
            members,
            told: Diagnostics::default(),
        };
        looking.scenarios(&self.spec);
        looking.requirements(&self.spec);
        looking.waivers(&self.spec);
        looking.told.into_result()?;
        let shown = |shown: &Shown| ShownBy {
            scenario: shown.name.clone(),
            check: shown.check.clone(),
        };
        let requirements = self.spec.requirements.iter();
        let waivers = self.spec.waive.iter();
        Ok(Suite {
            name: self.spec.suite.0.clone(),
            about: self.spec.about.clone(),
            files: self.spec.scenarios.clone(),
            requirements: requirements
                .map(|(id, spec)| Requirement {
                    id: id.0.clone(),
                    figure: spec.figure.trim().to_string(),
                    source: spec.source.clone(),
                    shown_by: spec.shown_by.iter().map(shown).collect(),
                })
                .collect(),
            waivers: waivers
                .map(|(what, spec)| Waiver {
                    subject: match &what.check {
                        Some(check) => Subject::Check {
                            scenario: what.name.clone(),
                            check: check.clone(),
                        },
                        None => Subject::Requirement(what.name.clone()),
                    },
                    reason: spec.reason.trim().to_string(),
                    until: spec.until.0,
                })
                .collect(),
        })
    }
}

struct Looking<'a> {
    document: &'a Document,
    members: &'a [Member],
    told: Diagnostics,
}

impl Looking<'_> {
    fn tell(&mut self, path: &[&str], side: Side, message: String, hint: Option<String>) {
        let path: Vec<String> = path.iter().map(|step| (*step).to_string()).collect();
        let spot = self.document.locate(&path, side);
        let mut diagnostic = self.document.diagnostic(spot, &path, message);
        diagnostic.hint = hint;
        self.told.0.push(diagnostic);
    }

    fn scenarios(&mut self, spec: &SuiteSpec) {
        if spec.scenarios.is_empty() {
            let message = "a suite without scenarios shows nothing".to_string();
            let hint = "name the files: [steady.yaml, leader-kill.yaml]".to_string();
            self.tell(&["scenarios"], Side::Value, message, Some(hint));
        }
        let mut names = BTreeSet::new();
        for (index, member) in self.members.iter().enumerate() {
            if !names.insert(&member.scenario) {
                let message = format!("there is another scenario `{}`", member.scenario);
                let hint = "each scenario of a suite has a name of its own".to_string();
                let index = index.to_string();
                self.tell(&["scenarios", &index], Side::Value, message, Some(hint));
            }
        }
    }

    fn requirements(&mut self, spec: &SuiteSpec) {
        for (id, requirement) in spec.requirements.iter() {
            let path = ["requirements", id.0.as_str()];
            if requirement.figure.trim().is_empty() {
                let message = "the figure is missing".to_string();
                self.tell(&[path[0], path[1], "figure"], Side::Value, message, None);
            }
            let waived = |(what, _): &(Shown, _)| what.check.is_none() && what.name == id.0;
            if requirement.shown_by.is_empty() && !spec.waive.iter().any(waived) {
                let message = format!("nothing shows `{}`", id.0);
                let hint = "name what does, such as `shown-by: [leader-kill/failover]`, or waive it by name, with a reason";
                self.tell(&path, Side::Key, message, Some(hint.to_string()));
            }
            for (index, shown) in requirement.shown_by.iter().enumerate() {
                let index = index.to_string();
                self.named(&[path[0], path[1], "shown-by", &index], Side::Value, shown);
            }
        }
    }

    fn waivers(&mut self, spec: &SuiteSpec) {
        for (what, waiver) in spec.waive.iter() {
            let name = match &what.check {
                Some(check) => format!("{}/{check}", what.name),
                None => what.name.clone(),
            };
            let path = ["waive", name.as_str()];
            if waiver.reason.trim().is_empty() {
                let message = "a waiver says why".to_string();
                self.tell(&[path[0], path[1], "reason"], Side::Value, message, None);
            }
            if what.check.is_some() {
                self.named(&path, Side::Key, what);
                continue;
            }
            let ids = || spec.requirements.iter().map(|(id, _)| id.0.as_str());
            if !ids().any(|id| id == what.name) {
                let hint = closest(&what.name, ids()).map(|near| format!("did you mean `{near}`?"));
                let message = format!("there is no requirement `{}`", what.name);
                self.tell(&path, Side::Key, message, hint);
            }
        }
    }

    /// That there is such a scenario, with such a check.
    fn named(&mut self, path: &[&str], side: Side, shown: &Shown) {
        let members = self.members;
        let Some(member) = members.iter().find(|it| it.scenario == shown.name) else {
            let names = members.iter().map(|member| member.scenario.as_str());
            let hint = closest(&shown.name, names).map(|near| format!("did you mean `{near}`?"));
            let message = format!("the suite has no scenario `{}`", shown.name);
            return self.tell(path, side, message, hint);
        };
        let Some(check) = &shown.check else { return };
        if !member.checks.contains(check) {
            let checks = || member.checks.iter().map(String::as_str);
            let hint = match closest(check, checks()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", checks().collect::<Vec<_>>().join(", ")),
            };
            let message = format!("scenario `{}` has no check `{check}`", member.scenario);
            self.tell(path, side, message, Some(hint));
        }
    }
}
