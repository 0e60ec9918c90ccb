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
    power_of "$1" >/dev/null || return 0
    in_node "$1" ctr -a /run/containerd/containerd.sock -n k8s.io images import "/run/images/$(basename "$2")" >/dev/null
}

# NODE COMMAND...: runs a command in a node that has power.
in_node() {
    local enter=(call_uml "$1")
    is_uml "$1" || enter=(nsenter -t "$(power_of "$1")" -m -u -i -n -p -C --)
    shift
    "${enter[@]}" env PATH="$(programs_path /run/caches):$PATH" \
        LD_LIBRARY_PATH="$(libraries_path /run/caches)" \
        XTABLES_LIBDIR="$(libraries_path /run/caches)/xtables" "$@"
}
