# Control groups: everything of the cluster is in the group `shk-cluster` of each hierarchy, so that it can be found and
# ended whatever became of the commands that began it. Sourced, not run. # shellcheck shell=bash

hierarchies() { awk '/ - cgroup2? / && $5 ~ "^/sys/fs/cgroup/" { print $5 }' /proc/self/mountinfo; }

# Kubelets of this version take hierarchies of version 1, one per controller, which is also what this was tried with.
need_groups() {
    [[ -d /sys/fs/cgroup/memory && -d /sys/fs/cgroup/pids ]] ||
        fail "this machine has control groups of version 2 only; needed is version 1 (hybrid): boot with systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1"
}

# NAME: the group of a node, or of the control plane, in each hierarchy.
make_groups() {
    local hierarchy group setting
    for hierarchy in $(hierarchies); do
        group=$hierarchy/$cgroup_name/$1
        mkdir -p "$group"
        # A new group of cpuset is empty until it is told.
        for setting in cpus mems; do
            [ ! -f "$hierarchy/cpuset.$setting" ] || [ "$(stat -fc %T "$hierarchy")" = cgroup2fs ] || {
                cat "$hierarchy/cpuset.$setting" >"$hierarchy/$cgroup_name/cpuset.$setting"
                cat "$hierarchy/cpuset.$setting" >"$group/cpuset.$setting"
            }
        done
    done
}

# NAME: the calling process, to be called in a subshell, joins the group.
join_groups() {
    local hierarchy
    for hierarchy in $(hierarchies); do echo "$BASHPID" >"$hierarchy/$cgroup_name/$1/cgroup.procs"; done
}

# NAME: the pids in a group and below it; no name is all that is the cluster's.
group_pids() {
    local hierarchy
    for hierarchy in $(hierarchies); do
        find "$hierarchy/$cgroup_name${1:+/$1}" -name cgroup.procs -exec cat {} + 2>/dev/null || true
    done | sort -un
}

# NAME: kills what another process of the group traces, which is how a kernel in user mode runs its programs. Without their
# tracer they would run on, on the kernel of this machine: so it is stopped, they are killed, and it comes last.
kill_traced() {
    local tracers traced
    tracers=$(tracing "$1" | cut -d' ' -f1 | sort -u)
    [ -n "$tracers" ] || return 0
    # shellcheck disable=SC2086 # one word a pid
    kill -STOP $tracers 2>/dev/null || true
    for _ in $(seq 100); do
        traced=$(tracing "$1" | cut -d' ' -f2)
        [ -n "$traced" ] || return 0
        # shellcheck disable=SC2086 # one word a pid
        kill -KILL $traced 2>/dev/null || true
        sleep 0.01
    done
}
# NAME: `TRACER PID` for each process of a group that is traced and has not ended.
tracing() {
    local pid
    for pid in $(group_pids "$1"); do
        awk -v pid="$pid" '$1 == "State:" { over = $2 == "Z" || $2 == "X" } $1 == "TracerPid:" && $2 && !over { print $2, pid }' \
            "/proc/$pid/status" 2>/dev/null || true
    done
}

# NAME: kills everything in a group, also what is frozen; says if something is left.
empty_group() {
    local pids file
    for _ in $(seq 100); do
        pids=$(group_pids "$1")
        [ -n "$pids" ] || return 0
        kill_traced "$1"
        find "/sys/fs/cgroup/freezer/$cgroup_name${1:+/$1}" -name freezer.state 2>/dev/null | while read -r file; do
            echo THAWED >"$file" 2>/dev/null || true
        done
        # shellcheck disable=SC2086 # one word a pid
        kill -KILL $pids 2>/dev/null || true
        sleep 0.05
    done
    echo "still there after 5 s: $pids" >&2
    return 1
}

# NAME [KEEP]: removes groups, deepest first; with KEEP only those below. What a power cut leaves costs the next kubelet
# seconds for each.
remove_groups() {
    local hierarchy least=0 left
    [ -z "${2-}" ] || least=1
    for _ in $(seq 40); do
        left=""
        for hierarchy in $(hierarchies); do
            [ -d "$hierarchy/$cgroup_name${1:+/$1}" ] || continue
            find "$hierarchy/$cgroup_name${1:+/$1}" -mindepth $least -depth -type d -exec rmdir {} + 2>/dev/null || true
            left+=$(find "$hierarchy/$cgroup_name${1:+/$1}" -mindepth $least -type d 2>/dev/null | head -n 1 || true)
        done
        [ -n "$left" ] || return 0
        sleep 0.05
    done
    echo "cannot be removed: $left" >&2
    return 1
}
