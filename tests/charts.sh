#!/usr/bin/env bash
# The stage `charts` of tests/run.sh: what an operator installs (deploy/helm, deploy/kubernetes/drill, deploy/systemd) is
# accepted, refuses what is wrong, and makes drills on a real cluster.
#
#   tests/charts.sh [TEST...]      makes a cluster with the reference engine in it, and takes it away
#
# With SHAKEDOWN_CLUSTER a cluster that is there already is used, and stays. SHAKEDOWN_BIN names the binary that its image was
# made from; default: the release build. Exit 1: a test failed. Exit 69: there can be no cluster here.
# shellcheck disable=SC2015,SC2016,SC2317 # `||` stands before `return`; tests are called by name
set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 70
target=$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd -P)
export SHAKEDOWN_BIN=${SHAKEDOWN_BIN:-$target/release/shakedown}
programs=$(deploy/cluster/build) || exit 69
chart=deploy/helm/shakedown fixtures=tests/fixtures/charts namespace=shakedown
results=/var/lib/shakedown/results # on node-1, as in the fixture volume.yaml
notes=$(mktemp -d)
export HELM_CACHE_HOME=$notes/helm HELM_CONFIG_HOME=$notes/helm HELM_DATA_HOME=$notes/helm

made=no
if [ -z "${SHAKEDOWN_CLUSTER:-}" ]; then
    made=yes SHAKEDOWN_CLUSTER=$target/charts/state
    mkdir -p "$SHAKEDOWN_CLUSTER"
    deploy/cluster/up "$SHAKEDOWN_CLUSTER" >/dev/null || { deploy/cluster/down "$SHAKEDOWN_CLUSTER"; exit 69; }
fi
state=$SHAKEDOWN_CLUSTER
export KUBECONFIG=$state/kubeconfig/admin
leave() {
    if [ $made = yes ]; then deploy/cluster/down "$state"; else take_away >/dev/null 2>&1; fi
    rm -rf "$notes"
}
trap leave EXIT
if [ $made = yes ]; then deploy/kubernetes/one-machine/up "$state" "$SHAKEDOWN_BIN" || exit 69; fi

passed=0 failed=0
# NAME: runs the function of that name as a test.
check() {
    local output began=$SECONDS
    if output=$("$1" 2>&1); then
        passed=$((passed + 1))
        printf 'test %s ... ok (%s s)\n' "$1" $((SECONDS - began))
    else
        failed=$((failed + 1))
        printf 'test %s ... FAILED\n---- %s after %s s ----\n%s\n----\n' "$1" "$1" $((SECONDS - began)) "$output"
    fi
}
k() { timeout 60 "$programs/kubectl" --cache-dir "$notes/kubectl" "$@"; }
helm() { timeout 60 "$programs/helm" --namespace $namespace "$@"; }
on_node() { deploy/cluster/node "$state" exec node-1 "$@"; }

# SECONDS COMMAND...: asks until it succeeds; says what it was that did not, and its last answer.
within() {
    local until=$((SECONDS + $1)) answer
    shift
    until answer=$("$@" 2>&1); do
        [ $SECONDS -lt $until ] || { echo "not in time: $*: $answer"; return 1; }
        sleep 0.5
    done
}
not() { ! "$@"; }

