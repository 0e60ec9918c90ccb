#!/usr/bin/env bash
# The stage `docker` of tests/run.sh: the end-to-end tests on containers, with a Docker Engine that is started for them
# when none answers, and ended again. Afterwards the firewall and the interfaces of this machine are what they were.
#
#   tests/docker.sh [--dev] [OPTION...]      options of the test program: `--exact NAME` makes one test only
set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${CARGO_TARGET_DIR:-target}/docker-engine
profile=release
if [ "${1:-}" = --dev ]; then
    profile=dev
    shift
fi

picture() {
    ip -brief link | sed 's/ .*//'
    command -v nft >/dev/null && nft list ruleset
    cat /proc/sys/net/ipv4/ip_forward
    true
}

before=$(picture)
DOCKER_HOST=$(tests/docker-engine.sh start "$folder") || exit
export DOCKER_HOST
trap 'tests/docker-engine.sh stop "$folder"' EXIT
# Programs that were unpacked, where this machine has none.
root=$(cd "$folder" && pwd)/root
PATH="$PATH:$root/usr/bin:$root/usr/sbin"
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$root/usr/lib/$(uname -m)-linux-gnu"
log=$(mktemp)
cargo test --profile $profile --workspace --test end_to_end docker:: -- --test-threads=4 "$@" 2>&1 | tee "$log"
status=$?
grep -q '^test result: .* [1-9][0-9]* passed' "$log" || status=1
rm -f "$log"
tests/docker-engine.sh stop "$folder" || status=1
trap - EXIT
after=$(picture)
if [ "$before" != "$after" ]; then
    echo "this machine is not what it was before:"
    diff <(echo "$before") <(echo "$after")
    status=1
fi
exit $status
