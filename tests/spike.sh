#!/usr/bin/env bash
# What this machine allows: every probe really tries, is bounded in time, and leaves nothing behind.
#
#   tests/spike.sh             all probes; a table on stdout
#   tests/spike.sh --quick     without the heavy ones (packages to download, Docker, Go, User-Mode Linux, Chromium)
#   tests/spike.sh --caches    only what of a cache exists (tests/run.sh asks before it builds anything)
#
# SPIKE_GO_BUDGET_S  seconds for building Kubernetes from Go modules (900); the other budgets stand at their probe
# SPIKE_CACHES       file with the lines of --caches taken earlier
#
# "no" is a finding, not a failure: the script exits 0 whatever the machine allows, and 70 when it is broken itself.
# Programs that are missing are unpacked from the distribution's packages into a temporary folder, not installed.
set -u -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$here")
quick=no
case "${1:-}" in
    "") ;;
    --quick) quick=yes ;;
    --caches) quick=caches ;;
    *) echo "usage: tests/spike.sh [--quick|--caches]" >&2; exit 64 ;;
esac

# ---- what survives of a cache -------------------------------------------------------------------------------------

folder_size() { # PATH: its size, or "absent"
    if [ -d "$1" ]; then du -sh "$1" 2>/dev/null | cut -f1; else echo absent; fi
}

caches() {
    printf 'cargo registry\t%s\n' "$(folder_size "${CARGO_HOME:-$HOME/.cargo}/registry")"
    printf 'cargo target\t%s\n' "$(folder_size "${CARGO_TARGET_DIR:-$top/target}")"
    printf 'go modules\t%s\n' "$(folder_size "$(go env GOMODCACHE 2>/dev/null || echo "$HOME/go/pkg/mod")")"
    printf 'go build\t%s\n' "$(folder_size "$(go env GOCACHE 2>/dev/null || echo "$HOME/.cache/go-build")")"
    printf 'apt archives\t%s\n' "$(folder_size /var/cache/apt/archives)"
    printf 'apt lists\t%s\n' "$(folder_size /var/lib/apt/lists)"
}
if [ "$quick" = caches ]; then caches; exit 0; fi

# ---- the frame ----------------------------------------------------------------------------------------------------

tmp=$(mktemp -d "${TMPDIR:-/tmp}/shakedown-spike.XXXXXX") || exit 70
export tmp
mkdir -p "$tmp/pids" "$tmp/mounts" "$tmp/cgroups" "$tmp/netns" "$tmp/root" "$tmp/apt/archives/partial"

