# Taking everything away again, whatever state it is in. Sourced, not run. # shellcheck shell=bash

# What kubelets set for the whole machine.
settings="vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes"

# What is of one cluster below its state folder; the logs are kept until the next start.
state_parts="control-proxy.yaml etcd nodes keys kubeconfig kubectl images pids addons.yaml flexvolume"

# Notes the settings, unless an earlier cluster's are still to be put back.
save_settings() {
    local setting
    [ -f "$machine_run/settings" ] && return 0
    for setting in $settings; do echo "$setting $(cat "/proc/sys/$setting")"; done >"$machine_run/settings.new"
    mv "$machine_run/settings.new" "$machine_run/settings"
}

restore_settings() {
    local setting value
    [ -f "$machine_run/settings" ] || return 0
    while read -r setting value; do
        [ "$(cat "/proc/sys/$setting")" = "$value" ] || echo "$value" >"/proc/sys/$setting"
    done <"$machine_run/settings"
    rm -f "$machine_run/settings"
}

# What the control plane's proxy has put into this machine's rules.
remove_proxy_tables() {
    local family
    for family in ip ip6; do
        control_nft list table "$family" kube-proxy >/dev/null 2>&1 || continue
        control_nft delete table "$family" kube-proxy || return 1
    done
}
control_nft() { env LD_LIBRARY_PATH="$(libraries_path "$caches")" nft "$@"; }

# Groups that a cluster has left, but for the one of the lock's keeper.
cluster_groups() {
    local hierarchy
    for hierarchy in $(hierarchies); do
        find "$hierarchy/$cgroup_name" -mindepth 1 -maxdepth 1 -type d ! -name keeper -printf '%f\n' 2>/dev/null || true
    done | sort -u
}

# Ends all processes and removes what they lived in. Also what a cluster that died half-way has left, wherever its state was.
clean_machine() {
    local name status=0
    for name in $(cluster_groups); do
        empty_group "$name" || status=1
        remove_groups "$name" || status=1
    done
    for name in $(ip netns list 2>/dev/null | awk '$1 ~ /^shk-(switch|node-[0-9]+)$/ { print $1 }'); do
        ip netns delete "$name" || status=1
    done
    if [ -f "$machine_run/made-netns" ] && [ -z "$(ls -A /run/netns)" ]; then
        umount /run/netns && rmdir /run/netns || status=1
    fi
    # Its other end, and the routes through it, go with it.
    [ ! -e /sys/class/net/shk-control ] || ip link delete shk-control || status=1
    remove_proxy_tables || status=1
    restore_settings
    return $status
}

# The pid of the process that keeps the lock, if there is one.
keeper() {
    local pid
    pid=$(sed -n 's/^pid \([0-9]*\),.*/\1/p' "$machine_run/lock" 2>/dev/null) && [ -n "$pid" ] &&
        tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF " hold $machine_run " && echo "$pid"
}
keeper_state() { sed -n 's/^pid [0-9]*, state in //p' "$machine_run/lock" 2>/dev/null; }

remove_state() {
    local part node
    mkdir -p "$state/log"
    for node in "$state"/nodes/node-*; do
        [ -d "$node/log" ] || continue
        rm -rf "$state/log/${node##*/}"
        mv "$node/log" "$state/log/${node##*/}"
    done
    for part in $state_parts; do rm -rf "${state:?}/$part"; done
    rm -f "$state/shakedown-cluster"
}
