#!/usr/bin/env bash
# The ci tier: builds once, runs every stage within its budget, prints a table and one line with the counts.
#
#   tests/run.sh             the tier
#   tests/run.sh --all       and the tests that are like others of the tier: ten of the defects, two kinds of removed containers, violations of figures,
#                            delays without root, outages over io_uring, and those of Kubernetes that tests/kubernetes.sh names;
#                            half an hour more
#   tests/run.sh --quick     without what needs more than cargo
#   tests/run.sh STAGE...    only these stages, after the build
#
# With CI=true a skipped stage is a failure. Logs of the stages lie in target/stages/. A test that says of itself that the
# machine was starved whenever it measured is made again when all else is done, and counts as it ends then.
set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick=no
all=no
only=""
for word in "$@"; do
    case "$word" in
        --quick) quick=yes ;;
        --all) all=yes ;;
        -*) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
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
again_s=1200  # for all that is made again,
latest_s=4800 # and not begun later than this
starved_stages=() starved_commands=() starved_tests=()
table=$(printf '%-12s %-7s %8s  %s' stage result seconds tests)

add() { table+=$'\n'$(printf '%-12s %-7s %8s  %s' "$@"); }

# LOG WORD: how many tests a log counts as passed or failed.
count() { awk -v word="^$2" '/^test result:/ { for (i = 1; i < NF; i++) if ($(i + 1) ~ word) n += $i } END { print n + 0 }' "$1"; }