# Undoes what a probe noted, also when the probe was ended by its budget.
undo() {
    local file pid
    for file in "$tmp"/pids/*; do
        [ -e "$file" ] || continue
        pid=$(<"$file")
        kill -TERM "$pid" 2>/dev/null && for _ in 1 2 3 4 5 6 7 8 9 10; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.3
        done
        kill -KILL "$pid" 2>/dev/null
        rm -f "$file"
    done
    for file in "$tmp"/netns/*; do
        [ -e "$file" ] && ip netns del "$(<"$file")" 2>/dev/null
        rm -f "$file"
    done
    grep -o " $tmp/[^ ]* " /proc/self/mounts | tr -d ' ' | sort -r | while read -r file; do umount -l "$file"; done
    for file in "$tmp"/cgroups/*; do
        [ -e "$file" ] && rmdir "$(<"$file")" 2>/dev/null
        rm -f "$file"
    done
}
finish() {
    undo
    chmod -R u+w "$tmp" 2>/dev/null # Go's module cache is read-only
    rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 130' INT TERM

printf '%-22s %-7s %8s  %s\n' probe answer seconds detail
row() { printf '%-22s %-7s %8s  %s\n' "$1" "$2" "$3" "$4"; }

# NAME BUDGET_S FUNCTION: runs the function in a shell of its own; its last line is the detail; exit 0 yes, 1 no.
probe() {
    local name=$1 budget_s=$2 function=$3 started ended out status
    started=$(date +%s%N)
    out=$(timeout --kill-after=5 "$budget_s" bash -c "$function" 2>"$tmp/stderr")
    status=$?
    ended=$(date +%s%N)
    local seconds detail
    seconds=$(awk -v ns=$((ended - started)) 'BEGIN { printf "%.1f", ns / 1e9 }')
    detail=$(printf '%s\n' "$out" | tail -n 1)
    case $status in
        0) row "$name" yes "$seconds" "$detail" ;;
        124|137) row "$name" no "$seconds" "not finished within $budget_s s; by then: ${detail:-nothing}" ;;
        *) row "$name" no "$seconds" "${detail:-$(tail -n 1 "$tmp/stderr" | cut -c1-150)}" ;;
    esac
    undo
}

# PROGRAM PACKAGE...: sees to it that the program can be run, unpacking packages when it is not installed.
need() {
    local program=$1
    shift
    command -v "$program" >/dev/null && return 0
    command -v apt-get >/dev/null || { echo "$program is missing, and there is no apt-get"; return 1; }
    if ! apt-cache show "$1" >/dev/null 2>&1; then
        timeout 60 apt-get update -qq >/dev/null 2>&1
    fi
    if ! apt-get install -y -qq --no-install-recommends --download-only -o Debug::NoLocking=1 \
        -o Dir::Cache::archives="$tmp/apt/archives" "$@" >/dev/null 2>"$tmp/apt/stderr"; then
        echo "$program is missing, and the package $1 cannot be had: $(tail -n 1 "$tmp/apt/stderr" | cut -c1-100)"
        return 1
    fi
    local package
    for package in "$tmp"/apt/archives/*.deb; do dpkg -x "$package" "$tmp/root" && rm -f "$package"; done
    command -v "$program" >/dev/null || { echo "$program is not in the package $1"; return 1; }
}
export -f need
export PATH="$PATH:$tmp/root/usr/bin:$tmp/root/usr/sbin:$tmp/root/bin:$tmp/root/sbin"
libraries="$tmp/root/usr/lib/$(uname -m)-linux-gnu:$tmp/root/lib/$(uname -m)-linux-gnu"
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$libraries"

# ---- rights and namespaces ----------------------------------------------------------------------------------------

machine() { echo "$(nproc) cores, $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), kernel $(uname -r | cut -d- -f1), $(. /etc/os-release; echo "$PRETTY_NAME")"; }

root() {
    local caps missing="" bit name
    caps=$(awk '/CapEff/ { print $2 }' /proc/self/status)
    for name in 12:net_admin 19:sys_ptrace 21:sys_admin 22:sys_boot 23:sys_nice 24:sys_resource 25:sys_time; do
        bit=${name%%:*}
        (( (16#$caps >> bit) & 1 )) || missing="$missing ${name#*:}"
    done
    echo "uid $(id -u); capabilities without:${missing:- none}"
    [ "$(id -u)" = 0 ]
}

namespace() { # FLAG KIND: makes one, and sees that it is another than ours
    local outside inside
    outside=$(readlink "/proc/self/ns/$2")
    inside=$(unshare "--$1" --fork readlink "/proc/self/ns/$2") || return 1
    echo "made and entered"
    [ "$outside" != "$inside" ]
}
netns() {
    namespace net net >/dev/null || return 1
    local name="spike$$"
    echo "$name" >"$tmp/netns/$name"
    ip netns add "$name" && ip link add "sp$$" type veth peer name eth0 netns "$name" || return 1
    ip -n "$name" link set eth0 up && ip link del "sp$$" || return 1
    echo "made and entered; named (ip netns) with a veth pair too"
}
mountns() {
    unshare --mount bash -c 'mount -t tmpfs spike /mnt && touch /mnt/inside' || return 1
    [ ! -e /mnt/inside ] || return 1
    mkdir -p "$tmp/o"/{lower,upper,work,merged}
    if unshare --mount bash -c "mount -t tmpfs t '$tmp/o' && cd '$tmp/o' && mkdir lower upper work merged && mount -t overlay o -o lowerdir=lower,upperdir=upper,workdir=work merged"; then
        echo "a mount inside is not seen outside; overlayfs works"
    else
        echo "a mount inside is not seen outside; no overlayfs"
    fi
}
pidns() {
    local seen
    seen=$(unshare --pid --fork --mount-proc bash -c 'echo $$; ls -d /proc/[0-9]* | wc -l') || return 1
    echo "first process is pid ${seen%%$'\n'*} and sees ${seen##*$'\n'} processes"
    [ "${seen%%$'\n'*}" = 1 ]
}
timens() {
    local up
    up=$(unshare --time --boottime 100000000 --monotonic 100000000 --fork cut -d. -f1 /proc/uptime) || return 1
    echo "clock moved by 100,000,000 s: up time reads $up s"
    [ "$up" -gt 100000000 ]
}
export -f machine root namespace netns mountns pidns timens

# ---- cgroups ------------------------------------------------------------------------------------------------------

cgroups() {
    local one two
    one=$(awk '$0 ~ / - cgroup / { n = split($NF, o, ","); print o[n] }' /proc/self/mountinfo | sort -u | tr '\n' ' ')
    two=$(awk '$0 ~ / - cgroup2 / { print $5 }' /proc/self/mountinfo | head -n 1)
    echo "version 1: ${one:-none}; version 2: ${two:-none}${two:+ ($(cat "$two/cgroup.controllers" 2>/dev/null | grep . || echo no controllers))}"
    [ -n "$one$two" ]
}
cgroup_folder() { # CONTROLLER: makes a cgroup with it and prints its folder
    local mount
    mount=$(awk -v c="$1" '$0 ~ / - cgroup / && $NF ~ "(^|,)" c "(,|$)" { print $5; exit }' /proc/self/mountinfo)
    if [ -z "$mount" ]; then
        mount=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
        [ -n "$mount" ] || return 1
        [ "$1" = freezer ] || echo "+$1" >"$mount/cgroup.subtree_control" || return 1
    fi
    mkdir "$mount/spike$$" || return 1
    echo "$mount/spike$$" >"$tmp/cgroups/$1"
    echo "$mount/spike$$"
}
freezer() {
    local group state pid
    group=$(cgroup_folder freezer) || { echo "no writable hierarchy has it"; return 1; }
    sleep 30 &
    pid=$!
    echo $pid >"$tmp/pids/frozen"
    echo $pid >"$group/cgroup.procs" || return 1
    if [ -e "$group/freezer.state" ]; then
        echo FROZEN >"$group/freezer.state"
        for _ in $(seq 50); do state=$(<"$group/freezer.state"); [ "$state" = FROZEN ] && break; sleep 0.02; done
        echo THAWED >"$group/freezer.state"
    else
        echo 1 >"$group/cgroup.freeze"
        for _ in $(seq 50); do grep -q 'frozen 1' "$group/cgroup.events" && state=FROZEN && break; sleep 0.02; done
        echo 0 >"$group/cgroup.freeze"
    fi
    kill -KILL $pid
    wait $pid 2>/dev/null
    echo "a process was frozen and thawed in $(dirname "$group")"
    [ "$state" = FROZEN ]
}
cpu() {
    local group
    group=$(cgroup_folder cpu) || { echo "no writable hierarchy has it"; return 1; }
    if [ -e "$group/cpu.cfs_quota_us" ]; then echo 10000 >"$group/cpu.cfs_quota_us" || return 1
    else echo "10000 100000" >"$group/cpu.max" || return 1; fi
    timeout 2 bash -c "echo \$\$ >'$group/cgroup.procs'; while :; do :; done"
    echo "a busy loop at a quota of 10 %: throttled $(awk '/nr_throttled/ { print $2 }' "$group/cpu.stat") times in 2 s"
    awk '/nr_throttled/ { exit !($2 > 5) }' "$group/cpu.stat"
}
memory() {
    local group status
    group=$(cgroup_folder memory) || { echo "no writable hierarchy has it"; return 1; }
    if [ -e "$group/memory.limit_in_bytes" ]; then echo 20M >"$group/memory.limit_in_bytes" || return 1
    else echo 20M >"$group/memory.max" || return 1; fi
    bash -c "echo \$\$ >'$group/cgroup.procs'; exec tail -n 1 < <(head -c 200M /dev/zero) >/dev/null"
    status=$?
    echo "200 MiB under a limit of 20 MiB: exit code $status (137 is out of memory)"
    [ "$status" = 137 ]
}
export -f cgroups cgroup_folder freezer cpu memory

# ---- network ------------------------------------------------------------------------------------------------------

nft_owner() {
    need nft nftables || return 1
    unshare --net bash -c '
        mkfifo "$tmp/nft"
        nft -i <"$tmp/nft" >/dev/null 2>"$tmp/nft.err" &
        owner=$!
        exec 3>"$tmp/nft"
        echo "add table inet spike { flags owner; }" >&3
        sleep 0.5
        listed=$(nft list tables); flags=$(nft list table inet spike 2>&1 | grep -o "flags owner")
        foreign=$(nft delete table inet spike 2>&1) && foreign=deleted || foreign=refused
        exec 3>&-
        wait $owner
        after=$(nft list tables)
        echo "$(nft --version | cut -d" " -f2): made [$listed, ${flags:-no owner flag}], deleting it from another process: $foreign, after its owner ended: ${after:-gone}"
        [ -n "$listed" ] && [ -n "$flags" ] && [ "$foreign" = refused ] && [ -z "$after" ]'
}
nft_timeout() {
    need nft nftables || return 1
    unshare --net bash -c '
        ip link set lo up
        nft "add table inet s; add set inet s cut { type ipv4_addr; flags timeout; timeout 1s; }
             add chain inet s in { type filter hook input priority 0; }; add rule inet s in ip saddr @cut drop
             add element inet s cut { 127.0.0.1 }" || exit 1
        before=$(nft list set inet s cut | grep -c 127.0.0.1); sleep 1.5; after=$(nft list set inet s cut | grep -c 127.0.0.1)
        echo "an element with a timeout of 1 s: $before at once, $after after 1.5 s"
        [ "$before" = 1 ] && [ "$after" = 0 ]'
}
netem() {
    unshare --net bash -c 'ip link set lo up && tc qdisc add dev lo root netem delay 5ms' || { echo "this kernel has no netem"; return 1; }
    echo "tc qdisc netem on lo"
}
export -f nft_owner nft_timeout netem

# ---- heavy --------------------------------------------------------------------------------------------------------

docker_engine() {
    need dockerd docker.io || return 1
    need docker docker.io || return 1
    local socket="unix://$tmp/docker.sock" pid containerd version command
    if ! command -v iptables >/dev/null; then # unpacked, not installed: nobody made the links of its alternatives
        for command in iptables ip6tables iptables-save iptables-restore ip6tables-save ip6tables-restore; do
            ln -sf xtables-nft-multi "$tmp/root/usr/sbin/$command"
        done
        export XTABLES_LIBDIR="$tmp/root/usr/lib/$(uname -m)-linux-gnu/xtables"
    fi
    # In namespaces of its own, so that its bridge and its rules touch nothing here.
    unshare --net --mount bash -c 'mount -t tmpfs d /run; ip link set lo up; echo $$ >"$tmp/pids/dockerd"
        exec dockerd --data-root "$tmp/docker" --exec-root "$tmp/exec" --pidfile "$tmp/dockerd.pid" -H "unix://$tmp/docker.sock"' \
        >"$tmp/dockerd.log" 2>&1 &
    for _ in $(seq 60); do
        sleep 0.5
        version=$(docker -H "$socket" version --format 'client {{.Client.Version}}, server {{.Server.Version}}' 2>/dev/null) && break
        version=""
    done
    if [ -z "$version" ]; then
        echo "dockerd did not answer: $(grep -iE 'failed|fatal|error' "$tmp/dockerd.log" | tail -n 1 | sed 's/.*msg=//' | cut -c1-130)"
        return 1
    fi
    local info ran
    info=$(docker -H "$socket" info --format 'storage {{.Driver}}, cgroup {{.CgroupVersion}} by {{.CgroupDriver}}' 2>/dev/null)
    need busybox busybox-static || return 1
    mkdir -p "$tmp/image/bin" && cp "$(command -v busybox)" "$tmp/image/bin/busybox" || return 1
    tar -C "$tmp/image" -c . | docker -H "$socket" import - spike:1 >/dev/null || return 1
    ran=$(docker -H "$socket" run --rm spike:1 /bin/busybox echo a container with a network ran 2>&1 | head -n 1 | cut -c1-200)
    pid=$(<"$tmp/pids/dockerd")
    containerd=$(pgrep -P "$pid" containerd | head -n 1)
    [ -n "$containerd" ] && echo "$containerd" >"$tmp/pids/containerd"
    kill -TERM "$pid"
    wait 2>/dev/null
    echo "$version, $info; $ran"
    [ "$ran" = "a container with a network ran" ]
}

kubernetes() {
    command -v go >/dev/null || { echo "no go"; return 1; }
    local version started tidy built module
    export GOPATH=$tmp/go GOCACHE=$tmp/go-build GOFLAGS=-modcacherw CGO_ENABLED=0 GOTOOLCHAIN=local
    mkdir -p "$tmp/kx" && cd "$tmp/kx" || return 1
    version=$(go list -m k8s.io/kubernetes@v1.34 2>/dev/null | cut -d' ' -f2)
    [ -n "$version" ] || { echo "k8s.io/kubernetes v1.34.x cannot be found"; return 1; }
    echo "$version found"
    go_files "$version"
    started=$SECONDS
    nice -n 19 go mod tidy >tidy.log 2>&1 || { echo "$version: go mod tidy fails: $(tail -n 1 tidy.log | cut -c1-120)"; return 1; }
    tidy=$((SECONDS - started))
    module="$(du -sh "$GOPATH/pkg/mod" | cut -f1) in $(go list -m all | wc -l) modules"
    echo "$version resolves (go mod tidy $tidy s, $module); build not finished"
    started=$SECONDS
    nice -n 19 go build -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34" -o kx . >build.log 2>&1 \
        || { echo "$version: resolves ($tidy s), go build fails: $(tail -n 1 build.log | cut -c1-120)"; return 1; }
    built=$((SECONDS - started))
    ln -s kx kubelet
    echo "$version, $(go env GOVERSION): go mod tidy $tidy s ($module), go build $built s ($(du -m kx | cut -f1) MB, build cache $(du -sh "$GOCACHE" | cut -f1)); says $(./kubelet --version)"
}
go_files() { # VERSION: one binary of the five commands, as go.mod and main.go
    local staging=v0.${1#v1.} name
    {
        printf 'module example.invalid/kx\n\ngo %s\n\ngodebug default=go1.24\n\n' "$(go env GOVERSION | sed 's/^go//; s/\.[0-9]*$//')"
        printf 'require (\n\tgithub.com/spf13/cobra v1.9.1\n\tk8s.io/component-base %s\n\tk8s.io/kubernetes %s\n)\n\nreplace (\n' "$staging" "$1"
        for name in api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap \
            code-generator component-base component-helpers controller-manager cri-api cri-client csi-translation-lib \
            dynamic-resource-allocation endpointslice externaljwt kms kube-aggregator kube-controller-manager kube-proxy \
            kube-scheduler kubectl kubelet metrics mount-utils pod-security-admission sample-apiserver sample-cli-plugin \
            sample-controller; do
            printf '\tk8s.io/%s => k8s.io/%s %s\n' "$name" "$name" "$staging"
        done
        printf ')\n'
    } >go.mod
    cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	_ "time/tzdata"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func main() {
	commands := map[string]func() *cobra.Command{
		"kube-apiserver":          apiserver.NewAPIServerCommand,
		"kube-controller-manager": kcm.NewControllerManagerCommand,
		"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
		"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
		"kube-proxy":              func() *cobra.Command { return proxy.NewProxyCommand() },
	}
	command := commands[filepath.Base(os.Args[0])]
	if command == nil {
		fmt.Fprintln(os.Stderr, "call it by the name of a Kubernetes command")
		os.Exit(2)
	}
	os.Exit(cli.Run(command()))
}
GO
}

user_mode_linux() {
    need linux.uml user-mode-linux || return 1
    need busybox busybox-static || return 1
    local modules
    for modules in "$tmp/root" ""; do [ -d "$modules/usr/lib/uml/modules" ] && break; done
    cat >"$tmp/uml-init" <<UML
#!/bin/bash
export PATH=$PATH LD_LIBRARY_PATH=$LD_LIBRARY_PATH
mount -t proc proc /proc; mount -t tmpfs tmp /run
echo "booted \$(cut -d' ' -f1 /proc/uptime) \$(uname -r)"
busybox insmod \$(echo $modules/usr/lib/uml/modules/*/kernel/net/sched/sch_netem.ko)
ip link set lo up
rtt() { busybox ping -q -c 5 -i 0.2 127.0.0.1 | sed -n 's|^round-trip.*= [0-9.]*/\([0-9.]*\)/.*|\1|p'; }
before=\$(rtt)
tc qdisc add dev lo root netem delay 20ms && echo "netem \$before \$(rtt)"
busybox poweroff -f
UML
    chmod +x "$tmp/uml-init"
    TMPDIR=/dev/shm linux.uml mem=256M rootfstype=hostfs rootflags=/ ro "init=$tmp/uml-init" con=null con0=null,fd:1 quiet \
        >"$tmp/uml.log" 2>&1 </dev/null
    local boot netem
    boot=$(sed -n 's/.*booted \([^ \r]*\) \([^ \r]*\).*/\2, up after \1 s/p' "$tmp/uml.log")
    netem=$(sed -n 's/.*netem \([0-9.]*\) \([0-9.]*\).*/netem delay 20 ms on lo: round trip \1 ms before, \2 ms after/p' "$tmp/uml.log")
    echo "${boot:-did not boot: $(tail -n 1 "$tmp/uml.log" | cut -c1-120)}; ${netem:-no netem}"
    awk '/netem [0-9.]+ [0-9.]+/ { for (i = 1; i < NF; i++) if ($i == "netem") good = ($(i+2) > 35 && $(i+1) < 20) } END { exit !good }' "$tmp/uml.log"
}

