#!/usr/bin/env bash
# A Docker Engine for the tests, which changes nothing of this machine: no rule of its firewall, no setting of its
# kernel, no default bridge. It runs in a mount namespace of its own, in the network namespace of this machine, so that
# containers are reached by their addresses.
#
#   tests/docker-engine.sh start FOLDER    starts one and prints its address, to be used as DOCKER_HOST
#   tests/docker-engine.sh stop FOLDER     ends it with everything in it
#
# An engine that answers already (DOCKER_HOST, or the usual socket) is used instead, and stop leaves it alone.
# Programs that are missing are unpacked from the distribution's packages into FOLDER, not installed.
# Exit 69: there is none, and none can be had; the reason is printed.
set -u -o pipefail

[ $# = 2 ] || { sed -n '5,6p' "$0" >&2; exit 64; }
command=$1
mkdir -p "$2" || exit 69
folder=$(cd "$2" && pwd)
socket=$folder/docker.sock

none() { echo "no Docker Engine: $*" >&2; exit 69; }

# PROGRAM PACKAGE...: sees to it that the program can be run.
need() {
    local program=$1 package
    shift
    command -v "$program" >/dev/null && return 0
    command -v apt-get >/dev/null || none "$program is missing, and there is no apt-get"
    mkdir -p "$folder/apt/archives/partial" "$folder/root"
    apt-cache show "$1" >/dev/null 2>&1 || timeout 60 apt-get update -qq >/dev/null 2>&1
    timeout 240 apt-get install -y -qq --no-install-recommends --reinstall --download-only -o Debug::NoLocking=1 \
        -o Dir::Cache::archives="$folder/apt/archives" "$@" >/dev/null 2>"$folder/apt.log" ||
        none "the package $1 cannot be had: $(tail -n 1 "$folder/apt.log")"
    for package in "$folder"/apt/archives/*.deb; do
        dpkg -x "$package" "$folder/root" && rm -f "$package"
    done
    command -v "$program" >/dev/null || none "$program is not in the package $1"
}
export PATH="$PATH:$folder/root/usr/bin:$folder/root/usr/sbin"
libraries="$folder/root/usr/lib/$(uname -m)-linux-gnu"
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$libraries"

answers() { # ADDRESS
    docker -H "$1" version --format '{{.Server.Version}}' >/dev/null 2>&1
}

start() {
    local address pid
    need nft nftables
    for address in "${DOCKER_HOST:-}" unix:///var/run/docker.sock "unix://$socket"; do
        [ -n "$address" ] && command -v docker >/dev/null && answers "$address" && { echo "$address"; return 0; }
    done
    [ "$(id -u)" = 0 ] || none "starting one takes root"
    need dockerd docker.io
    need docker docker.io
    rm -f "$socket" "$folder/dockerd.pid"
    # Its /run is its own: pid files and sockets of another engine are not seen, and none of these stay behind.
    setsid unshare --mount bash -c 'mount --make-rprivate / && mount -t tmpfs docker /run || exit 69
        echo $$ >"$1/shell.pid"
        exec dockerd --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/dockerd.pid" -H "unix://$1/docker.sock" \
            --bridge none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false' \
        dockerd "$folder" >"$folder/dockerd.log" 2>&1 </dev/null &
    for _ in $(seq 120); do
        sleep 0.25
        answers "unix://$socket" && { echo "unix://$socket"; return 0; }
        pid=$(cat "$folder/shell.pid" 2>/dev/null) || continue
        kill -0 "$pid" 2>/dev/null || break
    done
    tail -n 20 "$folder/dockerd.log" >&2
    stop
    none "dockerd did not answer"
}

stop() {
    local pid containerd all
    pid=$(cat "$folder/shell.pid" 2>/dev/null) || return 0
    if answers "unix://$socket"; then
        export DOCKER_HOST="unix://$socket"
        all=$(docker ps -aq)
        # shellcheck disable=SC2086 # one word a container
        [ -z "$all" ] || docker rm --force --volumes $all >/dev/null
        docker network prune --force >/dev/null
    fi
    containerd=$(pgrep -P "$pid" containerd | head -n 1)
    kill -TERM "$pid" 2>/dev/null
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" ${containerd:+"$containerd"} 2>/dev/null
    # Packages that were unpacked are kept for the next time; what the engine made is not.
    grep -o " $folder/[^ ]* " /proc/self/mounts | tr -d ' ' | sort -r | while read -r place; do umount -l "$place"; done
    rm -rf "$folder/data" "$folder/exec" "$folder/docker.sock" "$folder/dockerd.pid" "$folder/shell.pid"
    # Docker leaves its parent group behind, empty.
    rmdir /sys/fs/cgroup/{,*/}docker 2>/dev/null
    return 0
}

case $command in
    start) start ;;
    stop) stop ;;
    *) sed -n '5,6p' "$0" >&2; exit 64 ;;
esac
