//! The schema of the database, in numbered steps, each with its way back.

use std::time::Duration;

use crate::defects::{Defect, Defects};
use crate::error::StandInError;
use crate::stores::{Postgresql, StoreError};

/// A step from one version less to its own, and back.
struct Migration {
    up: &'static str,
    down: &'static str,
}

const MIGRATIONS: [Migration; 3] = [
    Migration {
        up: "create table orders (sequence bigint generated always as identity primary key, id text not null unique, \
            account text not null, symbol text not null, side text not null, price numeric not null, quantity numeric not null, \
            state text not null default 'open', replica text not null, made_at timestamptz not null default now(), \
            published boolean not null default false); \
            create index orders_unpublished on orders (sequence) where not published",
        down: "drop table orders",
    },
    Migration {
        up: "alter table orders add column strategy text not null default 'averages'",
        down: "alter table orders drop column strategy",
    },
    Migration {
        up: "create index orders_by_account on orders (account, symbol)",
        down: "drop index orders_by_account",
    },
];

/// The version that this one knows.
pub const LATEST: u32 = MIGRATIONS.len() as u32;

/// Of the advisory lock under which one replica migrates at a time.
const LOCK: u32 = 730_041;

/// How long a replica waits for its database at the start.
const TRIES: u32 = 60;
const TRY_EVERY: Duration = Duration::from_millis(500);

/// Brings the database to version `to`; without it up to [`LATEST`], and never back. Returns the version.
///
/// # Errors
/// [`StandInError::Migration`] when a step is not known, or was refused.
pub(super) async fn migrate(
    store: &Postgresql,
    to: Option<u32>,
    defects: &Defects,
) -> Result<u32, StandInError> {
    let mut now = current(store).await?;
    let goal = to.unwrap_or(LATEST.max(now));
    while now != goal {
        let next = if now < goal { now + 1 } else { now - 1 };
        let step = step(now, next, defects).ok_or_else(|| StandInError::Migration {
            to: goal,
            why: format!("there is no migration from {now} to {next}"),
        })?;
        store
            .execute_all(&guarded(now, next, step))
            .await
            .map_err(|error| StandInError::Migration {
                to: goal,
                why: format!("from {now} to {next}: {error}"),
            })?;
        tracing::info!(from = now, to = next, "migrated");
        let reached = current(store).await?;
        if reached == now {
            return Err(StandInError::Migration {
                to: goal,
                why: format!("it stays at {now}"),
            });
        }
        now = reached;
    }
    Ok(now)
}

/// The statements that lead from one version to its neighbour.
fn step(from: u32, to: u32, defects: &Defects) -> Option<&'static str> {
    let higher = from.max(to) as usize;
    let migration = MIGRATIONS.get(higher.checked_sub(1)?)?;
    if to > from {
        return Some(migration.up);
    }
    let is_broken = higher == 2 && defects.has(Defect::MigrationNotReversible);
    (!is_broken).then_some(migration.down)
}

/// As one transaction under a lock, which does nothing when another replica was faster.
fn guarded(from: u32, to: u32, step: &str) -> String {
    format!(
        "do $migration$ begin perform pg_advisory_xact_lock({LOCK}); \
         if (select version from schema_version) = {from} then {step}; update schema_version set version = {to}; end if; \
         end $migration$"
    )
}

/// The version that the database has; 0 when it has none. Waits for a database that is not there yet.
async fn current(store: &Postgresql) -> Result<u32, StandInError> {
    let table = format!(
        "do $migration$ begin perform pg_advisory_xact_lock({LOCK}); \
         create table if not exists schema_version (version int not null); \
         if not exists (select from schema_version) then insert into schema_version values (0); end if; \
         end $migration$"
    );
    let mut tries = 0;
    loop {
        tries += 1;
        match store.execute_all(&table).await {
            Ok(()) => break,
            Err(StoreError::Unavailable(_) | StoreError::Unknown(_)) if tries < TRIES => {
                tokio::time::sleep(TRY_EVERY).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let rows = store
        .query("select version from schema_version", &[])
        .await?;
    let version: i32 = rows.first().map_or(0, |row| row.get(0));
    Ok(u32::try_from(version).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_way_back_unless_that_is_broken() {
        let clean = Defects::default();
        let broken = Defects::new(&[Defect::MigrationNotReversible]);
        for version in 0..LATEST {
            assert!(step(version, version + 1, &broken).is_some());
            assert!(step(version + 1, version, &clean).is_some());
        }
        assert!(step(2, 1, &broken).is_none());
        assert!(step(LATEST, LATEST + 1, &clean).is_none());
    }
}
