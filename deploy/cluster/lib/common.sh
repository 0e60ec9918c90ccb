# What all commands of the cluster share: names, addresses, places, and how they speak. Sourced, not run.
# shellcheck shell=bash disable=SC2034
set -Eeuo pipefail
trap 'echo "${0##*/}: failed in ${BASH_SOURCE[0]}, line $LINENO: $BASH_COMMAND" >&2' ERR

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
command_name=$(basename "$0")

switch=shk-switch         # network namespace with the switch in it
control_ip=10.111.0.1     # the control plane, in the network namespace of this machine
node_net=10.111.0         # node N is .1N
pod_net=10.112            # pods of node N are in .N.0/24
service_net=10.113.0.0/16
service_ip=10.113.0.1     # of the API server
dns_ip=10.113.0.10
api=https://$control_ip:6443
machine_run=/run/shakedown-cluster # the one cluster of this machine: its lock, and what is to be put back
cgroup_name=shk-cluster
max_nodes=9

caches=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/shakedown/cluster
helm=$(sed -n 's/^\thelm.sh\/helm\/v3 \(v[0-9.]*\) .*/\1/p' "$here/helm/go.mod")
kubernetes=$(sed -n 's/^\tk8s.io\/kubernetes \(v[0-9.]*\)$/\1/p' "$here/go.mod")

began_ms=$(($(date +%s%N) / 1000000))
say() { printf '%6d ms  %s\n' $(($(date +%s%N) / 1000000 - began_ms)) "$*" >&2; }
fail() {
    printf '%s: %s\n' "$command_name" "$*" >&2
    exit 69
}

# Prints the comment at the head of a command.
usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }
misused() {
    usage >&2
    exit 64
}

# FILE...: one short digest of what they say.
digest_of() { cat -- "$@" | sha256sum | cut -c1-12; }

kube_folder=$caches/$kubernetes-$(digest_of "$here"/go.mod "$here"/go.sum "$here"/*.go)
addons_folder=$caches/addons-$(digest_of "$here"/addons/go.mod "$here"/addons/go.sum "$here"/addons/*.go)
helm_folder=$caches/helm-$(digest_of "$here"/helm/go.mod "$here"/helm/go.sum)
tools_folder=$caches/tools-$(digest_of "$here"/tools/go.mod "$here"/tools/*.go)
packages=$caches/packages
tools=$tools_folder/tools

# Programs that were unpacked come before those of this machine, so that they are the same everywhere.
libraries=/usr/lib/$(uname -m)-linux-gnu
programs_path() { # ROOT-OF-CACHES
    echo "$1/packages/root/usr/sbin:$1/packages/root/usr/bin:$1/packages/root/sbin"
}
libraries_path() { echo "$1/packages/root$libraries"; }
PATH=$(programs_path "$caches"):$kube_folder:$PATH
export PATH
# For programs of the packages only: LD_LIBRARY_PATH would reach programs of this machine, too.
unpacked() { LD_LIBRARY_PATH=$(libraries_path "$caches") "$@"; }

need_root() {
    [ "$(id -u)" = 0 ] || fail "needs root: it makes namespaces, control groups and mounts"
}

# FOLDER: sets `state`, which must be a folder that `up` has made.
open_state() {
    [ -n "$1" ] || fail "name the cluster's state folder, or set SHAKEDOWN_CLUSTER to it"
    state=$(cd "$1" 2>/dev/null && pwd -P) || fail "there is no folder $1"
    [ -f "$state/shakedown-cluster" ] || fail "$state is no cluster; make one: deploy/cluster/up $1"
    admin=$state/kubeconfig/admin
}

# NAME: sets `number` and `folder` of a node of this cluster.
open_node() {
    number=${1#node-}
    [[ $1 == node-* && $number =~ ^[1-9]$ && -d $state/nodes/$1 ]] ||
        fail "there is no node $1; there are: $(node_names)"
    folder=$state/nodes/$1
}

node_names() { (cd "$state/nodes" && printf '%s ' node-*); }

kubectl_admin() { kubectl --kubeconfig "$state/kubeconfig/admin" --cache-dir "$state/kubectl" "$@"; }

# SECONDS COMMAND...: asks until it succeeds.
waited() {
    local until=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.1
    done
}
# SECONDS WHAT COMMAND...: the same, and says so.
wait_for() {
    local seconds=$1 what=$2
    shift 2
    waited "$seconds" "$@" || return 1
    say "$what"
}

# FILE WORD: the pid in a file, if that process runs and has the word in its command line.
pid_of() {
    local pid
    pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && [ "$(stat_of "$pid")" != Z ] &&
        tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$2" && echo "$pid"
}
# PID: it runs no more, also where nobody has asked for how it ended.
has_ended() { [ "$(stat_of "$1")" = Z ]; }
stat_of() { sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null || echo Z; }
