//! What administrators have set up is, after a fault, as it was before it: byte by byte.

use std::process::Command;
use std::sync::Once;

use shakedown_runner::mechanisms::net::nodes::NodeLink;
use shakedown_runner::mechanisms::net::{
    Action, Direction, NetSnapshot, Qdisc, Rate, Scope, Shape,
};

use crate::world::{arrives, inside, network, peers, rule, table, udp};

const FOREIGN: &str = "
table inet firewall {
    counter hits { }
    quota most { over 10 mbytes }
    set friends { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.7 } }
    set recent { type ipv4_addr; flags dynamic, timeout; timeout 30s; }
    map ways { type inet_service : verdict; elements = { 22 : accept, 23 : drop } }
    chain input {
        type filter hook input priority filter; policy accept;
        ip saddr @friends counter accept
        tcp dport vmap @ways
        udp dport 1-65535 counter name hits
        ip saddr 198.18.0.0/15 add @recent { ip saddr } counter comment \"seen\"
        limit rate over 1000000/second drop
    }
}
table ip nat {
    chain post {
        type nat hook postrouting priority srcnat;
        oifname \"none\" masquerade
    }
}
";

/// Debian's nftables, which these tests use as an administrator would; Shakedown itself does not.
fn nft(node: &NodeLink, arguments: &[&str]) -> String {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if Command::new("nft").arg("--version").output().is_err() {
            let installed = Command::new("apt-get")
                .args(["install", "-y", "nftables"])
                .status();
            assert!(
                installed.is_ok_and(|status| status.success()),
                "install nftables"
            );
        }
    });
    String::from_utf8(inside(node, "nft", arguments).stdout).unwrap()
}

#[test]
fn a_foreign_ruleset_is_untouched_by_a_fault_and_by_its_end() {
    let network = network(2);
    let [a, b] = network.nodes() else {
        panic!("two nodes")
    };
    nft(b, &[FOREIGN]);
    let listed = || nft(b, &["-s", "-a", "list", "ruleset"]);
    assert!(arrives(&udp(a), &udp(b)));
    let (text, before) = (listed(), NetSnapshot::take(&b.netns).unwrap());
    assert!(
        text.contains("masquerade") && text.contains("vmap @ways"),
        "{text}"
    );
    let table = table(b);
    let cut = rule("cut", peers(&[a.address]), Direction::Both, Action::Drop);
    table.replace(vec![cut.clone()]).unwrap();
    let during = listed();
    assert!(during.contains("comment \"in cut\""), "{during}");
    assert!(!arrives(&udp(a), &udp(b)));
    table.replace(Vec::new()).unwrap();
    table.replace(vec![cut]).unwrap();
    table.remove().unwrap();
    assert!(arrives(&udp(a), &udp(b)));
    assert_eq!(listed(), text);
    let after = NetSnapshot::take(&b.netns).unwrap();
    assert_eq!(NetSnapshot::differences(&before, &after), []);
}

#[test]
fn what_somebody_changed_is_told_in_words() {
    let network = network(1);
    let node = &network.nodes()[0];
    nft(node, &[FOREIGN]);
    let told = |change: &dyn Fn()| {
        let before = NetSnapshot::take(&node.netns).unwrap();
        change();
        let after = NetSnapshot::take(&node.netns).unwrap();
        let all = NetSnapshot::differences(&before, &after);
        assert!(!all.is_empty());
        let words: Vec<String> = all.iter().map(ToString::to_string).collect();
        words.join("; ")
    };
    let words = told(&|| drop(nft(node, &["flush chain inet firewall input"])));
    assert!(
        words.contains("in the chain inet firewall input is missing"),
        "{words}"
    );
    let words = told(&|| drop(nft(node, &["add element inet firewall ways { 80 : drop }"])));
    assert!(
        words.contains("what is in the set inet firewall ways is not as it was"),
        "{words}"
    );
    let words = told(&|| drop(nft(node, &["add table ip left"])));
    assert!(
        words.contains("the table ip left was not there before"),
        "{words}"
    );
    let words = told(&|| {
        drop(inside(
            node,
            "ip",
            &["route", "add", "blackhole", "10.9.0.0/16"],
        ))
    });
    assert!(
        words.contains("the route to 10.9.0.0/16 in table 254 was not there"),
        "{words}"
    );
    let words = told(&|| drop(inside(node, "ip", &["link", "set", "lo", "down"])));
    assert!(
        words.contains("the interface lo is not as it was"),
        "{words}"
    );
    let words = told(&|| {
        drop(inside(
            node,
            "ip",
            &["rule", "add", "prio", "77", "table", "5"],
        ))
    });
    assert!(words.contains("the routing rule 77"), "{words}");
    let words = told(&|| {
        let whole = Shape::Rate(Rate::of(10_000_000));
        Qdisc::install(&node.netns, node.interface, &whole, Scope::Whole).unwrap();
    });
    assert!(
        words.contains("the queueing discipline tbf 5348:"),
        "{words}"
    );
}
