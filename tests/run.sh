#!/usr/bin/env bash
# The ci tier: builds once, runs every stage within its budget, prints a table and one line with the counts.
#
#   tests/run.sh             everything
#   tests/run.sh --quick     without what needs more than cargo
#   tests/run.sh STAGE...    only these stages, after the build
#
# With CI=true a skipped stage is a failure. Logs of the stages lie in target/stages/.
set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick=no
only=""
for word in "$@"; do
    case "$word" in
        --quick) quick=yes ;;
        -*) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
        *) only="$only $word " ;;
    esac
done

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/stages"
export SPIKE_CACHES="$PWD/$target/stages/caches.tsv"
[ "${target#/}" = "$target" ] || SPIKE_CACHES="$target/stages/caches.tsv"
tests/spike.sh --caches >"$SPIKE_CACHES" # before anything is built
export SHAKEDOWN_BIN
SHAKEDOWN_BIN="$(dirname "$(dirname "$SPIKE_CACHES")")/release/shakedown"
export CARGO_TERM_COLOR=never

passed=0 failed=0 skipped=0 began=$SECONDS red=''
table=$(printf '%-12s %-7s %8s  %s' stage result seconds tests)

add() { table+=$'\n'$(printf '%-12s %-7s %8s  %s' "$@"); }

# NAME BUDGET_S COMMAND...: runs a stage; its tests count one by one, a stage without tests counts as one.
stage() {
    local name=$1 budget_s=$2 log="$target/stages/$1.log" started=$SECONDS status ok bad
    shift 2
    if [ -n "$only" ] && [[ "$only" != *" $name "* ]] && [ "$name" != build ]; then return 0; fi
    printf '\n== %s (at most %s s): %s\n' "$name" "$budget_s" "$*"
    timeout --kill-after=10 "$budget_s" "$@" >"$log" 2>&1
    status=$?
    ok=$(awk '/^test result:/ { for (i = 1; i < NF; i++) if ($(i + 1) ~ /^passed/) n += $i } END { print n + 0 }' "$log")
    bad=$(awk '/^test result:/ { for (i = 1; i < NF; i++) if ($(i + 1) ~ /^failed/) n += $i } END { print n + 0 }' "$log")
    if [ $status = 0 ]; then
        # A stage whose tests were all filtered away has shown nothing.
        if [ "$1" = cargo ] && [ "$2" = test ] && [ "$ok" = 0 ]; then status=1; echo "no test was run" | tee -a "$log"; fi
    fi
    if [ $status = 0 ]; then
        [ "$ok" -gt 0 ] || ok=1
        add "$name" pass $((SECONDS - started)) "$ok"
    else
        [ "$bad" -gt 0 ] || bad=1
        [ $status = 124 ] || [ $status = 137 ] && echo "the stage was ended: over its budget of $budget_s s" >>"$log"
        tail -n 100 "$log"
        red+=$(sed -n "s/^test \(.*\) \.\.\. FAILED\$/  $name: \1/p" "$log")$'\n'
        add "$name" FAIL $((SECONDS - started)) "$ok passed, $bad failed; $log"
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
    return $status
}

skip() { # NAME WHY
    if [ -n "$only" ] && [[ "$only" != *" $1 "* ]]; then return 0; fi
    if [ "${CI:-}" = true ]; then
        failed=$((failed + 1))
        add "$1" FAIL 0 "skipped, and with CI=true that is a failure: $2"
    else
        skipped=$((skipped + 1))
        add "$1" skip 0 "$2"
    fi
}

finish() {
    printf '\n%s\n\n%s s in all\n' "$table" $((SECONDS - began))
    local also=""
    [ $skipped = 0 ] || also=", $skipped skipped"
    [ -z "${red//[$'\n']/}" ] || printf 'failed:\n%s' "$red"
    printf '%s passed, %s failed%s\n' $passed $failed "$also"
    [ $failed = 0 ]
    exit
}

# NAME BUDGET_S THREADS: one module of tests/tests/end_to_end; those that measure times see to it that they run alone.
# Always the whole workspace: selecting one package would select other features, and build the dependencies again.
end_to_end() { stage "$1" "$2" cargo test --release --workspace --test end_to_end "${1//-/_}::" -- --test-threads="$3"; }

# The integration tests of every crate but the end-to-end ones, as options for cargo.
integration_tests() {
    local file name
    for file in {scenarios,load,harness/*,reports/*,deploy/*}/tests/{*.rs,*/main.rs}; do
        [ -f "$file" ] || continue
        name=$(basename "$file" .rs)
        [ "$name" != main ] || name=$(basename "$(dirname "$file")")
        printf -- '--test %s ' "$name"
    done
}

# The tests of netem, in a kernel that has it.
netem() {
    local tests
    tests=$(cargo test -q --release --workspace --test net --no-run --message-format=json |
        grep -o '"executable":"[^"]*/net-[^"]*"' | cut -d'"' -f4 | tail -n 1)
    tests/uml-netem.sh "$tests"
}
export -f netem

component() { # COMMAND COMPONENT: makes a part of the toolchain available
    cargo "$1" --version >/dev/null 2>&1 || rustup component add "$2" >/dev/null 2>&1
    cargo "$1" --version >/dev/null 2>&1
}

if component fmt rustfmt; then stage fmt 60 cargo fmt --all --check; else skip fmt "rustfmt cannot be had"; fi
stage build 1500 cargo build --release --workspace --bins --tests || finish
# In the release profile, so that build scripts and procedural macros are the ones that were just built.
if component clippy clippy; then
    stage clippy 900 cargo clippy --release --workspace --all-targets -- -D warnings
else
    skip clippy "clippy cannot be had"
fi
# More threads than cores: many of these tests wait for a time-out.
stage unit 300 cargo test --release --workspace --no-fail-fast --lib --bins -- --test-threads=4
stage doc 120 cargo test --release --workspace --doc
# shellcheck disable=SC2046 # one word a test target
stage crates 500 cargo test --release --workspace --no-fail-fast $(integration_tests)
stage netem 300 bash -c netem
end_to_end tidy 60 4
end_to_end evidence 30 4
end_to_end input 90 4
end_to_end quickstart 600 1
end_to_end library 800 2
end_to_end defects 900 2
end_to_end foreign 300 3
end_to_end sensors 180 2
end_to_end resources 240 1
end_to_end hooks 240 2
end_to_end guards 300 2
end_to_end links 400 1
end_to_end slow 400 2
end_to_end truth 600 1
end_to_end sigkill 180 2
end_to_end survival 90 1
end_to_end blunt 180 3
end_to_end vanish 300 6
end_to_end untouched 180 1
if [ $quick = yes ]; then
    skip docker "left out by --quick"
    skip spike "left out by --quick"
else
    stage docker 900 tests/docker.sh
    SPIKE_GO_BUDGET_S=${SPIKE_GO_BUDGET_S:-15} stage spike 900 tests/spike.sh
    [ ! -s "$target/stages/spike.log" ] || cat "$target/stages/spike.log"
fi
finish
