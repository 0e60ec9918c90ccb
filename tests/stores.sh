#!/usr/bin/env bash
# Runs a command (default: the tests of stores) with servers of PostgreSQL, Redis, etcd, NATS, InfluxDB and PgBouncer: installed ones,
# else those of Debian's packages, which are unpacked into the target folder and not installed. Exit 69: they cannot be had.
set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

none() { echo "no $*" >&2; exit 69; }

# unpack NAME PROGRAM PACKAGE...: the packages with what they need and this machine does not have, below $root, where PROGRAM
# is then.
unpack() {
    local name=$1 program=$2 folder package
    shift 2
    folder=$(realpath -m "${CARGO_TARGET_DIR:-target}/stages/$name")
    root=$folder/root
    if [ ! -x "$root/$program" ]; then
        command -v apt-get >/dev/null || none "$name: it is missing, and there is no apt-get"
        mkdir -p "$folder/archives/partial" "$root"
        apt-cache show "$@" >/dev/null 2>&1 || timeout 60 apt-get update -qq >/dev/null 2>&1
        timeout 240 apt-get install -y -qq --no-install-recommends --reinstall --download-only -o Debug::NoLocking=1 \
            -o Dir::Cache::archives="$folder/archives" "$@" >/dev/null 2>"$folder/apt.log" ||
            none "$name: $* cannot be had: $(tail -n 1 "$folder/apt.log")"
        for package in "$folder"/archives/*.deb; do
            dpkg -x "$package" "$root" && rm -f "$package"
        done
    fi
    export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$root/usr/lib/$(uname -m)-linux-gnu"
    # Its user looks into the folders above them.
    chmod -R a+rX "$root"
}

for psql in "${SHAKEDOWN_POSTGRESQL:-/nonexistent}"/psql /usr/lib/postgresql/*/bin/psql; do
    [ ! -x "$psql" ] || [ ! -x "$(dirname "$psql")/postgres" ] || export SHAKEDOWN_POSTGRESQL=${psql%/psql}
done
if [ -z "${SHAKEDOWN_POSTGRESQL:-}" ]; then
    unpack postgresql usr/lib/postgresql/15/bin/psql postgresql-15 postgresql-client-15
    export SHAKEDOWN_POSTGRESQL=$root/usr/lib/postgresql/15/bin
fi
for server in "${SHAKEDOWN_REDIS:-/nonexistent}"/redis-server /usr/bin/redis-server; do
    [ ! -x "$server" ] || [ ! -x "$(dirname "$server")/redis-cli" ] || export SHAKEDOWN_REDIS=${server%/redis-server}
done
if [ -z "${SHAKEDOWN_REDIS:-}" ]; then
    unpack redis usr/bin/redis-server redis-server redis-tools
    export SHAKEDOWN_REDIS=$root/usr/bin
fi
# Later versions have no second interface any more.
if [ ! -x "${SHAKEDOWN_ETCD:-/nonexistent}/etcd" ]; then
    unpack etcd usr/bin/etcd etcd-server
    export SHAKEDOWN_ETCD=$root/usr/bin
fi
# one VARIABLE PROGRAM PACKAGE: a server that is one program, where Debian has it.
one() {
    local name=${2##*/}
    [ ! -x "$(printenv "$1")/$name" ] || return 0
    if [ -x "/$2" ]; then
        export "$1=/${2%/*}"
    else
        unpack "$name" "$2" "$3"
        export "$1=$root/${2%/*}"
    fi
}
export SHAKEDOWN_SERVERS=required
one SHAKEDOWN_NATS usr/sbin/nats-server nats-server
one SHAKEDOWN_INFLUXDB usr/bin/influxd influxdb
one SHAKEDOWN_PGBOUNCER usr/sbin/pgbouncer pgbouncer
[ $# -gt 0 ] || set -- cargo test --release --workspace --test end_to_end stores:: -- --test-threads=4
exec "$@"
