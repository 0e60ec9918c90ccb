#!/usr/bin/env bash
# The full counts behind the samples of tests/run.sh; the table goes to docs/evidence/NAME.tsv, with how it was made.
#
#   tests/campaign.sh quickstart-20-seeds      about 15 minutes
#   tests/campaign.sh sigkill-30               about 10 minutes
#   tests/campaign.sh partition-sigkill        about 7 minutes; needs root
#   tests/campaign.sh freeze-sigkill           about 3 minutes; needs root
#   tests/campaign.sh docker-pause-sigkill     about 1 minute; needs a Docker Engine (DOCKER_HOST, or the usual socket)
#   tests/campaign.sh starved                  about 25 minutes; needs root
#   tests/campaign.sh conservation             about 20 minutes; needs root
#   tests/campaign.sh soak                     half an hour
#   tests/campaign.sh scale                    about 10 minutes; needs 25 GB in TMPDIR
#   tests/campaign.sh defects                  about 30 minutes
#   tests/campaign.sh clean-200                about 40 minutes
#   tests/campaign.sh linearizability          seconds, once built; needs Go and a module proxy
#   tests/campaign.sh kubernetes-sigkill       about 2 hours; needs root, and what deploy/cluster needs
#   tests/campaign.sh kubernetes-library       about 40 minutes: each scenario of the library on it once; needs the same
#
# Needs a clean checkout: a table that names a commit must have been made from it. Leave the machine alone meanwhile.
# A cluster is made for the last two, unless SHAKEDOWN_CLUSTER names one whose image was built from that commit.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
    quickstart-20-seeds | sigkill-30 | partition-sigkill | freeze-sigkill | docker-pause-sigkill | \
        starved | conservation | soak | scale | defects | clean-200 | linearizability | kubernetes-sigkill | kubernetes-library) name=$1 ;;
    *) sed -n '2,20s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
if [ -n "$(git status --porcelain -- . ':!docs/evidence')" ]; then
    echo "there are changes that are not committed: the table could not name what it was made from" >&2
    exit 64
fi
# As tests/run.sh builds, so that nothing is built twice.
cargo build --release --workspace --bins --tests
target=${CARGO_TARGET_DIR:-target}
export SHAKEDOWN_BIN
SHAKEDOWN_BIN=$(realpath "$target/release/shakedown")
make=("$target/release/campaign" --name "$name" --commit "$(git rev-parse HEAD)" --out "docs/evidence/$name.tsv")
if [ "$name" = conservation ]; then
    # The suite that knows the gateways makes the rows.
    SHAKEDOWN_CONFORMANCE=$(cargo test -q --release --workspace --test conformance --no-run --message-format=json |
        grep -o '"executable":"[^"]*/conformance-[^"]*"' | cut -d'"' -f4 | tail -n 1)
    export SHAKEDOWN_CONFORMANCE
fi
if [ "$name" = linearizability ]; then
    SHAKEDOWN_CHECKERS=$(cargo test -q --release --workspace --test checkers --no-run --message-format=json |
        grep -o '"executable":"[^"]*/checkers-[^"]*"' | cut -d'"' -f4 | tail -n 1)
    SHAKEDOWN_PORCUPINE=$(realpath "$target")/porcupine
    (cd tests/porcupine && go build -o "$SHAKEDOWN_PORCUPINE" .)
    export SHAKEDOWN_CHECKERS SHAKEDOWN_PORCUPINE
fi
case $name in
    kubernetes-*) tests/with-cluster.sh "$(realpath "$target")/kubernetes/state" "$SHAKEDOWN_BIN" "${make[@]}" ;;
    *) "${make[@]}" ;;
esac
echo "docs/evidence/$name.tsv supports its claim"