headless_chromium() {
    local browser
    if command -v chromium >/dev/null; then
        browser=chromium
    else
        need chromium chromium || true
        browser=$tmp/root/usr/lib/chromium/chromium
        [ -x "$browser" ] || return 1
    fi
    echo '<body style="background:#fff"><h1>rendered</h1><svg width="300" height="100"><rect width="300" height="100" fill="#06c"/></svg>' >"$tmp/page.html"
    HOME=$tmp "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --window-size=800,600 \
        --user-data-dir="$tmp/chromium" --screenshot="$tmp/page.png" "file://$tmp/page.html" >/dev/null 2>"$tmp/chromium.log"
    [ -s "$tmp/page.png" ] || { echo "no picture: $(tail -n 1 "$tmp/chromium.log" | cut -c1-120)"; return 1; }
    echo "$(HOME=$tmp "$browser" --version 2>/dev/null | cut -d' ' -f1-2 | cut -d. -f1), a page became a PNG of $(stat -c %s "$tmp/page.png") bytes"
    [ "$(head -c 4 "$tmp/page.png" | tail -c 3)" = PNG ] && [ "$(stat -c %s "$tmp/page.png")" -gt 1000 ]
}
export -f docker_engine kubernetes go_files user_mode_linux headless_chromium

# ---- the run ------------------------------------------------------------------------------------------------------