# ---- what is asked -------------------------------------------------------------------------------------------------
install() { helm "$@" shakedown $chart --values $fixtures/drills.yaml --values "$notes/rights.yaml"; }
# YAML: what is in it, an object a line, without the labels that only Helm sets, and without the namespace that a base has not.
facts() {
    k create --dry-run=client --filename "$1" --output 'jsonpath={.kind}/{.metadata.namespace}/{.metadata.name} {.metadata.labels} {.automountServiceAccountToken} {.spec}{.rules}{.roleRef}{.subjects}{"\n"}' |
        sed -E 's/"(app.kubernetes.io\/(instance|managed-by)|helm.sh\/chart)":"[^"]*",?//g; s/,\}/}/g; s#^([A-Za-z]+)/('$namespace'|default)/#\1/#' | sort
}
condition() { k --namespace $namespace get job "$1" --output 'jsonpath={.status.conditions[?(@.status=="True")].type} {.status.conditions[-1:].reason} {.status.conditions[-1:].message}'; }
ended() { condition "$1" | grep -E 'Complete|Failed .'; }
# JOB DRILL: starts it by hand and waits for its end.
drill() { k --namespace $namespace create job "$1" --from="cronjob/shakedown-$2" && within 150 ended "$1"; }
log_of() { k --namespace $namespace logs "job/$1"; }
# JOB CODE RULE WORDS: its pod ended with this code, the Job failed at once by this rule, and the pod's status says why.
failed_by() {
    local why
    why=$(condition "$1")
    [[ $why == *"PodFailurePolicy "*"failed with exit code $2 matching FailJob rule at index $3"* ]] || { echo "condition: $why"; return 1; }
    [ "$(k --namespace $namespace get pods -l "job-name=$1" -o name | wc -l)" = 1 ] || { echo "more than one pod"; return 1; }
    why=$(k --namespace $namespace get pods -l "job-name=$1" -o 'jsonpath={.items[0].status.containerStatuses[0].state.terminated.message}')
    grep -q -- "$4" <<<"$why" || { echo "the pod's status: $why"; return 1; }
}
jobs_of() { k --namespace $namespace get jobs -l "shakedown.dev/drill=$1" -o name; }
told_of() { k --namespace $namespace get events --field-selector "involvedObject.name=$1" -o 'jsonpath={.items[*].reason}' | grep -w "$2"; }
# Everything in the namespace but what Kubernetes puts into each, and what is of none and ours.
everything() {
    local kind
    for kind in $(k api-resources --namespaced --verbs=list -o name | grep -vE '^(events|pods\.metrics)'); do
        k --namespace $namespace get "$kind" -o name --ignore-not-found
    done | grep -vE '^(configmap/kube-root-ca.crt|serviceaccount/default)$'
    k get clusterroles,clusterrolebindings,namespaces -l helm.sh/chart -o name
    k get roles,rolebindings --all-namespaces -l helm.sh/chart -o name
}
nothing_is_left() { local left; left=$(everything); [ -z "$left" ] || { echo "$left"; return 1; }; }
take_away() {
    helm uninstall shakedown --ignore-not-found
    k --namespace $namespace delete configmap drills --ignore-not-found
    k delete namespace shakedown-charts-agents --ignore-not-found --wait=false
    k delete pv shakedown-results-node-1 --ignore-not-found --wait=false
    on_node rm -rf $results
}
# CHANGE: whatever systemd has to say of the units; the programs that they start are ours.
verify() {
    local change=$1 unit answer
    mkdir -p "$notes/units"
    for unit in deploy/systemd/*.service deploy/systemd/*.timer; do
        sed "s|/usr/local/bin/shakedown|$SHAKEDOWN_BIN|; $change" "$unit" >"$notes/units/$(basename "$unit")"
    done
    answer=$(systemd-analyze verify "$notes/units/shakedown-drill@.service" "$notes/units/shakedown-drill@.timer" 2>&1) && [ -z "$answer" ] || { echo "$answer"; return 1; }
}

# ---- the tests, in their order ---------------------------------------------------------------------------------------
units_are_understood() { verify ""; }
units_with_mistakes_are_not() {
    local mistake
    for mistake in s/KillMode=mixed/KillMode=mixt/ s/=Tue/=Tuesdays/ s/ProtectHome=yes/ProtectHomes=yes/; do
        not verify "$mistake" || { echo "nobody minds $mistake"; return 1; }
    done
}
chart_lints() { helm lint --strict $chart && helm lint --strict $chart --values $fixtures/full.yaml && helm lint --strict $chart --values $fixtures/drills.yaml; }
server_takes_what_the_chart_makes() {
    local values
    for values in $chart/values.yaml $fixtures/full.yaml $fixtures/drills.yaml; do
        # Objects in a namespace that is not there yet cannot be tried: one that is takes its place.
        helm template shakedown $chart --values "$values" --set agents.namespace=shakedown-agents |
            k apply --dry-run=server --filename - >"$notes/answer" 2>&1 && not grep -i 'warning.*\(unknown\|violate\|deprecated\)' "$notes/answer" ||
            { cat "$notes/answer"; return 1; }
    done
}
wrong_values_are_named() {
    local values words answer
    while IFS='|' read -r values words; do
        answer=$(helm template shakedown $chart --values $fixtures/full.yaml --set-json "$values" 2>&1) && { echo "taken: $values"; return 1; }
        grep -qF -- "$words" <<<"$answer" || { echo "$values: $answer"; return 1; }
    done <<'V'
colour="red"|additional properties 'colour' not allowed
image={"pullPolicy":"Sometimes"}|/image/pullPolicy
image={"digest":"sha256:12"}|/image/digest
runner={"rights":{"cluster":[{"apiGroups":[""],"resources":["*"],"verbs":["get"]}]}}|/runner/rights/cluster/0/resources/0
runner={"rights":{"namespaces":{"a":[{"apiGroups":[""],"resources":["pods"]}]}}}|missing property 'verbs'
results={"claim":"existing","name":""}|/results/name
results={"accessMode":"ReadOnlyMany"}|/results/accessMode
networkPolicy={"enabled":true,"egress":[]}|/networkPolicy/egress
defaults={"environment":"local"}|/defaults/environment
defaults={"timeZone":"CEST+2"}|/defaults/timeZone
defaults={"retries":"twice"}|/defaults/retries
defaults={"concurrencyPolicy":"Allow"}|additional properties 'concurrencyPolicy' not allowed
drills=[{"name":"a","schedule":"daily","scenario":{"library":"baseline"}}]|/drills/0/schedule
drills=[{"name":"a","schedule":"TZ=UTC 0 0 * * *","scenario":{"library":"baseline"}}]|/drills/0/schedule
drills=[{"name":"A","schedule":"@daily","scenario":{"library":"baseline"}}]|/drills/0/name
drills=[{"name":"a","schedule":"@daily"}]|missing property 'scenario'
drills=[{"name":"a","schedule":"@daily","scenario":{"library":"b","inline":"c"}}]|/drills/0/scenario
drills=[{"name":"a","schedule":"@daily","scenario":{"library":"b"},"profile":{"inline":"c"}}]|/drills/0/profile
drills=[{"name":"a","schedule":"@daily","scenario":{"library":"b"}},{"name":"a","schedule":"@daily","scenario":{"library":"b"}}]|there are two with the name a
V
}
chart_and_base_make_the_same() {
    helm template shakedown $chart --set agents.create=true --set-json 'drills=[{"name":"leader-delete","schedule":"30 3 * * 2","suspend":true,"scenario":{"library":"kubernetes-leader-delete"}}]' >"$notes/chart.yaml" &&
        { k kustomize deploy/kubernetes/drill/base && echo --- && k kustomize deploy/kubernetes/agents; } >"$notes/base.yaml" || return 1
    facts "$notes/chart.yaml" >"$notes/chart.facts" && facts "$notes/base.yaml" >"$notes/base.facts" && [ "$(wc -l <"$notes/base.facts")" = 8 ] &&
        diff "$notes/chart.facts" "$notes/base.facts"
}
example_has_the_rights_of_its_scenario() {
    diff <("$SHAKEDOWN_BIN" plan deploy/kubernetes/drill/example/scenario.yaml --rights) deploy/kubernetes/drill/example/rights.yaml
}
rights_are_printed_as_values() {
    deploy/helm/rights kubernetes-leader-delete kubernetes-leader-partition >"$notes/rights.yaml" &&
        deploy/helm/rights kubernetes-leader-delete >"$notes/one.yaml" && not deploy/helm/rights kubernetes-leader-delete no-such-scenario || return 1
    helm template shakedown $chart --values "$notes/one.yaml" >"$notes/chart.yaml" && "$SHAKEDOWN_BIN" plan kubernetes-leader-delete --rights >"$notes/plan.yaml" || return 1
    # Names aside: an account's Roles bear its name here, and a scenario's there.
    diff <(rules_of "$notes/chart.yaml") <(rules_of "$notes/plan.yaml")
}
rules_of() { k create --dry-run=client --filename "$1" --output 'jsonpath={.kind} {.metadata.namespace} {.rules}{.subjects}{"\n"}' | grep -E '^(Cluster)?Role' | sort; }
example_is_taken() { k apply --dry-run=server -k deploy/kubernetes/drill/example; }
chart_installs() {
    on_node mkdir -p $results && k apply --filename $fixtures/volume.yaml && install install &&
        k --namespace $namespace create configmap drills --from-literal=scenario.yaml='system: system.yaml' --from-literal=system.yaml='system: [' \
            --from-file=refusals.yaml=<(sed 's/acked: .*201.*accepted.*/acked: { status: [201, 422] }/; s/rejected: { status: \[422\] }.*/rejected: { status: [400] }/' scenarios/library/systems/reference.yaml) &&
        [ "$(k --namespace $namespace get cronjobs -o 'jsonpath={.items[*].spec.concurrencyPolicy}' | tr ' ' '\n' | sort -u)" = Forbid ]
}
privileged_pods_are_refused_beside_drills() {
    local answer
    answer=$(k --namespace $namespace run privileged --image=localhost/shakedown:local 2>&1)
    [[ $answer == *"violates PodSecurity"* ]] || { echo "$answer"; return 1; }
}
file_that_is_wrong_ends_with_64() { drill no-file-1 no-file && failed_by no-file-1 64 4 'system.yaml'; }
drill_without_a_right_is_refused_with_77() {
    drill no-right-1 no-right && failed_by no-right-1 77 1 'Left behind: no fault' && log_of no-right-1 | grep 'patch nodes'
}
check_that_fails_ends_with_1() { drill lost-1 lost && failed_by lost-1 1 2 'FAIL *lost' || { log_of lost-1 | tail -n 40; return 1; }; }
drill_runs_and_its_results_stay() {
    local run
    drill leader-delete-1 leader-delete && [[ $(condition leader-delete-1) == *Complete* ]] || { condition leader-delete-1; log_of leader-delete-1 | tail -n 40; return 1; }
    run=$(on_node sh -c "ls -d $results/runs/*-drill") || return 1
    on_node sh -c "cd $run && sha256sum --quiet --check SHA256SUMS" && on_node grep -E '"verdict": *"pass"' "$run/record.json" &&
        on_node grep -E '"operator": *"CronJob shakedown-leader-delete"' "$run/record.json"
}
# While its fault is on: what it did is taken back before it ends.
drill_that_is_asked_to_end_heals_first() {
    k --namespace $namespace create job partition-1 --from=cronjob/shakedown-partition && within 60 fault_is_on partition-1 &&
        k --namespace $namespace delete pod --selector job-name=partition-1 --wait=false && within 60 ended partition-1 || return 1
    [[ $(condition partition-1) == *"exit code 130 matching FailJob rule at index 6"* ]] && [ -z "$(agents)" ] || { condition partition-1; agents; return 1; }
    on_node sh -c "grep -h '\"fault-healed\"' $results/runs/*-kubernetes-leader-partition/journal.jsonl"
}
fault_is_on() { [ -n "$(agents)" ] && log_of "$1" | grep 'leader-alone: partition.*the leader'; }
agents() { k --namespace shakedown-agents get pods --output name; }
# Without time to heal: its agent does, and no second pod is made.
drill_that_was_killed_is_not_begun_again() {
    k --namespace $namespace create job partition-2 --from=cronjob/shakedown-partition && within 60 fault_is_on partition-2 || return 1
    on_node sh -c 'for process in /proc/[0-9]*; do tr "\0" " " <$process/cmdline | grep -q "^/shakedown run " && kill -KILL ${process#/proc/}; done 2>/dev/null; true'
    within 30 ended partition-2 && failed_by partition-2 137 9 'leader-alone' && within 10 agents_have_ended
}
agents_have_ended() { [ "$(k --namespace shakedown-agents get pods -o 'jsonpath={.items[*].status.phase}' | tr ' ' '\n' | sort -u)" = Succeeded ]; }
# The run was another pod's: its Lease says that it is dead, 22 s after its last sign of life.
recover_runs() {
    sleep 22
    drill recover-1 recover && [[ $(condition recover-1) == *Complete* ]] && log_of recover-1 | grep 'kubernetes-leader-partition had died' &&
        [ -z "$(agents)$(k --namespace $namespace get leases -o name)" ] || { log_of recover-1; agents; return 1; }
}
second_is_not_begun_beside_the_first() {
    # Every minute, and its pod waits for processors that nobody has: the next minute finds it still there.
    within 130 told_of shakedown-waits JobAlreadyActive && [ "$(jobs_of waits | wc -l)" = 1 ] || { jobs_of waits; return 1; }
}
suspended_ones_were_never_begun() { [ -z "$(jobs_of never)" ] && [ -z "$(k --namespace $namespace get cronjob shakedown-never -o 'jsonpath={.status.lastScheduleTime}')" ]; }
uninstall_leaves_nothing() {
    helm uninstall shakedown --wait && k --namespace $namespace delete configmap drills && within 30 nothing_is_left
}

k get namespace $namespace >/dev/null || exit 69 # deploy/kubernetes/drills, applied with the engine
tests="units_are_understood units_with_mistakes_are_not chart_lints wrong_values_are_named chart_and_base_make_the_same
example_has_the_rights_of_its_scenario rights_are_printed_as_values server_takes_what_the_chart_makes example_is_taken chart_installs
privileged_pods_are_refused_beside_drills file_that_is_wrong_ends_with_64 drill_without_a_right_is_refused_with_77
check_that_fails_ends_with_1 drill_runs_and_its_results_stay drill_that_is_asked_to_end_heals_first drill_that_was_killed_is_not_begun_again
recover_runs second_is_not_begun_beside_the_first
suspended_ones_were_never_begun uninstall_leaves_nothing"
[ $# = 0 ] || tests=$*
for name in $tests; do
    before=$failed
    check "$name"
    # Without the chart there is nothing to ask.
    [ "$name" = chart_installs ] && [ $failed != "$before" ] && break
done
if [ $failed = 0 ]; then word=ok; else word=FAILED; fi
printf '\ntest result: %s. %s passed; %s failed; finished in %s s\n' $word $passed $failed $SECONDS
[ $failed = 0 ]
