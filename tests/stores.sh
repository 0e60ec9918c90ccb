#!/usr/bin/env bash
# The tests of stores, with servers of PostgreSQL: installed ones, else those of Debian's packages, which are unpacked into
# the target folder and not installed. Exit 69: they cannot be had.
set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

none() { echo "no PostgreSQL: $*" >&2; exit 69; }

# Unpacks a server with what it needs and this machine does not have, and names the folder of its programs.
unpack() {
    local folder package
    folder=$(realpath -m "${CARGO_TARGET_DIR:-target}/stages/postgresql")
    if [ ! -x "$folder/root/usr/lib/postgresql/15/bin/psql" ]; then
        command -v apt-get >/dev/null || none "it is missing, and there is no apt-get"
        mkdir -p "$folder/archives/partial" "$folder/root"
        apt-cache show postgresql-15 >/dev/null 2>&1 || timeout 60 apt-get update -qq >/dev/null 2>&1
        timeout 240 apt-get install -y -qq --no-install-recommends --reinstall --download-only -o Debug::NoLocking=1 \
            -o Dir::Cache::archives="$folder/archives" postgresql-15 postgresql-client-15 >/dev/null 2>"$folder/apt.log" ||
            none "the package postgresql-15 cannot be had: $(tail -n 1 "$folder/apt.log")"
        for package in "$folder"/archives/*.deb; do
            dpkg -x "$package" "$folder/root" && rm -f "$package"
        done
    fi
    export SHAKEDOWN_POSTGRESQL=$folder/root/usr/lib/postgresql/15/bin
    export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder/root/usr/lib/$(uname -m)-linux-gnu"
    # Its user looks into the folders above them.
    chmod -R a+rX "$folder/root"
}

for psql in "${SHAKEDOWN_POSTGRESQL:-/nonexistent}"/psql /usr/lib/postgresql/*/bin/psql; do
    [ ! -x "$psql" ] || [ ! -x "$(dirname "$psql")/postgres" ] || export SHAKEDOWN_POSTGRESQL=${psql%/psql}
done
[ -n "${SHAKEDOWN_POSTGRESQL:-}" ] || unpack
exec cargo test --release --workspace --test end_to_end stores:: -- --test-threads="${1:-4}"