while IFS=$'\t' read -r what size; do
    if [ "$size" = absent ]; then row "cache: $what" no 0.0 absent; else row "cache: $what" yes 0.0 "$size before this run"; fi
done < <(if [ -s "${SPIKE_CACHES:-}" ]; then cat "$SPIKE_CACHES"; else caches; fi)

probe machine 10 machine
probe root 10 root
probe "network namespace" 20 netns
probe "mount namespace" 20 mountns
probe "pid namespace" 20 pidns
probe "time namespace" 20 timens
probe "user namespace" 20 "namespace user user"
probe cgroups 10 cgroups
probe "cgroup freezer" 20 freezer
probe "cgroup cpu" 20 cpu
probe "cgroup memory" 30 memory
probe "netem in this kernel" 10 netem
if [ "$quick" = yes ]; then
    for what in "nftables flags owner" "nftables timeouts" "Docker Engine" "User-Mode Linux" "headless Chromium" "Kubernetes from Go"; do
        row "$what" - 0.0 "left out by --quick"
    done
    exit 0
fi
probe "nftables flags owner" 90 nft_owner
probe "nftables timeouts" 30 nft_timeout
probe "Docker Engine" 180 docker_engine
probe "User-Mode Linux" 120 user_mode_linux
probe "headless Chromium" 180 headless_chromium
probe "Kubernetes from Go" "${SPIKE_GO_BUDGET_S:-900}" kubernetes
exit 0
