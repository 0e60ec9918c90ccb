# Images without a registry. Sourced, not run. # shellcheck shell=bash

# NAME:TAG FILE PATH [ARGUMENT...]: keeps an archive in the state folder; nodes that boot take it in. Prints where it is.
keep_image() {
    local name=$1 file=$2 inside=$3 target libraries=()
    shift 3
    [[ $name == *:* ]] || fail "an image has a tag: $name:1"
    [ -x "$file" ] || fail "there is no program $file"
    # Of a static program it says that it is no dynamic one, and fails.
    mapfile -t libraries < <(ldd "$file" 2>/dev/null | grep -o '/[^ ]*' || true)
    mkdir -p "$state/images"
    target=$state/images/$(tr '/:' '__' <<<"$name").tar
    "$tools" archive "$target.new" "$name" "$file" "$inside" "${libraries[@]}" -- "$@" || fail "there is no image of $file"
    mv "$target.new" "$target"
    echo "$target"
}

# NODE ARCHIVE: takes an image in at once.
import_image() {
    local pid
    pid=$(power_of "$1") || return 0
    in_node "$pid" ctr -a /run/containerd/containerd.sock -n k8s.io images import "/run/images/$(basename "$2")" >/dev/null
}

# PID COMMAND...: runs a command in the node whose first process is PID.
in_node() {
    local pid=$1
    shift
    nsenter -t "$pid" -m -u -i -n -p -C -- env PATH="$(programs_path /run/caches):$PATH" \
        LD_LIBRARY_PATH="$(libraries_path /run/caches)" \
        XTABLES_LIBDIR="$(libraries_path /run/caches)/xtables" "$@"
}
