# Keys, certificates and kubeconfigs, by openssl. Sourced, not run. # shellcheck shell=bash
# One authority for the cluster, one for the aggregation layer. All of it lives in the state folder and dies with it.

key() { [ -f "$1.key" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

# NAME: an authority.
authority() {
    [ ! -f "$1.crt" ] || return 0
    key "$1"
    openssl req -x509 -new -key "$1.key" -days 3650 -subj "/CN=shakedown-$1" -out "$1.crt" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

# AUTHORITY NAME SUBJECT [ALTERNATIVE-NAMES]
certificate() {
    [ ! -f "$2.crt" ] || return 0
    key "$2"
    {
        printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n'
        printf 'extendedKeyUsage=serverAuth,clientAuth\n'
        [ -z "${4-}" ] || echo "subjectAltName=$4"
    } >"$2.extensions"
    openssl req -new -key "$2.key" -subj "$3" -out "$2.request"
    openssl x509 -req -in "$2.request" -CA "$1.crt" -CAkey "$1.key" -CAcreateserial -days 3650 \
        -extfile "$2.extensions" -out "$2.crt" 2>/dev/null
    rm -f "$2.extensions" "$2.request"
}

# NAME OUTPUT: a kubeconfig with everything in it.
kubeconfig() {
    cat >"$2" <<Y
apiVersion: v1
kind: Config
clusters: [{name: shakedown, cluster: {server: $api, certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
contexts: [{name: shakedown, context: {cluster: shakedown, user: $1}}]
current-context: shakedown
Y
    chmod 600 "$2"
}

make_keys() ( # COUNT
    local cluster=DNS:kubernetes.default.svc.cluster.local number name
    mkdir -p "$state/keys" "$state/kubeconfig"
    chmod 700 "$state/keys" "$state/kubeconfig"
    cd "$state/keys" || exit
    authority ca
    authority front-ca
    certificate ca apiserver /CN=kube-apiserver \
        "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,$cluster,IP:$control_ip,IP:$service_ip,IP:127.0.0.1"
    certificate ca kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
    certificate front-ca front /CN=front-proxy
    key accounts
    openssl ec -in accounts.key -pubout -out accounts.pub 2>/dev/null
    certificate ca admin /O=system:masters/CN=admin
    certificate ca controller-manager /CN=system:kube-controller-manager
    certificate ca scheduler /CN=system:kube-scheduler
    certificate ca proxy /CN=system:kube-proxy
    certificate ca policies /CN=system:network-policies
    for name in admin controller-manager scheduler proxy policies; do kubeconfig "$name" "$state/kubeconfig/$name"; done
    for number in $(seq "$1"); do
        name=node-$number
        certificate ca "$name" "/O=system:nodes/CN=system:node:$name" "DNS:$name,IP:$node_net.1$number"
        kubeconfig "$name" "$state/kubeconfig/$name"
    done
)
