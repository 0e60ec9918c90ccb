//! The generator is starved from outside, each way for real: the run is inconclusive and names the cause. Well fed it
//! complains of nothing. Stolen CPU time alone is told by a file, since no guest can make its hypervisor take it.

use shakedown_tests::calm::soundly;
use shakedown_tests::shakedown::alone;
use shakedown_tests::starved::{Shortage, Who, round};

#[track_caller]
fn names_its_cause(who: Who, shortage: Shortage) {
    let _alone = alone();
    assert_eq!(round(who, shortage).wrong(shortage), None);
}

#[test]
fn a_cpu_quota_is_named() {
    names_its_cause(Who::Load, Shortage::Quota);
}

#[test]
fn a_rival_on_its_core_is_named() {
    names_its_cause(Who::Load, Shortage::Core);
}

#[test]
fn being_stopped_is_named() {
    names_its_cause(Who::Load, Shortage::Time);
}

#[test]
fn too_few_descriptors_are_named() {
    names_its_cause(Who::Load, Shortage::Descriptors);
}

#[test]
fn too_few_ports_are_named() {
    names_its_cause(Who::Load, Shortage::Ports);
}

#[test]
fn too_little_memory_is_named() {
    names_its_cause(Who::Load, Shortage::Memory);
}

#[test]
fn stolen_time_is_named() {
    names_its_cause(Who::Load, Shortage::StealToldByFile);
}

#[test]
fn a_run_that_is_stopped_is_inconclusive_for_it() {
    names_its_cause(Who::Run, Shortage::Time);
}

/// Measured again while the machine itself starves it: then it is right to complain.
#[test]
fn a_well_fed_generator_complains_of_nothing() {
    let _alone = alone();
    let told = soundly(|| {
        let told = round(Who::Load, Shortage::Nothing);
        let sound = !told.saturated;
        (told, sound)
    });
    assert_eq!(told.wrong(Shortage::Nothing), None);
}
