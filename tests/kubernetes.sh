#!/usr/bin/env bash
# The stage `kubernetes` of tests/run.sh: the end-to-end tests on a real cluster, which is made for them and taken away again.
#
#   tests/kubernetes.sh [--dev] [FILTER|OPTION...]     of the test program: the sample of the ci tier, or these
#   tests/kubernetes.sh --all                          every one of them
#
# Not in the sample: `kubernetes_netem`, whose node is a kernel in a process and needs a machine of its own for its times to mean
# anything; two of the three kinds of `kubernetes_kill` (the campaign `kubernetes-sigkill` makes each many times); and the long
# ones that are like others: a dead node that does not come back (one without power is in), a defect (twenty and more are found
# without a cluster), all that operators of hive-mind and hft do but a switch of colours and the deletion of a pod, an eviction, the pod of a worker that is deleted
# (one whose worker is killed is in), and that of a leader (`kubernetes_in_cluster` runs the same scenario).
#
# Those of `kubernetes_netem` come first, with a node that has netem and an engine of their own, which are gone before the others.
#
# With SHAKEDOWN_CLUSTER a cluster that is there already is used, and stays.
set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
arguments=("$@")
profile=release
if [ "${1:-}" = --dev ]; then
    profile=dev
    shift
fi
if [ "${1:-}" = --all ]; then
    set -- kubernetes_netem:: kubernetes:: kubernetes_drill:: kubernetes_hft:: kubernetes_hive_mind:: kubernetes_in_cluster:: kubernetes_kill:: kubernetes_services:: kubernetes_rights:: kubernetes_spread::
elif [ $# = 0 ]; then
    set -- kubernetes:: kubernetes_drill:: kubernetes_hft::a_pod kubernetes_hive_mind::a_switch kubernetes_in_cluster:: kubernetes_kill::traffic_is_back_when_both kubernetes_services:: kubernetes_rights:: kubernetes_spread:: \
        --skip=a_dead_nodes_pods_come_back --skip=a_defect_of_the_engine --skip=an_eviction_against --skip=a_pod_that_is_gone \
        --skip=a_leader_that_is_deleted
fi
# Options are for both.
netem=() others=() options=() more=()
for word in "$@"; do
    case $word in
        -*) options+=("$word") ;;
        *kubernetes_netem*) netem+=("$word") more=(--netem) ;;
        *) others+=("$word") ;;
    esac
done
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
binary=${SHAKEDOWN_BIN:-$target/$([ $profile = dev ] && echo debug || echo release)/shakedown}
export SHAKEDOWN_BIN=$binary
[ -n "${CLUSTER_IS_OURS:-}" ] ||
    exec tests/with-cluster.sh "${more[@]}" "$target/kubernetes/state" "$binary" tests/kubernetes.sh "${arguments[@]}"

# FILTER...: makes the tests.
run() {
    local log status
    log=$(mktemp)
    cargo test --profile $profile --workspace --no-fail-fast --test end_to_end -- --test-threads=1 "${options[@]}" "$@" 2>&1 | tee "$log"
    status=$?
    grep -q '^test result: .* [1-9][0-9]* passed' "$log" || status=1
    rm -f "$log"
    return $status
}
# What the other tests are not to share the machine with.
without_netem() {
    local node
    "$SHAKEDOWN_KUBECTL" delete namespace shakedown-netem --wait=false
    node=$("$SHAKEDOWN_KUBECTL" get nodes -l shakedown.dev/netem=true -o 'jsonpath={.items[0].metadata.name}') &&
        deploy/cluster/node "$SHAKEDOWN_CLUSTER" stop "$node" && "$SHAKEDOWN_KUBECTL" delete node "$node"
}

status=0
if [ ${#netem[@]} != 0 ]; then
    [ "$CLUSTER_IS_OURS" = no ] || deploy/kubernetes/one-machine/up "$SHAKEDOWN_CLUSTER" "$binary" --netem || exit
    run "${netem[@]}" || status=$?
    [ "$CLUSTER_IS_OURS" = no ] || without_netem || status=1
fi
if [ ${#others[@]} != 0 ]; then
    run "${others[@]}" || status=$?
fi
exit $status