# LOG: the tests that failed.
reds() { sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$1"; }

# LOG: those of them that say of themselves that the machine was starved (tests/src/calm.rs).
starved() { awk '/^---- .* stdout ----$/ { name = $2 } /STARVED:/ { print name }' "$1" | sort -u; }

# LOG BUDGET_S COMMAND...: runs a stage's command.
attempt() {
    local log=$1 budget_s=$2 status
    shift 2
    timeout --kill-after=10 "$budget_s" "$@" >"$log" 2>&1
    status=$?
    if [ $status = 124 ] || [ $status = 137 ]; then echo "the stage was ended: over its budget of $budget_s s" >>"$log"; fi
    return $status
}

# NAME BUDGET_S COMMAND...: runs a stage; its tests count one by one, a stage without tests counts as one.
stage() {
    local name=$1 budget_s=$2 log="$target/stages/$1.log" started=$SECONDS status ok bad later test
    shift 2
    if [ -n "$only" ] && [[ "$only" != *" $name "* ]] && [ "$name" != build ]; then return 0; fi
    printf '\n== %s (at most %s s): %s\n' "$name" "$budget_s" "$*"
    attempt "$log" "$budget_s" "$@"
    status=$?
    ok=$(count "$log" passed)
    bad=$(count "$log" failed)
    if [ $status = 0 ]; then
        # A stage whose tests were all filtered away has shown nothing.
        if [ "$1" = cargo ] && [ "$2" = test ] && [ "$ok" = 0 ]; then status=1; echo "no test was run" | tee -a "$log"; fi
    fi
    if [ $status = 0 ]; then
        [ "$ok" -gt 0 ] || ok=1
        add "$name" pass $((SECONDS - started)) "$ok"
    else
        [ "$bad" -gt 0 ] || bad=1
        tail -n 100 "$log"
        # Cargo says 101 where tests failed and nothing else.
        later=""
        [ $status != 101 ] || later=$(starved "$log")
        for test in $later; do
            starved_stages+=("$name") starved_tests+=("$test") starved_commands+=("$(printf '%q ' "$@")")
            bad=$((bad - 1))
        done
        red+=$(reds "$log" | grep -vxF "${later:- }" | sed "s/^/  $name: /")$'\n'
        if [ $bad = 0 ]; then
            add "$name" starved $((SECONDS - started)) "$ok passed, again below: ${later//$'\n'/ }"
        else
            add "$name" FAIL $((SECONDS - started)) "$ok passed, $bad failed; $log"
        fi
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
    return $status
}

# What was starved, one by one, and again while it is starved and there is time.
again() {
    local until=$((SECONDS + again_s)) index name test log started command result
    [ $until -le $((began + latest_s)) ] || until=$((began + latest_s))
    for index in "${!starved_tests[@]}"; do
        name=${starved_stages[$index]} test=${starved_tests[$index]} log="$target/stages/again-$index.log" started=$SECONDS
        result=FAIL
        eval "command=(${starved_commands[$index]})"
        printf '\n== %s again: %s\n' "$name" "$test"
        echo "there was no time left" >"$log"
        while [ $SECONDS -lt $until ]; do
            if attempt "$log" 600 "${command[@]}" --exact "$test" && [ "$(count "$log" passed)" = 1 ]; then
                result=pass
                break
            fi
            [ -n "$(starved "$log")" ] || break
            sleep 30
        done
        if [ $result = pass ]; then
            passed=$((passed + 1))
        else
            tail -n 60 "$log"
            failed=$((failed + 1)) red+="  $name: $test"$'\n'
        fi
        add "$name" $result $((SECONDS - started)) "1, again: $test; $log"
    done
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
    red=$(grep . <<<"$red") && printf 'failed:\n%s\n' "$red"
    printf '%s passed, %s failed%s\n' $passed $failed "$also"
    [ $failed = 0 ]
    exit
}

# NAME BUDGET_S THREADS [OPTION OF THE TESTS...]: one module of tests/tests/end_to_end; those that measure times see to it that they run alone.
# Always the whole workspace: selecting one package would select other features, and build the dependencies again.
end_to_end() {
    stage "$1" "$2" cargo test --release --workspace --test end_to_end "${1//-/_}::" -- --test-threads="$3" "${@:4}"
}

# TEST...: what the tier leaves out, as options of the tests.
unless_all() { [ $all = yes ] || printf -- '--skip=%s ' "$@"; }

# The integration tests of every crate but the end-to-end ones and those that need servers, as options for cargo.
integration_tests() {
    local file name
    for file in {scenarios,load,harness/*,reports/*,deploy/*}/tests/{*.rs,*/main.rs}; do
        [ -f "$file" ] || continue
        name=$(basename "$file" .rs)
        [ "$name" != main ] || name=$(basename "$(dirname "$file")")
        [ "$name" != services ] || continue # they need servers, and are a stage of their own
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
stage instructions 240 tests/instructions.sh
stage conformance 300 cargo test --release --workspace --test conformance -- --test-threads=4
# shellcheck disable=SC2046 # one word an option
SHAKEDOWN_TEST_IO=io-uring stage conformance-ring 120 cargo test --release --workspace --test conformance -- --test-threads=4 outages:: outcomes::what_is_acknowledged pipelining:: $(unless_all outages::)
stage rates 60 bash -c '"$0" 1000000 5 && "$0" engine 100000 5 1 8192 256' "$target/release/rates"
stage scale 60 "$target/release/scale" 1000000 2
stage peers 300 tests/peers/run --sample
end_to_end tidy 60 4
end_to_end evidence 30 4
end_to_end benchmarks 30 4
end_to_end input 90 4
end_to_end quickstart 600 1
end_to_end library 800 2
# shellcheck disable=SC2046 # one word an option
end_to_end defects 900 2 $(unless_all retries_that_execute_twice rejected_orders_in_the_book other_quantities_are snapshot_without_the_last \
    fills_over_fix trades_that_are_booked_twice cancelled_orders_that_come_back numbers_that_a_new_leader a_leak_of_memory feed_that_leaves_out)
end_to_end foreign 300 3
end_to_end capacity 300 1
end_to_end load 120 2
end_to_end standards 120 1
end_to_end million 120 1
end_to_end gateways 240 1
end_to_end secure 120 2
end_to_end alerts 240 2
end_to_end sensors 180 2
end_to_end starved 240 1
end_to_end workers 120 3
end_to_end reads 360 2
end_to_end resources 420 1
end_to_end hooks 240 2
end_to_end guards 300 2
end_to_end links 500 1
# shellcheck disable=SC2046 # one word an option
end_to_end slow 600 2 $(unless_all without_root_links_are_slow)
end_to_end truth 600 1
end_to_end sigkill 180 2
end_to_end suite 200 1
# shellcheck disable=SC2046 # one word an option
stage systems 400 tests/stores.sh cargo test --release --workspace --test end_to_end systems:: -- --test-threads=2 $(unless_all a_machine_that_is_short a_slow_network slow_disks_turn an_outage_of_more five_nodes_are)
end_to_end guide 120 1
end_to_end survival 90 1
end_to_end blunt 180 3
end_to_end vanish 300 6
stage stores 400 tests/stores.sh cargo test --release --workspace --test end_to_end stores:: -- --test-threads=4
stage services 240 tests/stores.sh cargo test --release --workspace --test services -- --test-threads=4
end_to_end untouched 300 1
if [ $quick = yes ]; then
    skip docker "left out by --quick"
    skip programs "left out by --quick"
    skip cluster "left out by --quick"
    skip kubernetes "left out by --quick"
    skip charts "left out by --quick"
    skip spike "left out by --quick"
else
    # shellcheck disable=SC2046 # one word an option
    stage docker 900 tests/stores.sh tests/docker.sh $(unless_all removed_while_stopped removed_while_disconnected)
    # Kubernetes itself: minutes on a machine that has never built it, nothing on one that has.
    if stage programs 1800 deploy/cluster/build --netem; then
        stage cluster 500 tests/cluster.sh
        if [ $all = yes ]; then stage kubernetes 3600 tests/stores.sh tests/kubernetes.sh --all; else stage kubernetes 1800 tests/stores.sh tests/kubernetes.sh; fi
        stage charts 400 tests/charts.sh
    fi
    SPIKE_GO_BUDGET_S=${SPIKE_GO_BUDGET_S:-15} stage spike 900 tests/spike.sh
    [ ! -s "$target/stages/spike.log" ] || cat "$target/stages/spike.log"
fi
again
finish
