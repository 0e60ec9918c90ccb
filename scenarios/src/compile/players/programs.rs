//! Programs of Shakedown's own as parts, and the options that they are given.

use crate::compile::references::instead;
use crate::compile::sheet::At;
use crate::plan::{
    EngineDialect, EnginePlayer, MakerDialect, MakerPlayer, Part, Piece, Service, ServicePlayer,
    Settings,
};
use crate::spec::profile::{
    EngineDialectSpec, EnginePlayerSpec, MakerDialectSpec, MakerPlayerSpec, ServiceOfSpec,
    ServicePlayerSpec, SettingsSpec,
};

use super::Stage;

/// Where a service answers over HTTP, unless it says so.
const PORT: u16 = 8080;

/// Most replicas of a service.
const MOST_REPLICAS: u32 = 20;

/// Options that Shakedown gives itself.
const OF_ENGINES: [&str; 13] = [
    "as",
    "name",
    "id",
    "data",
    "http",
    "binary",
    "websocket",
    "fix",
    "ingest",
    "peer-listen",
    "member",
    "defect",
    "with-parent",
];
const OF_MAKERS: [&str; 8] = [
    "as",
    "name",
    "http",
    "venue",
    "fix",
    "fix-tag",
    "defect",
    "with-parent",
];
const OF_SERVICES: [&str; 5] = ["host", "port", "name", "defect", "with-parent"];

impl Stage<'_> {
    pub(super) fn engine(&self, at: &At, spec: &EnginePlayerSpec) -> EnginePlayer {
        EnginePlayer {
            dialect: spec.dialect.map(|dialect| match dialect {
                EngineDialectSpec::HiveMind => EngineDialect::HiveMind,
                EngineDialectSpec::Hft => EngineDialect::Hft,
            }),
            settings: self.settings(at, &spec.settings, &OF_ENGINES),
        }
    }

    pub(super) fn maker(&self, at: &At, spec: &MakerPlayerSpec) -> MakerPlayer {
        MakerPlayer {
            dialect: spec.dialect.map(|dialect| match dialect {
                MakerDialectSpec::Flashmm => MakerDialect::FlashMm,
            }),
            settings: self.settings(at, &spec.settings, &OF_MAKERS),
        }
    }

    pub(super) fn service(&self, at: &At, spec: &ServicePlayerSpec, part: &Part) -> ServicePlayer {
        if part.replicas > MOST_REPLICAS {
            self.sheet.refuse_with(
                at,
                format!("{} processes on one machine", part.replicas),
                format!("at most {MOST_REPLICAS} replicas of a service"),
            );
        }
        if spec.port == Some(0) {
            self.sheet.refuse_with(
                &at.to("port"),
                "nobody would know which port that is",
                "from 1 to 65535",
            );
        }
        ServicePlayer {
            of: match spec.of {
                ServiceOfSpec::Bot3 => Service::Bot3,
                ServiceOfSpec::TradingApp => Service::TradingApp,
                ServiceOfSpec::DataProcessor => Service::DataProcessor,
                ServiceOfSpec::MlService => Service::MlService,
            },
            port: spec.port.unwrap_or(PORT),
            settings: self.settings(at, &spec.settings, &OF_SERVICES),
        }
    }

    fn settings(&self, at: &At, spec: &SettingsSpec, ours: &[&str]) -> Settings {
        let at = at.to("settings");
        let mut settings = Settings::new();
        for (name, value) in spec.iter() {
            let at = at.to(&name.0);
            if ours.contains(&name.0.as_str()) {
                self.sheet.refuse_entry(
                    &at,
                    format!("Shakedown sets `{}` itself", name.0),
                    "take it out",
                );
            }
            settings.insert(name.0.clone(), self.pieces(&at, value));
        }
        settings
    }

    /// A value, with the parts whose addresses stand in it.
    fn pieces(&self, at: &At, value: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut rest = value;
        while let Some((before, after)) = rest.split_once("{{") {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_string()));
            }
            let Some((hole, behind)) = after.split_once("}}") else {
                self.sheet.refuse_with(
                    at,
                    "a hole is not closed",
                    "such as {{part.postgres.address}}",
                );
                return pieces;
            };
            pieces.extend(self.address(at, hole.trim()));
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_string()));
        }
        pieces
    }

    fn address(&self, at: &At, hole: &str) -> Option<Piece> {
        let steps: Vec<&str> = hole.split('.').collect();
        match steps.as_slice() {
            ["part", name, "address"] => {
                self.known(at, name)?;
                Some(Piece::Address(format!("{name}-1")))
            }
            ["part", name, "addresses"] => {
                self.known(at, name)?;
                Some(Piece::Addresses((*name).to_string()))
            }
            ["replica", name, "address"] => {
                let (part, number) = name.rsplit_once('-').unwrap_or((name, ""));
                let part = self.known(at, part)?;
                let is_one = number
                    .parse()
                    .is_ok_and(|number| (1..=part.replicas).contains(&number));
                if !is_one {
                    self.sheet.refuse_with(
                        at,
                        format!("there is no replica `{name}`"),
                        format!("from {0}-1 to {0}-{1}", part.name, part.replicas),
                    );
                    return None;
                }
                Some(Piece::Address((*name).to_string()))
            }
            _ => {
                self.sheet.refuse_with(
                    at,
                    format!("`{{{{{hole}}}}}` means nothing here"),
                    "{{part.NAME.address}}, {{part.NAME.addresses}} or {{replica.NAME-1.address}}",
                );
                None
            }
        }
    }

    fn known(&self, at: &At, name: &str) -> Option<&Part> {
        let mut parts = self.system.parts.iter();
        let found = parts.find(|part| part.name == name);
        if found.is_none() {
            self.sheet.refuse_with(
                at,
                format!("there is no part `{name}`"),
                instead(name, &self.names(), "the parts are"),
            );
        }
        found
    }
}
