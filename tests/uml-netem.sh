#!/usr/bin/env bash
# Real netem for machines whose kernel has none: boots User-Mode Linux on this machine's files (read-only, no root, no
# /dev/kvm, 2 s) and runs the tests of netem in it.
#
#   tests/uml-netem.sh [TEST-BINARY [FILTER]]    TEST-BINARY: as `cargo test -p shakedown-runner --test net --no-run` names it
#
# Debian's packages user-mode-linux and busybox-static are fetched once and unpacked into target/uml.
# Ends with 0 when the tests passed in a kernel that has netem.
set -u -o pipefail

# Loads a module after those that it names.
load() {
    local file needed
    [ -e "/sys/module/$1" ] && return 0
    file=$(find "$UML_MODULES" -name "$1.ko" -o -name "${1//_/-}.ko" | head -n 1)
    [ -n "$file" ] || { echo "no module $1"; return 1; }
    needed=$(tr '\0' '\n' <"$file" | grep -a '^depends=' | head -n 1)
    for needed in $(echo "${needed#depends=}" | tr ',' ' '); do load "$needed"; done
    "$BUSYBOX" insmod "$file"
}

# Inside: this script is the first process of the other kernel.
if [ $$ = 1 ]; then
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin
    mount -t proc proc /proc
    mount -t sysfs sys /sys
    # The files are looked for here, so that they are found also when they lie below what is mounted next.
    mount --bind / /mnt
    mount -t tmpfs tmp /run
    mount -t tmpfs tmp /tmp
    for module in sch_netem sch_htb sch_tbf cls_u32 veth bridge nf_tables; do load $module; done
    echo "up: $(uname -sr)"
    "/mnt$TESTS" "$FILTER" --test-threads=1
    status=$?
    grep -q '^sch_netem' /proc/modules || { echo "this kernel has no netem either"; status=1; }
    echo "ended with $status in $(uname -r)"
    "$BUSYBOX" poweroff -f
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 70
root="$PWD/target/uml"
# PACKAGE FILE: unpacked once, without being installed.
fetch() {
    [ -x "$root/$2" ] && return 0
    mkdir -p "$root/download"
    (cd "$root/download" && { apt-get -q download "$1" || { apt-get -q update && apt-get -q download "$1"; }; }) &&
        dpkg -x "$root/download/$1"_*.deb "$root"
}
fetch user-mode-linux usr/bin/linux.uml || exit 69
fetch busybox-static bin/busybox || exit 69

tests=${1:-$(cargo test -q -p shakedown-runner --test net --no-run --message-format=json |
    grep -o '"executable":"[^"]*/net-[^"]*"' | cut -d'"' -f4 | tail -n 1)}
tests=$(readlink -f "$tests")
[ -x "$tests" ] || { echo "no test binary: $tests" >&2; exit 64; }
log="$root/log"
# Its memory is a file that must be executable: TMPDIR.
TMPDIR=/dev/shm timeout 300 "$root/usr/bin/linux.uml" mem=256M rootfstype=hostfs rootflags=/ ro \
    init="$PWD/tests/uml-netem.sh" UML_MODULES="/mnt$root/usr/lib/uml/modules" BUSYBOX="/mnt$root/bin/busybox" \
    TESTS="$tests" FILTER="${2:-qdisc::netem}" con=null con0=null,fd:1 quiet </dev/null 2>&1 | tee "$log"
grep -q '^ended with 0 in ' "$log"
