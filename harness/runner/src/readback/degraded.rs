//! Reading every copy that can be reached while a fault is on, each by its own address.
//!
//! Once, and as it is: nobody waits for a copy that is behind, because how far it is behind is what is asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_record::event::{During, Event, ReadBackDone};
use shakedown_record::fault::Firing;
use shakedown_record::monotonic_ns;
use shakedown_record::readback::{ReadKind, Row, RowWriter};
use shakedown_record::run_dir::RunDir;
use shakedown_scenarios::plan::ReadBack;
use tokio::task::JoinSet;

use super::copies::ReadSpec;
use super::list::{Dump, ListSpec, dump};
use super::ours::Ours;
use super::rows::without_secrets;
use crate::probes::{Copy, Target};

/// A copy that takes longer counts as not reached.
const AT_MOST: Duration = Duration::from_secs(5);

/// Reads every copy, all at once; what came of each as an event. Nothing where orders are not read as a list.
pub async fn read_degraded(target: Arc<Target>, run_dir: RunDir, firing: Firing) -> Vec<Event> {
    let read_back = target.plan.system.read_back.clone();
    let Some(ReadBack::List {
        at_each_replica: each,
        ..
    }) = &read_back
    else {
        return Vec::new();
    };
    let mut reads = JoinSet::new();
    for copy in target.copies(*each) {
        let (target, run_dir, firing) = (Arc::clone(&target), run_dir.clone(), firing.clone());
        let spec = read_back.as_ref().map(ReadSpec::of);
        reads.spawn(async move {
            match spec {
                Some(ReadSpec::List(spec)) => {
                    Some(one(&target, &run_dir, firing, &spec, copy).await)
                }
                Some(ReadSpec::ById(_)) | None => None,
            }
        });
    }
    let done = reads.join_all().await.into_iter().flatten();
    done.map(Event::ReadBack).collect()
}

async fn one(
    target: &Target,
    run_dir: &RunDir,
    firing: Firing,
    spec: &ListSpec,
    copy: Copy,
) -> ReadBackDone {
    let now = monotonic_ns();
    let mut during = During {
        firing,
        from_mono_ns: now,
        to_mono_ns: now,
    };
    let mut done = ReadBackDone {
        read: ReadKind::Degraded,
        replica: copy.name,
        complete: false,
        rows: 0,
        watermark: None,
        reason: None,
        by_id: false,
        foreign: None,
        trades: None,
        depth: None,
        during: Some(Box::new(during.clone())),
    };
    let name = done.rows_name();
    let read = tokio::time::timeout(AT_MOST, rows(target, run_dir, spec, &copy.base_url, &name));
    let read = read
        .await
        .unwrap_or_else(|_| Err("no whole answer within 5 s".to_string()));
    during.to_mono_ns = monotonic_ns();
    done.during = Some(Box::new(during));
    match read {
        Ok(dump) => {
            (done.complete, done.rows, done.watermark) = (true, dump.rows, dump.mark);
        }
        Err(why) => done.reason = Some(why),
    }
    done
}

async fn rows(
    target: &Target,
    run_dir: &RunDir,
    spec: &ListSpec,
    base: &str,
    name: &str,
) -> Result<Dump, String> {
    let failed = |error: std::io::Error| format!("the rows cannot be written: {error}");
    let mut writer = RowWriter::create(run_dir.root(), ReadKind::Degraded, name).map_err(failed)?;
    let ours = Ours::underway(target);
    let secrets = target.client.secrets();
    let keep = |row: &Row| writer.write(&without_secrets(row.clone(), secrets));
    let deadline = Instant::now() + AT_MOST;
    let dumped = dump(target, spec, base, &ours, deadline, keep).await;
    writer.finish().map_err(failed)?;
    dumped
}

#[cfg(test)]
mod tests {
    use shakedown_record::readback::read_rows;

    use super::*;
    use crate::testing::{Exchange, plan, target};

    #[tokio::test]
    async fn who_is_behind_is_read_as_it_is_and_who_is_gone_is_said_to_be() {
        let exchange = Exchange::open().await;
        exchange.put("abc123-0", "open");
        exchange.put("somebody-else", "open");
        let bases = [exchange.base.clone(), "http://127.0.0.1:9".to_string()];
        let target = target(plan(&bases), &bases);
        let folder = tempfile::tempdir().unwrap();
        let run_dir = RunDir::create(&folder.path().join("run")).unwrap();
        let firing = Firing {
            fault: "leader-dies".to_string(),
            occurrence: 1,
        };
        let events = read_degraded(target, run_dir.clone(), firing).await;
        let mut done: Vec<ReadBackDone> = events
            .into_iter()
            .filter_map(|event| match event {
                Event::ReadBack(done) => Some(done),
                _ => None,
            })
            .collect();
        done.sort_by(|a, b| a.replica.cmp(&b.replica));
        assert_eq!((done[0].complete, done[0].rows), (true, 1));
        assert_eq!(done[0].rows_name(), "engine-1-leader-dies#2");
        let during = done[0].during.as_ref().unwrap();
        assert!(during.from_mono_ns < during.to_mono_ns);
        let name = done[0].rows_name();
        let rows = read_rows(run_dir.root(), ReadKind::Degraded, &name).unwrap();
        assert_eq!(rows.count(), 1);
        assert!(
            done[1].reason.as_ref().unwrap().contains("refused"),
            "{done:?}"
        );
    }
}
