#!/usr/bin/env bash
# The stage `cluster` of tests/run.sh: the cluster of deploy/cluster is what it says, and leaves nothing.
#
#   tests/cluster.sh        builds what is missing, makes a cluster, breaks and mends it, and takes it away
#
# Needs root and the one cluster that a machine can have. Exit 1: a test failed. Exit 69: there can be no cluster here.
# shellcheck disable=SC2015,SC2317 # `||` stands before `return`; tests are called by name
set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 70
at=deploy/cluster
state=$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd -P)/cluster
programs=$($at/build --netem) || exit 69
packages=$(dirname "$programs")/packages/root
tools=$programs/tools
export KUBECONFIG=$state/kubeconfig/admin
notes=$(mktemp -d)
trap '$at/down "$state"; rm -rf "$notes"' EXIT
$at/down "$state" && rm -rf "$state" || exit 69

passed=0 failed=0
# NAME: runs the function of that name as a test.
check() {
    local output began=$SECONDS
    if output=$("$1" 2>&1); then
        passed=$((passed + 1))
        printf 'test %s ... ok\n' "$1"
    else
        failed=$((failed + 1))
        printf 'test %s ... FAILED\n---- %s after %s s ----\n%s\n----\n' "$1" "$1" $((SECONDS - began)) "$output"
    fi
}
k() { timeout 20 "$programs/kubectl" --cache-dir "$state/kubectl" "$@"; }

# SECONDS COMMAND...: asks until it succeeds; says what it was that did not, and its last answer.
within() {
    local until=$((SECONDS + $1)) answer
    shift
    until answer=$("$@" 2>&1); do
        [ $SECONDS -lt $until ] || { echo "not in time: $*: $answer"; return 1; }
        sleep 0.1
    done
}
not() { ! "$@"; }

# ---- what is asked -------------------------------------------------------------------------------------------------
ready_is() { [ "$(k get node "$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = "$2" ]; }
# FROM URL [COUNT]: answers to a pod, one a line.
answers() { k exec "$1" -- /tools probe get "$2" "${3:-1}"; }
address() { k get pod "$1" -o 'jsonpath={.status.podIP}'; }
web_on() { k get pods -l app=web --field-selector "spec.nodeName=$1,status.phase=Running" -o 'jsonpath={.items[0].metadata.name}'; }
evict() {
    printf '{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"%s","namespace":"default"}}' "$1" |
        k create --raw "/api/v1/namespaces/default/pods/$1/eviction" -f - 2>&1
}
policy() {
    k apply -f - <<'Y'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: friends}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {app: friend}}}]}]
Y
}

