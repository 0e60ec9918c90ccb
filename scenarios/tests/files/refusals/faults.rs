//! Faults whose targets are not there, that make no sense, or that cannot be on at one time.

use super::*;

#[test]
fn targets_that_are_not_there() {
    for (value, path, said, hint) in [
        (
            "{ role: laeder }",
            "faults.leader-dies.to.role",
            "no role `laeder`",
            "did you mean `leader`?",
        ),
        (
            "{ part: store }",
            "faults.leader-dies.to.part",
            "no part `store`",
            "engine",
        ),
        (
            "{ name: engine-4 }",
            "faults.leader-dies.to.name",
            "no replica `engine-4`",
            "engine-",
        ),
        (
            "{ random: { part: engine, count: 3, without-role: leader } }",
            "faults.leader-dies.to.random.count",
            "3 cannot be chosen from 2 replicas",
            "",
        ),
        (
            "{ random: { part: engine, without-role: boss } }",
            "faults.leader-dies.to.random.without-role",
            "no role `boss`",
            "leader",
        ),
        (
            "{ zone: a }",
            "faults.leader-dies.to.zone",
            "in the environment `local` there are no pods and nodes",
            "--environment kubernetes",
        ),
    ] {
        let told = only(with(QUICKSTART, &[set("faults.leader-dies.to", value)]));
        assert_eq!(told.path.as_deref(), Some(path), "{told}");
        assert!(told.message.contains(said), "{told}");
        assert!(
            told.hint.as_deref().unwrap_or_default().contains(hint),
            "{told}"
        );
    }
}

#[test]
fn faults_that_make_no_sense() {
    for (key, value, path, said) in [
        (
            "faults.leader-dies.when",
            "{ at: 5s }",
            "faults.leader-dies.when.at",
            "does not lie behind warm-up",
        ),
        (
            "faults.leader-dies.when",
            "{ after: { fault: other } }",
            "faults.leader-dies.when.after.fault",
            "no fault `other`",
        ),
        (
            "faults.leader-dies.when",
            "{ after: { fault: leader-dies } }",
            "faults.leader-dies.when.after.fault",
            "wait for itself",
        ),
        (
            "faults.leader-dies.when",
            "{ after: {} }",
            "faults.leader-dies.when.after",
            "exactly one of",
        ),
        (
            "faults.leader-dies.when",
            "{ if: {} }",
            "faults.leader-dies.when.if",
            "`if` is not supported by this version",
        ),
        (
            "faults.leader-dies.do",
            "{ drain: {} }",
            "faults.leader-dies.do",
            "`drain` is done to a Kubernetes cluster",
        ),
        (
            "faults.leader-dies.for",
            "0s",
            "faults.leader-dies.for",
            "not sensible",
        ),
        (
            "faults.leader-dies.repeat",
            "{ times: 3, every: 6s }",
            "faults.leader-dies.repeat.every",
            "no time to prove steady state",
        ),
        (
            "faults.leader-dies.repeat",
            "{ times: 0, every: 60s }",
            "faults.leader-dies.repeat.times",
            "0 times",
        ),
        ("phases.recovery.at-most", "5s", "phases", "too short"),
        (
            "phases.warm-up.at-most",
            "4s",
            "phases.warm-up.at-most",
            "too short to prove steady state",
        ),
    ] {
        refused(QUICKSTART, key, value, path, said);
    }
    let told = only(with(
        "rolling-restart",
        &[set("faults.restart-all.for", "5s")],
    ));
    assert!(told.message.contains("no `for`"), "{told}");
}

#[test]
fn faults_that_wait_for_each_other_in_a_circle() {
    let second = "{ do: { freeze: {} }, to: { name: engine-1 }, when: { after: { fault: leader-dies } }, for: 5s }";
    let circle = [
        set("faults.second", second),
        set("faults.leader-dies.when", "{ after: { fault: second } }"),
    ];
    let told = with(QUICKSTART, &circle).unwrap_err().to_string();
    assert!(told.contains("in a circle"), "{told}");
}

#[test]
fn delays_and_bandwidths_that_cannot_be_had() {
    let at = "faults.slow.do";
    for (value, path, said) in [
        (
            "{ delay: { by: 50us } }",
            "delay.by",
            "a delay of 50 us is not sensible",
        ),
        (
            "{ delay: { by: 1h } }",
            "delay.by",
            "a delay of 1 h is not sensible",
        ),
        (
            "{ delay: { by: 5ms, jitter: 6ms } }",
            "delay.jitter",
            "would send what has not come yet",
        ),
        (
            "{ delay: { by: 5ms, reorder: 100% } }",
            "delay.reorder",
            "no matter of chance",
        ),
        (
            "{ bandwidth: { rate: 1B/s } }",
            "bandwidth.rate",
            "cannot be kept to",
        ),
        (
            "{ bandwidth: { rate: 1MB } }",
            "bandwidth.rate",
            "not a rate of bytes",
        ),
    ] {
        refused("slow-link", at, value, &format!("{at}.{path}"), said);
    }
    let replicas = "{ role: leader }";
    refused(
        "slow-link",
        "faults.slow.to",
        replicas,
        "faults.slow.to",
        "is done to a link",
    );
    let names = [
        set("faults.slow.do", "{ dns: {} }"),
        set("faults.slow.to", replicas),
    ];
    with("slow-link", &names).unwrap();
}

#[test]
fn faults_that_surely_meet_and_cannot_be_on_at_one_time() {
    let second = |what: &str, to: &str, by: &str| {
        format!(
            "{{ do: {what}, to: {to}, when: {{ after: {{ fault: slow, by: {by} }} }}, for: 2s }}"
        )
    };
    let of_one = "{ link: { from: { name: engine-1 }, to: { peers: {} } } }";
    let at = "faults.second.when";
    let cut = second("{ partition: {} }", of_one, "1s");
    refused("slow-link", "faults.second", &cut, at, "`slow` is still on");
    let delay = second("{ delay: { by: 1ms } }", of_one, "1s");
    refused(
        "slow-link",
        "faults.second",
        &delay,
        at,
        "one would hide what the other does",
    );
    for fine in [
        second("{ delay: { by: 1ms } }", of_one, "20s"),
        second("{ loss: { share: 1% } }", of_one, "1s"),
        second("{ bandwidth: { rate: 1MB/s } }", of_one, "1s"),
        // The leader may be the third.
        second(
            "{ delay: { by: 1ms } }",
            "{ link: { from: { name: engine-1 }, to: { name: engine-2 } } }",
            "1s",
        ),
        second("{ freeze: {} }", "{ role: leader }", "1s"),
    ] {
        with("slow-link", &[set("faults.second", &fine)]).unwrap_or_else(|told| panic!("{told}"));
    }
    let frozen = "{ do: { freeze: {} }, to: { part: engine }, when: { after: { fault: leader-dies, by: 1s } }, for: 1s }";
    refused(
        QUICKSTART,
        "faults.second",
        frozen,
        at,
        "a process that is gone cannot be frozen",
    );
}
