//! A request of a profile that is no HTTP: asked of the store at a base URL.

use std::time::Duration;

use shakedown_load::http::Vars;
use shakedown_load::postgresql::{self as sql, Statement};
use shakedown_load::redis as commands;
use shakedown_load::secret::Secrets;
use shakedown_scenarios::plan::{Auth, Request};

use super::dial::AskError;
use super::{postgresql, redis};

/// With what every request of a profile is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    pub auth: &'a Auth,
    pub secrets: &'a Secrets,
    pub timeout: Duration,
}

/// What a store answered: a status and a body of JSON, as `docs/stores.md` has them.
///
/// # Errors
/// When nothing complete came back in time; [`AskError::Unreachable`] also when the URL is none of a store.
pub async fn exchange(
    base: &str,
    request: &Request,
    vars: &Vars<'_>,
    asking: Asking<'_>,
) -> Result<(u16, Vec<u8>), AskError> {
    let Asking {
        auth,
        secrets,
        timeout,
    } = asking;
    let nowhere = || AskError::Unreachable("this is no address of a store".to_string());
    let (scheme, rest) = base.split_once("://").ok_or_else(nowhere)?;
    let (host, behind) = rest.split_once('/').unwrap_or((rest, ""));
    let body = request.body.as_ref().ok_or_else(nowhere)?;
    let login = || commands::Login::of(auth, secrets);
    match scheme {
        "postgresql" => {
            let statement = Statement::new(body, secrets);
            let login = sql::Login::of(auth, secrets, behind);
            let question = postgresql::Question::Statement(&statement, vars);
            let ended = postgresql::ask(host, &login, question, timeout).await?;
            Ok((ended.status, ended.body))
        }
        "redis" => {
            let commands = redis::commands(body, secrets);
            let question = redis::Question::Commands(&commands, vars);
            let ended = redis::ask(host, &login(), question, timeout).await?;
            Ok((ended.status, ended.body))
        }
        "redis+sentinel" => {
            let commands = redis::commands(body, secrets);
            let question = redis::Question::Commands(&commands, vars);
            let ended = redis::ask_master(host, behind, &login(), question, timeout).await?;
            Ok((ended.status, ended.body))
        }
        _ => Err(nowhere()),
    }
}
