#!/usr/bin/env bash
# Checker against checker: what the search in windows says of histories, and what Porcupine says of them, which others have
# made (a Go module; the book that it is given is written anew in tests/porcupine/main.go). Needs Go and a module proxy.
#
#   tests/porcupine.sh [BLOCK...]      blocks of reports/history/tests/checkers/others.rs; 1 and 2 when none is named
#
# Prints for each block: histories, explained, unexplained, left open by one of them, disagreeing. Ends with 1 where any
# disagree.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd tests/porcupine && go build -o "$work/porcupine" .)
for block in "${@:-1 2}"; do
    for number in $block; do
        SHAKEDOWN_HISTORIES="$work/histories" SHAKEDOWN_BLOCK="$number" \
            cargo test -q --release --workspace --test checkers -- others:: >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
        echo "block $number: $("$work/porcupine" "$work/histories")"
    done
done
