#!/usr/bin/env bash
# Runs a command beside a real cluster on which the reference engine is ready, made for it and taken away again.
#
#   tests/with-cluster.sh [--netem] STATE BINARY COMMAND...
#
# STATE: a folder for the cluster; BINARY: shakedown, as cargo has built it; --netem: with a node whose kernel has netem. The
# command finds it by SHAKEDOWN_CLUSTER, KUBECONFIG and SHAKEDOWN_KUBECTL, and CLUSTER_IS_OURS says whether it goes afterwards.
# With SHAKEDOWN_CLUSTER in the environment a cluster that is there already is used, and stays; its nodes must have the image
# of this very binary.
set -u -o pipefail
more=()
if [ "${1:-}" = --netem ]; then more=(--netem); shift; fi
if [ $# -lt 3 ]; then sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 64; fi
deploy=$(cd "$(dirname "${BASH_SOURCE[0]}")/../deploy" && pwd)
state=$1 binary=$2
shift 2
export SHAKEDOWN_CLUSTER SHAKEDOWN_KUBECTL KUBECONFIG CLUSTER_IS_OURS=no
SHAKEDOWN_KUBECTL=$("$deploy/cluster/build" "${more[@]}")/kubectl || exit

if [ -z "${SHAKEDOWN_CLUSTER:-}" ]; then
    CLUSTER_IS_OURS=yes
    SHAKEDOWN_CLUSTER=$state
    mkdir -p "$SHAKEDOWN_CLUSTER"
    "$deploy/cluster/up" "$SHAKEDOWN_CLUSTER" "${more[@]}" >/dev/null || { "$deploy/cluster/down" "$SHAKEDOWN_CLUSTER"; exit 1; }
    trap '"$deploy/cluster/down" "$SHAKEDOWN_CLUSTER"' EXIT
    "$deploy/kubernetes/one-machine/up" "$SHAKEDOWN_CLUSTER" "$binary" || exit
fi
KUBECONFIG=$SHAKEDOWN_CLUSTER/kubeconfig/admin
"$@"
status=$?
if [ $CLUSTER_IS_OURS = yes ]; then
    trap - EXIT
    "$deploy/cluster/down" "$SHAKEDOWN_CLUSTER" || status=1
fi
exit $status
