# What a node has on its disk, and its power switch. Sourced, not run. # shellcheck shell=bash
# In the node its folder is /run/node, the images /run/images, the programs /run/caches (tools/machine.go).

# NUMBER: writes the node's files; they say nothing about where the state folder is.
make_node() {
    local name=node-$1 ip=$node_net.1$1 zones=(c a b) folder
    folder=$state/nodes/$name
    mkdir -p "$folder"/{kubelet,containerd,cni,log,pods,services,running,overlay,keys}
    cp "$state/kubeconfig/$name" "$folder/keys/kubelet.config"
    cp "$state/kubeconfig/proxy" "$folder/keys/proxy.config"
    cp "$state/kubeconfig/policies" "$folder/keys/policies.config"
    cp "$state/keys/$name.crt" "$folder/keys/kubelet.crt"
    cp "$state/keys/$name.key" "$folder/keys/kubelet.key"
    cp "$state/keys/ca.crt" "$folder/keys/ca.crt"
    chmod 700 "$folder/keys"
    : >"$folder/resolv.conf"
    containerd_config >"$folder/containerd.toml"
    cni_config "$1" >"$folder/cni/10-shakedown.conflist"
    kubelet_config "$ip" >"$folder/kubelet.yaml"
    proxy_config "$ip" >"$folder/proxy.yaml"
    service_files "$folder/services" "$name" "$ip" "zone-${zones[$(($1 % 3))]}"
}

containerd_config() {
    cat <<'T'
version = 2
root = "/run/node/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  disable_apparmor = true
  # Machines without CAP_SYS_RESOURCE cannot lower oom_score_adj, as the sandbox wants it.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "/run/caches/packages/root/usr/sbin/runc"
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/run/caches/packages/root/usr/lib/cni"
    conf_dir = "/run/node/cni"
T
}

cni_config() { # NUMBER
    cat <<J
{"cniVersion": "0.4.0", "name": "shakedown", "plugins": [
 {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
  "ipam": {"type": "host-local", "dataDir": "/run/cni-addresses",
           "ranges": [[{"subnet": "$pod_net.$1.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
 {"type": "portmap", "capabilities": {"portMappings": true}}]}
J
}

kubelet_config() { # ADDRESS
    cat <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $1
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: /run/node/keys/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: /run/node/keys/kubelet.crt
tlsPrivateKeyFile: /run/node/keys/kubelet.key
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
clusterDNS: [$dns_ip]
clusterDomain: cluster.local
resolvConf: /run/node/resolv.conf
podLogsDir: /run/node/pods
volumePluginDir: /run/node/plugins
nodeStatusUpdateFrequency: 2s
nodeLeaseDurationSeconds: 4
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
maxPods: 60
syncFrequency: 10s
shutdownGracePeriod: 0s
Y
}

proxy_config() { # ADDRESS
    cat <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: /run/node/keys/proxy.config}
bindAddress: $1
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
mode: iptables
clusterCIDR: $pod_net.0.0/16
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
Y
}

# FOLDER NAME ADDRESS ZONE: what pid 1 of the node starts, in the order of the names.
service_files() {
    local kube=/run/caches/${kube_folder##*/} addons=/run/caches/${addons_folder##*/} pods=$pod_net.${2#node-}.0/24 head
    # The last line: idle connections are asked after, so that a healed link is used at once and not when TCP tries again.
    head="#!/bin/bash
export PATH=$(programs_path /run/caches):\$PATH
export LD_LIBRARY_PATH=$(libraries_path /run/caches) XTABLES_LIBDIR=$(libraries_path /run/caches)/xtables
export HTTP2_READ_IDLE_TIMEOUT_SECONDS=2 HTTP2_PING_TIMEOUT_SECONDS=2"
    service "$1/containerd" "$head" "exec containerd --config /run/node/containerd.toml"
    service "$1/kubelet" "$head" "export CONTAINERD_ADDRESS=/run/containerd/containerd.sock
until ctr version >/dev/null 2>&1; do sleep 0.1; done
for image in /run/images/*.tar; do
    mark=/run/node/imported/\$(basename \"\$image\").\$(stat -c %i-%s-%Y \"\$image\")
    [ -e \"\$mark\" ] || { ctr -n k8s.io images import \"\$image\" && mkdir -p /run/node/imported && touch \"\$mark\"; }
done
exec $kube/kubelet --config=/run/node/kubelet.yaml --kubeconfig=/run/node/keys/kubelet.config --hostname-override=$2 \\
    --node-ip=$3 --root-dir=/run/node/kubelet --cert-dir=/run/node/kubelet/pki \\
    --node-labels=topology.kubernetes.io/region=local,topology.kubernetes.io/zone=$4"
    service "$1/proxy" "$head" "exec $kube/kube-proxy --config=/run/node/proxy.yaml --hostname-override=$2"
    # A kernel without nftables' queue: the same by iptables. Before addresses are rewritten on the way out, first packets
    # of connections from and to pods of this node are handed over; what the node itself sends (probes of the kubelet) is not.
    service "$1/policies" "$head" "if ! nft -c 'add table inet t; add chain inet t c; add rule inet t c queue num 100 bypass' 2>/dev/null; then
    iptables -w -t mangle -N SHK-POLICIES 2>/dev/null && {
        iptables -w -t mangle -A SHK-POLICIES -m owner --uid-owner 0 -j RETURN
        iptables -w -t mangle -A SHK-POLICIES -m connlabel --label 100 -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
        iptables -w -t mangle -A SHK-POLICIES -s $pods -j NFQUEUE --queue-num 100 --queue-bypass
        iptables -w -t mangle -A SHK-POLICIES -d $pods -j NFQUEUE --queue-num 100 --queue-bypass
        iptables -w -t mangle -A POSTROUTING -j SHK-POLICIES
    }
fi
exec $addons/addons network-policies --kubeconfig /run/node/keys/policies.config --node $2 \\
    --logtostderr=false --log_file=/dev/null --stderrthreshold=ERROR"
}
service() { # FILE HEAD COMMANDS
    printf '%s\n%s\n' "$2" "$3" >"$1"
    chmod 755 "$1"
}

# NAME: the pid, seen from here, of the node's first process, if it has power.
power_of() {
    if is_uml "$1"; then
        pid_of "$state/nodes/$1/pid" "ubd0=$state/nodes/$1/disk"
    else
        pid_of "$state/nodes/$1/pid" "machine init"
    fi
}

# NAME: switches a node on.
power_on() {
    local folder=$state/nodes/$1
    [ -z "$(power_of "$1")" ] || return 0
    if is_uml "$1"; then
        power_on_uml "$1"
        return
    fi
    remove_groups "$1"
    make_groups "$1"
    rm -f "$folder"/running/*
    (
        join_groups "$1"
        exec 9>&-
        # A machine knows nothing of who has switched it on.
        cd /
        exec env -i PATH="$PATH" HOME=/root nsenter --net="/run/netns/shk-$1" -- "$tools" machine start "$folder" "$1" \
            "$state/images=/run/images" "$caches=/run/caches" >/dev/null </dev/null
    ) || fail "$1 does not boot; its log: $folder/log/machine"
}

# NAME: cuts a node's power: its first process is killed, and with it, by the kernel, all others. A kernel of its own comes last.
power_off() {
    local pid
    if ! is_uml "$1"; then
        pid=$(power_of "$1") && kill -KILL "$pid"
    fi
    empty_group "$1"
}

node_ready() { # NAME
    [ "$(kubectl_admin get node "$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)" = True ]
}
