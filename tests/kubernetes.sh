#!/usr/bin/env bash
# The stage `kubernetes` of tests/run.sh: the end-to-end tests on a real cluster, which is made for them and taken away again.
#
#   tests/kubernetes.sh [--dev] [FILTER|OPTION...]     of the test program: all of them, or `--exact NAME`
#
# With SHAKEDOWN_CLUSTER a cluster that is there already is used, and stays.
set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
profile=release
if [ "${1:-}" = --dev ]; then
    profile=dev
    shift
fi
[ $# -gt 0 ] || set -- kubernetes:: kubernetes_rights::
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
binary=${SHAKEDOWN_BIN:-$target/$([ $profile = dev ] && echo debug || echo release)/shakedown}
export SHAKEDOWN_BIN=$binary SHAKEDOWN_KUBECTL KUBECONFIG
SHAKEDOWN_KUBECTL=$(deploy/cluster/build)/kubectl || exit

made=no
if [ -z "${SHAKEDOWN_CLUSTER:-}" ]; then
    made=yes
    export SHAKEDOWN_CLUSTER=$target/kubernetes/state
    mkdir -p "$SHAKEDOWN_CLUSTER"
    deploy/cluster/up "$SHAKEDOWN_CLUSTER" >/dev/null || { deploy/cluster/down "$SHAKEDOWN_CLUSTER"; exit 1; }
    trap 'deploy/cluster/down "$SHAKEDOWN_CLUSTER"' EXIT
    deploy/kubernetes/one-machine/up "$SHAKEDOWN_CLUSTER" "$binary" || exit
fi
KUBECONFIG=$SHAKEDOWN_CLUSTER/kubeconfig/admin
log=$(mktemp)
cargo test --profile $profile --workspace --no-fail-fast --test end_to_end -- --test-threads=1 "$@" 2>&1 | tee "$log"
status=$?
grep -q '^test result: .* [1-9][0-9]* passed' "$log" || status=1
rm -f "$log"
if [ $made = yes ]; then
    trap - EXIT
    deploy/cluster/down "$SHAKEDOWN_CLUSTER" || status=1
fi
exit $status
