# The switch and the ports of the nodes. Sourced, not run.
# shellcheck shell=bash
# The switch lies in a network namespace of its own, so that the firewall of this machine (Docker's, say) never sees what
# nodes say to each other. Links are cut by rules in its table `links`, by name of port: node-1 ... and control-plane.

on_switch() { nsenter "--net=/run/netns/$switch" -- "$@"; }
switch_nft() { on_switch env LD_LIBRARY_PATH="$(libraries_path "$caches")" nft "$@"; }

make_switch() {
    # `ip` makes this folder, and a mount of it.
    [ -e /run/netns ] || touch "$machine_run/made-netns"
    ip netns add "$switch"
    ip -n "$switch" link set lo up
    ip -n "$switch" link add switch type bridge
    ip -n "$switch" link set switch up
    local setting
    for setting in iptables ip6tables arptables; do
        on_switch sh -c "echo 0 >/proc/sys/net/bridge/bridge-nf-call-$setting" 2>/dev/null || true
    done
    ip link add shk-control type veth peer name control-plane netns "$switch"
    ip -n "$switch" link set control-plane master switch up
    ip address add "$control_ip/24" dev shk-control
    ip link set shk-control up
    switch_nft -f - <<'N'
table bridge links {
    chain cut {
        type filter hook forward priority 0; policy accept;
    }
}
N
}

# N: the network namespace of a node, with a leg in the switch and ways to the pods of all nodes.
make_port() {
    local name=node-$1 other
    ip netns add "shk-$name"
    ip -n "shk-$name" link set lo up
    ip link add eth0 netns "shk-$name" type veth peer name "$name" netns "$switch"
    ip -n "$switch" link set "$name" master switch up
    ip -n "shk-$name" address add "$node_net.1$1/24" dev eth0
    ip -n "shk-$name" link set eth0 up
    ip -n "shk-$name" route add default via "$control_ip"
    for other in $(seq "$2"); do
        [ "$other" = "$1" ] || ip -n "shk-$name" route add "$pod_net.$other.0/24" via "$node_net.1$other"
    done
    ip route replace "$pod_net.$1.0/24" via "$node_net.1$1"
    nsenter --net="/run/netns/shk-$name" -- sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables' 2>/dev/null || true
}

# What `up` must not run into: addresses that this machine uses already.
free_ranges() {
    local taken
    taken=$(ip -4 route show | awk '$1 ~ /^10\.11[123]\./ && $0 !~ /shk-control/ { print $1, $2, $3 }' | head -n 1)
    [ -z "$taken" ] || fail "this machine has a route already in a range of the cluster's: $taken"
}
