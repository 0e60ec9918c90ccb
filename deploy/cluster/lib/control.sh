# The control plane: etcd, API server, controller manager, scheduler, in the network namespace of this machine, on an address
# that only the switch and this machine reach. Sourced, not run. # shellcheck shell=bash

# NAME COMMAND...: starts a program in the cluster's control group, with its log and its pid in the state folder.
run_control() {
    local name=$1
    shift
    mkdir -p "$state/log" "$state/pids"
    (
        join_groups control
        exec 9>&-
        cd /
        exec env -i PATH="$PATH" HOME=/root setsid "$@" >>"$state/log/$name" 2>&1 </dev/null
    ) &
    echo $! >"$state/pids/$name"
    disown
}

start_etcd() {
    # Speed before durability: its machine is this machine, and it is never cut off from power by itself.
    run_control etcd env LD_LIBRARY_PATH="$(libraries_path "$caches")" etcd --data-dir "$state/etcd" --unsafe-no-fsync \
        --listen-client-urls http://127.0.0.1:23790 --advertise-client-urls http://127.0.0.1:23790 \
        --listen-peer-urls http://127.0.0.1:23800 --initial-advertise-peer-urls http://127.0.0.1:23800 \
        --initial-cluster default=http://127.0.0.1:23800
}

start_apiserver() {
    local keys=$state/keys
    run_control apiserver "$kube_folder/kube-apiserver" --etcd-servers=http://127.0.0.1:23790 \
        "--bind-address=$control_ip" "--advertise-address=$control_ip" --secure-port=6443 \
        "--service-cluster-ip-range=$service_net" --authorization-mode=Node,RBAC \
        --enable-admission-plugins=NodeRestriction --allow-privileged=true --profiling=false \
        --client-ca-file="$keys/ca.crt" --tls-cert-file="$keys/apiserver.crt" --tls-private-key-file="$keys/apiserver.key" \
        --kubelet-client-certificate="$keys/kubelet-client.crt" --kubelet-client-key="$keys/kubelet-client.key" \
        --kubelet-certificate-authority="$keys/ca.crt" --kubelet-preferred-address-types=InternalIP \
        --service-account-key-file="$keys/accounts.pub" --service-account-signing-key-file="$keys/accounts.key" \
        --service-account-issuer=https://kubernetes.default.svc.cluster.local \
        --requestheader-client-ca-file="$keys/front-ca.crt" --requestheader-allowed-names=front-proxy \
        --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
        --requestheader-username-headers=X-Remote-User --proxy-client-cert-file="$keys/front.crt" \
        --proxy-client-key-file="$keys/front.key" --enable-aggregator-routing=true \
        --default-not-ready-toleration-seconds=5 --default-unreachable-toleration-seconds=5
}

start_controller_manager() {
    run_control controller-manager "$kube_folder/kube-controller-manager" \
        --kubeconfig="$state/kubeconfig/controller-manager" --bind-address=127.0.0.1 --leader-elect=false \
        --root-ca-file="$state/keys/ca.crt" --service-account-private-key-file="$state/keys/accounts.key" \
        --use-service-account-credentials=true "--cluster-cidr=$pod_net.0.0/16" --allocate-node-cidrs=false \
        --node-monitor-period=1s --node-monitor-grace-period=6s --node-eviction-rate=10 \
        --secondary-node-eviction-rate=10 --large-cluster-size-threshold=0 \
        --flex-volume-plugin-dir="$state/flexvolume" --profiling=false
}

start_scheduler() {
    run_control scheduler "$kube_folder/kube-scheduler" --kubeconfig="$state/kubeconfig/scheduler" \
        --bind-address=127.0.0.1 --leader-elect=false --profiling=false
}

# Addresses of services are reached from this machine as from any node: its rules are in a table of their own, and answers come
# back to where the questions came from. It goes by the name of a node: for one that does not exist it would wait for 30 s.
start_control_proxy() {
    ip route replace "$service_net" dev shk-control
    cat >"$state/control-proxy.yaml" <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $state/kubeconfig/proxy}
bindAddress: $control_ip
nodePortAddresses: [$control_ip/32]
healthzBindAddress: 127.0.0.1:10266
metricsBindAddress: 127.0.0.1:10269
mode: nftables
clusterCIDR: $pod_net.0.0/16
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
Y
    run_control proxy env HTTP2_READ_IDLE_TIMEOUT_SECONDS=2 HTTP2_PING_TIMEOUT_SECONDS=2 \
        LD_LIBRARY_PATH="$(libraries_path "$caches")" \
        "$kube_folder/kube-proxy" --config="$state/control-proxy.yaml" --hostname-override=node-1
}

etcd_healthy() { (exec 3<>/dev/tcp/127.0.0.1/23790 && printf 'GET /health HTTP/1.0\r\n\r\n' >&3 && grep -q true <&3) 2>/dev/null; }
apiserver_ready() { timeout 5 kubectl --kubeconfig "$state/kubeconfig/admin" get --raw /readyz; }

# NAME: why it did not come, for people.
died() {
    tail -n 15 "$state/log/$1" >&2 || true
    fail "$1 does not answer; its log: $state/log/$1"
}

start_control_plane() {
    make_groups control
    start_etcd
    wait_for 20 "etcd answers" etcd_healthy || died etcd
    start_apiserver
    wait_for 60 "API server ready" apiserver_ready || died apiserver
    start_controller_manager
    start_scheduler
    start_control_proxy
}