# What of this machine a cluster touches.
picture() {
    ip netns list | sort
    ip -brief link | awk '{ print $1 }' | sort
    ip route show table all | sort
    LD_LIBRARY_PATH=$packages/usr/lib/$(uname -m)-linux-gnu "$packages/usr/sbin/nft" list ruleset
    LD_LIBRARY_PATH=$packages/usr/lib/$(uname -m)-linux-gnu XTABLES_LIBDIR=$packages/usr/lib/$(uname -m)-linux-gnu/xtables \
        "$packages/usr/sbin/iptables-save" | grep -v '^#'
    cut -d' ' -f5 /proc/self/mountinfo | sort
    find /sys/fs/cgroup -maxdepth 2 -type d | sort
    find /proc -maxdepth 2 -path '/proc/[0-9]*/exe' -printf '%l\n' 2>/dev/null | grep "$(dirname "$programs")" | sort
    ls -d /dev/shm/vm_file* ~/.uml 2>/dev/null
    (cd /proc/sys && grep . vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_max* net/ipv4/ip_forward)
    ls -d /run/* /var/lib/{cni,kubelet} /etc/cni /opt/cni /usr/libexec/kubernetes 2>/dev/null
    true
}
# Others may do things on this machine at the same time, but not for long.
same_as_before() {
    local now
    for _ in 1 2 3; do
        now=$(picture)
        [ "$now" != "$before" ] || return 0
        sleep 1
    done
    diff <(echo "$before") <(echo "$now")
}

# ---- the tests, in their order ---------------------------------------------------------------------------------------
up_that_was_killed_is_cleaned() {
    local log=$notes/up up
    setsid $at/up "$state" --netem >"$log" 2>&1 </dev/null &
    up=$!
    within 90 grep -q 'have power' "$log" || { cat "$log"; return 1; }
    kill -KILL -- "-$up"
    not same_as_before >/dev/null || { echo "it had not begun"; return 1; }
    $at/down "$state" && same_as_before && $at/down "$state"
}
up_gives_a_cluster() { $at/up "$state" --netem; }
lock_is_one() {
    local answer
    answer=$($at/up "$notes/two-clusters" 2>&1)
    [ $? = 69 ] && grep -q "held by pid [0-9]*, state in $state" <<<"$answer" && [ ! -e "$notes/two-clusters/nodes" ] &&
        not $at/down "$notes/two-clusters" && ready_is node-1 True || { echo "$answer"; return 1; }
}
nodes_are_ready_in_zones() {
    local zones
    for n in 1 2 3; do ready_is node-$n True || return 1; done
    zones=$(k get nodes -o 'jsonpath={.items[*].metadata.labels.topology\.kubernetes\.io/zone}')
    [ "$zones" = "zone-a zone-b zone-c zone-a" ] || { echo "$zones"; return 1; }
}
deployment_answers_through_its_service() {
    k apply -f tests/fixtures/cluster.yaml && k rollout status deployment/web --timeout=19s &&
        k wait --for=condition=Ready pod/friend pod/stranger --timeout=19s || return 1
    [ "$(k get pods -l app=web -o 'jsonpath={range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort -u | wc -l)" = 3 ] || return 1
    # A hundred connections, and all three answer.
    [ "$(answers friend "http://$(k get service web -o 'jsonpath={.spec.clusterIP}')/" 100 | sort -u | wc -l)" = 3 ]
}
names_resolve_in_pods() {
    local ip
    ip=$(k get service web -o 'jsonpath={.spec.clusterIP}')
    [ "$(k exec friend -- /tools probe dns web)" = "$ip" ] &&
        [ "$(k exec friend -- /tools probe dns web.default.svc.cluster.local)" = "$ip" ] &&
        not k exec friend -- /tools probe dns nobody
}
memory_limit_kills() {
    within 20 killed_for_memory
}
killed_for_memory() {
    [ "$(k get pod eater -o 'jsonpath={.status.containerStatuses[0].state.terminated.reason}')" = OOMKilled ]
}
policy_blocks_a_stranger_only() {
    # One address behind another node, one on the same node.
    local far near
    far=$(address "$(web_on node-2)") near=$(address "$(web_on node-1)")
    answers stranger "http://$far:8080/" && answers stranger "http://$near:8080/" && policy || return 1
    within 5 not answers stranger "http://$far:8080/" && within 5 not answers stranger "http://$near:8080/" &&
        answers friend "http://$far:8080/" && answers friend "http://$near:8080/"
}
policy_is_nothing_without_its_enforcer() {
    local far
    far=$(address "$(web_on node-2)")
    for n in 1 2 3; do $at/node "$state" kill node-$n policies || return 1; done
    within 5 answers stranger "http://$far:8080/" || return 1
    for n in 1 2 3; do $at/node "$state" start-service node-$n policies || return 1; done
    within 10 not answers stranger "http://$far:8080/"
}
policy_that_is_deleted_blocks_nobody() {
    k delete networkpolicy friends && within 5 answers stranger "http://$(address "$(web_on node-2)"):8080/"
}
eviction_meets_the_budget() {
    local pod answer
    pod=$(web_on node-2) answer=$(evict "$pod")
    [[ $answer == *TooManyRequests*"disruption budget"* ]] || { echo "$answer"; return 1; }
    k delete pdb web && answer=$(evict "$pod") && [[ $answer == *Success* ]] &&
        within 15 not k get pod "$pod" && k rollout status deployment/web --timeout=19s
}
image_runs() {
    $at/image "$state" localhost/another:1 "$tools" /bin/another || return 1
    k run another --image=localhost/another:1 --restart=Never -- probe sleep 0 && within 15 succeeded another
}
succeeded() { [ "$(k get pod "$1" -o 'jsonpath={.status.phase}')" = Succeeded ]; }
privileged_pods_are_refused_where_they_should_be() {
    local answer name='{"spec":{"containers":[{"name":"c","image":"localhost/probe:1","securityContext":{"privileged":true}}]}}'
    k create namespace restricted && k label namespace restricted pod-security.kubernetes.io/enforce=restricted &&
        within 10 k -n restricted get serviceaccount default || return 1
    answer=$(k -n restricted run privileged --image=localhost/probe:1 --overrides="$name" 2>&1)
    [[ $answer == *"violates PodSecurity"* ]] || { echo "$answer"; return 1; }
    k run privileged --image=localhost/probe:1 --overrides="$name" && k delete pod privileged --now
}
metrics_are_served() { within 40 usage_of friend && within 20 k top node node-1; }
usage_of() { k get --raw "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/$1" | grep -q '"usage":{"cpu":"[0-9]*[num]*","memory":"[1-9]'; }
node_loses_power_and_comes_back() {
    local boot target
    boot=$(k get node node-2 -o 'jsonpath={.status.nodeInfo.bootID}') target=$(address "$(web_on node-2)")
    $at/node "$state" stop node-2 && [ "$($at/node "$state" status node-2)" = "node-2 off" ] &&
        not answers friend "http://$target:8080/" && within 15 ready_is node-2 Unknown &&
        $at/node "$state" start node-2 && within 20 ready_is node-2 True &&
        [ "$(k get node node-2 -o 'jsonpath={.status.nodeInfo.bootID}')" != "$boot" ]
}
kubelet_dies_and_pods_live() {
    local target
    target=$(address "$(web_on node-3)")
    $at/node "$state" kill node-3 kubelet && within 15 ready_is node-3 Unknown && answers friend "http://$target:8080/" &&
        $at/node "$state" start-service node-3 kubelet && within 15 ready_is node-3 True
}
link_is_cut_and_healed() {
    local target
    target=$(address "$(web_on node-3)")
    $at/link "$state" pair node-1 node-3 && not answers friend "http://$target:8080/" || return 1
    $at/link "$state" heal && within 5 answers friend "http://$target:8080/" || return 1
    $at/link "$state" isolate node-3 && within 15 ready_is node-3 Unknown || return 1
    $at/link "$state" heal && within 10 ready_is node-3 True
}
# NODE WHAT ADDRESS: a probe in the network of a node itself.
on_node() { nsenter -t "$($at/node "$state" pid "$1")" -n "$tools" probe "$2" "$3"; }
link_is_cut_one_way() {
    local one two
    # Each has the other's hardware address before, as peers have that talk.
    on_node node-1 send 10.111.0.12:7777 && on_node node-2 send 10.111.0.11:7777 && sleep 0.1 || return 1
    $at/link "$state" one-way node-1 node-2 || return 1
    on_node node-1 receive :7777 >"$notes/one" & one=$!
    on_node node-2 receive :7777 >"$notes/two" & two=$!
    sleep 0.7
    on_node node-1 send 10.111.0.12:7777 && on_node node-2 send 10.111.0.11:7777 && wait $one && wait $two || return 1
    [ "$(cat "$notes/one" "$notes/two" | tr '\n' ' ')" = "5 0 " ] || { cat "$notes/one" "$notes/two"; return 1; }
    $at/link "$state" heal
    on_node node-2 receive :7777 >"$notes/two" & two=$!
    sleep 0.7
    on_node node-1 send 10.111.0.12:7777 && wait $two && [ "$(cat "$notes/two")" = 5 ]
}
api_server_goes_and_comes() {
    local url node
    url=http://$(address "$(web_on node-3)"):8080/ node=$($at/node "$state" pid node-1)
    $at/apiserver "$state" stop && not k get nodes --request-timeout=2s &&
        nsenter -t "$node" -n "$tools" probe get "$url" &&
        $at/apiserver "$state" start && k get nodes && within 10 ready_is node-1 True
}
# ---- node-4, whose kernel is its own and has netem --------------------------------------------------------------------
netem_node_takes_only_who_tolerates_it() {
    local said
    said=$($at/node "$state" exec node-4 sh -c 'uname -r; echo oops >&2; exit 7' 2>&1)
    [ $? = 7 ] && grep -q oops <<<"$said" && not grep -qx "$(uname -r)" <<<"$said" || { echo "$said"; return 1; }
    ready_is node-4 True && [ "$(k get nodes -l shakedown.dev/netem=true -o name)" = node/node-4 ] || return 1
    local pod='{"spec":{"nodeSelector":{"shakedown.dev/netem":"true"},"terminationGracePeriodSeconds":0,"tolerations":TOLERATIONS,
        "containers":[{"name":"probe","image":"localhost/probe:1","args":["serve",":8080"]}]}}'
    k run meek --image=localhost/probe:1 --labels=app=friend --overrides="${pod/TOLERATIONS/[]}" &&
        k run slow --image=localhost/probe:1 --labels=app=friend --overrides="${pod/TOLERATIONS/[{\"key\":\"shakedown.dev/netem\",\"operator\":\"Exists\"\}]}" &&
        within 60 k wait --for=condition=Ready pod/slow --timeout=5s && [ "$(k get pod slow -o 'jsonpath={.spec.nodeName}')" = node-4 ] &&
        [ "$(k get pod meek -o 'jsonpath={.status.phase}')" = Pending ] && k delete pod meek --now
}
names_and_services_are_there_for_its_pods() {
    local ip
    ip=$(k get service web -o 'jsonpath={.spec.clusterIP}')
    [ "$(k exec slow -- /tools probe dns web)" = "$ip" ] && answers slow "http://$ip/" 5 && not k exec slow -- /tools probe dns nobody
}
# Milliseconds that a connection from node-1 to a pod takes: the median of nine.
connect_ms() {
    local from began
    from=$($at/node "$state" pid node-1)
    for _ in 1 2 3 4 5 6 7 8 9; do
        began=$(date +%s%N)
        nsenter -t "$from" -n "$tools" probe dial "$1:8080" >/dev/null || return 1
        echo $((($(date +%s%N) - began) / 1000000))
    done >"$notes/connect" && sort -n "$notes/connect" | sed -n 5p
}
# VERB WORDS...: of tc, for what leaves the one pod there.
netem() {
    local network
    network=$($at/node "$state" exec node-4 ip netns list | cut -d' ' -f1) && [ -n "$network" ] || return 1
    $at/node "$state" exec node-4 tc -n "$network" qdisc "$1" dev eth0 root "${@:2}"
}
netem_delays_and_loses_in_a_pod_there() {
    local ip before late after
    ip=$(address slow) && before=$(connect_ms "$ip") && netem add netem delay 100ms && late=$(connect_ms "$ip") &&
        netem change netem loss 100% && not connect_ms "$ip" && netem del && after=$(connect_ms "$ip") || return 1
    echo "a connection takes $before ms before, $late ms with 100 ms of delay, $after ms after"
    [ $((late - before)) -gt 90 ] && [ $((late - before)) -lt 180 ] && [ $((after - before)) -lt 50 ]
}
# Its link goes, then its power; then its kernel hangs at boot, is found out, and boots again.
netem_node_loses_power_and_comes_back_after_a_hang() {
    local boot log=$notes/netem-boot up pid
    boot=$(k get node node-4 -o 'jsonpath={.status.nodeInfo.bootID}')
    $at/link "$state" isolate node-4 && within 15 ready_is node-4 Unknown && $at/link "$state" heal && within 10 ready_is node-4 True &&
        $at/node "$state" stop node-4 && [ "$($at/node "$state" status node-4)" = "node-4 off" ] && within 15 ready_is node-4 Unknown || return 1
    # What such a kernel ran has not run on, for a moment, on the kernel of this machine.
    ! grep 'Function not implemented\|failed with 38' "$state/nodes/node-4/log/machine" || return 1
    SHAKEDOWN_NETEM_BOOT_S=20 $at/node "$state" start node-4 >"$log" 2>&1 & up=$!
    within 5 $at/node "$state" pid node-4 && pid=$($at/node "$state" pid node-4) && kill -STOP "$pid"
    wait $up && grep -q 'has not booted within 20 s (try 1 of 3)' "$log" && within 60 ready_is node-4 True &&
        [ "$(k get node node-4 -o 'jsonpath={.status.nodeInfo.bootID}')" != "$boot" ] || { cat "$log"; return 1; }
}
down_leaves_nothing() { $at/down "$state" && same_as_before && [ "$(ls "$state")" = log ]; }

before=$(picture)
tests="up_that_was_killed_is_cleaned up_gives_a_cluster lock_is_one nodes_are_ready_in_zones
deployment_answers_through_its_service names_resolve_in_pods memory_limit_kills policy_blocks_a_stranger_only
policy_is_nothing_without_its_enforcer policy_that_is_deleted_blocks_nobody eviction_meets_the_budget image_runs
privileged_pods_are_refused_where_they_should_be metrics_are_served netem_node_takes_only_who_tolerates_it
names_and_services_are_there_for_its_pods netem_delays_and_loses_in_a_pod_there link_is_cut_one_way link_is_cut_and_healed
kubelet_dies_and_pods_live api_server_goes_and_comes node_loses_power_and_comes_back
netem_node_loses_power_and_comes_back_after_a_hang down_leaves_nothing"
for name in $tests; do
    check "$name"
    # Without a cluster there is nothing to ask.
    [ "$name" = up_gives_a_cluster ] && [ $failed != 0 ] && break
done
if [ $failed = 0 ]; then word=ok; else word=FAILED; fi
printf '\ntest result: %s. %s passed; %s failed; finished in %s s\n' $word $passed $failed $SECONDS
[ $failed = 0 ]
