# A node with a kernel of its own: User-Mode Linux, whose kernel has netem. Sourced, not run.
# shellcheck shell=bash disable=SC2154
# Inside, lib/uml-init.sh is its first process. Its folder is, as on every node, /run/node inside, but for what needs a file
# system of its own kernel's: that lies in `disk`, an ext4 image. Commands reach it by files in `calls` (tools/calls.go),
# because no namespace of it can be entered from here.

uml_memory=640M
uml_disk=4G
uml_boot_s=${SHAKEDOWN_NETEM_BOOT_S:-60} # from power to its services; a test has less patience
uml_ready_s=120                           # from there to Ready
uml_tries=3

uml_root=$caches/packages-netem/root
uml_kernel=$uml_root/usr/bin/linux.uml

is_uml() { [ -e "$state/nodes/$1/disk" ]; }

# N ALL: its port of the switch is a tap; the interface behind it is made inside.
make_uml_port() {
    on_switch ip tuntap add "node-$1" mode tap
    ip -n "$switch" link set "node-$1" master switch up
    ip route replace "$pod_net.$1.0/24" via "$node_net.1$1"
}

# N: what make_node has written, and what a kernel of its own needs besides. A taint, because it is slow and its kernel lacks
# what others have: only pods that tolerate it come here.
make_uml_node() {
    local name=node-$1 folder=$state/nodes/node-$1 other
    [[ $state$caches$here != *[[:space:]]* ]] || fail "the kernel of $name takes no folder with a blank in its name: $state, $caches, $here"
    mkdir -p "$folder"/{calls,uml}
    truncate -s "$uml_disk" "$folder/disk"
    mkfs.ext4 -q -F -E lazy_itable_init=1,lazy_journal_init=1 "$folder/disk"
    cat >>"$folder/kubelet.yaml" <<'Y'
registerWithTaints: [{key: shakedown.dev/netem, value: "true", effect: NoSchedule}]
Y
    sed -i 's/--node-labels=/--node-labels=shakedown.dev\/netem=true,/' "$folder/services/kubelet"
    # What waits for a verdict of a program waits up to a second in this kernel: no load would ever be steady here.
    rm "$folder/services/policies"
    service "$folder/services/calls" "#!/bin/sh" "exec /run/caches/${tools_folder##*/}/tools calls /run/node/calls"
    {
        echo "address=$node_net.1$1 gateway=$control_ip"
        for other in $(seq "$(($1 - 1))"); do echo "way $pod_net.$other.0/24 $node_net.1$other"; done
    } >"$folder/network"
}

# NAME: switches it on, unless it has power, and looks whether it gets as far as its services; if not, its power is cut and it
# gets another try.
power_on_uml() {
    local try
    [ -x "$uml_kernel" ] || fail "there is no $uml_kernel; it comes with: deploy/cluster/build --netem"
    for try in $(seq $uml_tries); do
        [ -n "$(power_of "$1")" ] || boot_uml "$1"
        if waited "$uml_boot_s" test -e "$state/nodes/$1/running/kubelet"; then return 0; fi
        say "$1 has not booted within $uml_boot_s s (try $try of $uml_tries), its power is cut: $(tail -n 1 "$state/nodes/$1/log/machine")"
        power_off "$1"
    done
    fail "$1 does not boot; its log: $state/nodes/$1/log/machine"
}

# NAME: all its processes are in the node's control group: the kernel, and one for each address space inside.
boot_uml() {
    local folder=$state/nodes/$1
    remove_groups "$1"
    make_groups "$1"
    rm -rf "$folder/running" "$folder/calls" "$folder/uml"
    mkdir -p "$folder/running" "$folder/calls" "$folder/uml"
    (
        join_groups "$1"
        exec 9>&-
        cd /
        # Its memory is a file that must be executable: TMPDIR. The vector device's depth is in packets.
        exec env -i TMPDIR=/dev/shm HOME="$folder/uml" nsenter --net="/run/netns/$switch" -- setsid "$uml_kernel" \
            mem="$uml_memory" uml_dir="$folder/uml" umid=node ubd0="$folder/disk" vec0:transport=tap,ifname="$1",depth=128,gro=0 \
            rootfstype=hostfs rootflags=/ ro init="$here/lib/uml-init.sh" NODE="$1" FOLDER="$folder" IMAGES="$state/images" \
            CACHES="$caches" TOOLS="${tools_folder##*/}/tools" con=null con0=null,fd:1 quiet >>"$folder/log/machine" 2>&1 </dev/null
    ) &
    echo $! >"$folder/pid"
    disown
}

# SECONDS NAME: waits until it is Ready. One that has power and does not get as far as its kubelet is given another try.
wait_for_uml() {
    local try log=$state/nodes/$1/log/kubelet
    power_on_uml "$1"
    for try in $(seq $uml_tries); do
        if waited $uml_ready_s node_ready "$1"; then
            say "$1 Ready"
            return 0
        fi
        say "$1 was not Ready within $uml_ready_s s (try $try of $uml_tries); the last of its kubelet: $(tail -n 1 "$log" | cut -c1-200)"
        [ "$try" != $uml_tries ] || return 1
        cp "$log" "$log.try-$try"
        power_off "$1"
        power_on "$1"
    done
}

# NAME COMMAND...: runs a command in it, without input, and prints what it printed; its status, or 69 where nobody answers.
call_uml() {
    local name=$1 calls=$state/nodes/$1/calls id=$BASHPID-$RANDOM status
    shift
    printf '%s\0' "$@" >"$calls/$id.new"
    mv "$calls/$id.new" "$calls/$id.call"
    # As long as it has power: how long a command may take is its caller's matter.
    until [ -e "$calls/$id.status" ]; do
        power_of "$name" >/dev/null || break
        sleep 0.1
    done
    cat "$calls/$id.out" 2>/dev/null || true
    cat "$calls/$id.err" >&2 2>/dev/null || true
    status=$(cat "$calls/$id.status" 2>/dev/null) || status=69
    rm -f "$calls/$id".*
    return "$status"
}
