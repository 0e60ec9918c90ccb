//! Command lines of Shakedown's own programs other than the engine.

use std::ffi::OsString;

use shakedown_scenarios::plan::{Piece, ServicePlayer, Settings};

use crate::environment::cast::part_of;
use crate::environment::engine_command::Member;
use crate::environment::kind::StartContext;

/// The same words for both ends; none over WebSocket.
pub(super) fn over_fix(context: &StartContext<'_>) -> Vec<String> {
    let side = context.plan.system.venue.as_ref();
    let fix = side.and_then(|side| side.fix.as_ref());
    fix.map_or_else(Vec::new, |fix| {
        let tag = fix.tag.to_string();
        ["--fix", &fix.comp_id, "--fix-tag", &tag]
            .map(String::from)
            .to_vec()
    })
}

pub(super) fn maker_arguments(
    own: &Member,
    venue: &Member,
    fix: &[String],
    defects: &[String],
) -> Vec<OsString> {
    let mut words = vec![
        "engine".to_string(),
        "maker".to_string(),
        "--name".to_string(),
        own.name.clone(),
        "--http".to_string(),
        own.http.to_string(),
        "--venue".to_string(),
        venue.http.to_string(),
    ];
    words.extend_from_slice(fix);
    if !defects.is_empty() {
        words.extend(["--defect".to_string(), defects.join(",")]);
    }
    words.push("--with-parent".to_string());
    words.into_iter().map(OsString::from).collect()
}

pub(super) fn venue_arguments(context: &StartContext<'_>, own: &Member) -> Vec<OsString> {
    let behaviour = serde_json::to_string(&context.plan.venue).unwrap_or_default();
    let words = [
        "venue".into(),
        "--listen".into(),
        own.http.to_string().into(),
        "--log".into(),
        context.run_dir.venue().into_os_string(),
        "--seed".into(),
        context.plan.seed.to_string().into(),
        "--behaviour".into(),
        OsString::from(behaviour),
        "--with-parent".into(),
    ];
    let fix = over_fix(context).into_iter().map(OsString::from);
    words.into_iter().chain(fix).collect()
}

pub(super) fn service_arguments(
    plan: &ServicePlayer,
    own: &Member,
    defects: &[String],
) -> Vec<OsString> {
    let mut words = vec![
        "stand-in".to_string(),
        plan.of.name().to_string(),
        "--name".to_string(),
        own.name.clone(),
        "--host".to_string(),
        own.http.ip().to_string(),
        "--port".to_string(),
        own.http.port().to_string(),
        "--with-parent".to_string(),
    ];
    if !defects.is_empty() {
        words.extend(["--defect".to_string(), defects.join(",")]);
    }
    words.into_iter().map(OsString::from).collect()
}

/// What a program stands for, and its further options, with the addresses of others as it is to see them.
pub(super) fn further(
    dialect: Option<&str>,
    settings: &Settings,
    seen: &[Member],
) -> Vec<OsString> {
    let address = |name: &str| {
        let found = seen.iter().find(|member| member.name == name);
        found.map_or_else(String::new, |member| member.http.to_string())
    };
    let text = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Address(name) => address(name),
        Piece::Addresses(part) => {
            let of = seen.iter().filter(|member| part_of(&member.name) == part);
            let all: Vec<String> = of.map(|member| member.http.to_string()).collect();
            all.join(",")
        }
    };
    let option = |(name, pieces): (&String, &Vec<Piece>)| {
        let value: String = pieces.iter().map(text).collect();
        OsString::from(format!("--{name}={value}"))
    };
    let dialect = dialect.map(|dialect| OsString::from(format!("--as={dialect}")));
    dialect
        .into_iter()
        .chain(settings.iter().map(option))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use shakedown_scenarios::plan::Service;

    use super::*;

    #[test]
    fn a_market_maker_is_told_where_the_venue_is() {
        let member = |id: usize, name: &str, port: u16| Member {
            id,
            name: name.to_string(),
            http: SocketAddr::from(([127, 0, 0, 1], port)),
            peer: SocketAddr::from(([127, 0, 0, 1], port + 1)),
            gateway: None,
            ingest: None,
        };
        let (maker, venue) = (member(1, "maker-1", 7), member(2, "venue-1", 9));
        let words = maker_arguments(
            &maker,
            &venue,
            &["--fix".to_string(), "V".to_string()],
            &["drops-fills".to_string()],
        );
        let line = words.join(&OsString::from(" ")).into_string().unwrap();
        assert_eq!(
            line,
            "engine maker --name maker-1 --http 127.0.0.1:7 --venue 127.0.0.1:9 --fix V --defect drops-fills --with-parent"
        );
    }

    #[test]
    fn a_service_is_told_where_other_parts_are() {
        let member = |name: &str, last: u8, port: u16| Member {
            id: 1,
            name: name.to_string(),
            http: SocketAddr::from(([10, 0, 0, last], port)),
            peer: SocketAddr::from(([10, 0, 0, last], 1)),
            gateway: None,
            ingest: None,
        };
        let seen = [
            member("app-1", 1, 8001),
            member("db-1", 2, 5432),
            member("db-2", 3, 5432),
        ];
        let text = |text: &str| Piece::Text(text.to_string());
        let plan = ServicePlayer {
            of: Service::TradingApp,
            port: 8001,
            settings: Settings::from([
                (
                    "postgresql".to_string(),
                    vec![
                        text("postgresql://"),
                        Piece::Addresses("db".to_string()),
                        text("/t"),
                    ],
                ),
                (
                    "replica".to_string(),
                    vec![Piece::Address("db-2".to_string())],
                ),
            ]),
        };
        let mut words = service_arguments(&plan, &seen[0], &["errors".to_string()]);
        words.extend(further(Some("hft"), &plan.settings, &seen));
        let line = words.join(&OsString::from(" ")).into_string().unwrap();
        assert_eq!(
            line,
            "stand-in trading-app --name app-1 --host 10.0.0.1 --port 8001 --with-parent --defect errors --as=hft \
             --postgresql=postgresql://10.0.0.2:5432,10.0.0.3:5432/t --replica=10.0.0.3:5432"
        );
    }
}
