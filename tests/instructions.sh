#!/usr/bin/env bash
# Holds the instructions of the functions that every request goes through to what was noted (load/benches/instructions.tsv).
#
#   tests/instructions.sh              red when one of them needs 6 % more
#   tests/instructions.sh --record     notes what they need now, after a change that is meant
#
# They are counted by valgrind: Debian's package is unpacked into ${XDG_CACHE_HOME:-~/.cache}/shakedown when there is none.
# Exit 69: valgrind cannot be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if ! command -v valgrind >/dev/null; then
    root=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/shakedown/valgrind
    if [ ! -x "$root/usr/bin/valgrind" ]; then
        mkdir -p "$root"
        download() { (cd "$root" && timeout 300 apt-get download -qq -o APT::Sandbox::User=root valgrind) >/dev/null 2>&1; }
        download || { timeout 120 apt-get update -qq >/dev/null 2>&1; download; } || {
            echo "tests/instructions.sh: there is no valgrind, and Debian's package cannot be had" >&2
            exit 69
        }
        dpkg -x "$root"/valgrind_*.deb "$root"
        rm -f "$root"/valgrind_*.deb
    fi
    export PATH=$root/usr/bin:$PATH VALGRIND_LIB=$root/usr/libexec/valgrind
fi
exec cargo bench -q --workspace --bench instructions -- "$@"
