#!/usr/bin/env bash
# Checks the model of jobs with Spin; exits with 1 if a result is not the expected one.
#   check.sh                 all runs, one line each
#   check.sh quick           the same with one crash, and one job
#   check.sh explain NAME…   the shortest way to the fault without a safeguard, e.g. NO_FENCE;
#                            TIMEOUTS=0 beside it leaves the time limit out of the story
# Needs spin 6.5 and gcc; each run stays below 1 GB.
set -euo pipefail

model=$(cd "$(dirname "$0")" && pwd)/jobs.pml
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
unexpected=0
TIMEFORMAT=%U # processor time, which other work on the machine does not stretch

# What the compiler is told for each way of searching; what is found at once is not worth
# optimizing. BFS finds the shortest counterexample.
safety="-O2 -DSAFETY -DNOCLAIM"
shortest="-O0 -DSAFETY -DNOCLAIM -DBFS"
claim="-O2"
fair="-O2 -DNFAIR=3"

build() { # compiler options, then the model's own
    local options=$1
    shift
    spin -a "$@" "$model" >/dev/null
    # shellcheck disable=SC2086 # several options in one word
    gcc -w -DMEMLIM=1000 $options -o pan pan.c
}

# run TITLE EXPECTED OPTIONS PAN_ARGUMENTS [-D…]: EXPECTED is `holds`, or what the broken
# property reads like in Spin's words, so that no other fault passes for the expected one.
run() {
    local title=$1 expected=$2 options=$3 arguments=$4 verdict=unexpected
    shift 4
    build "$options" "$@"
    # shellcheck disable=SC2086
    { time ./pan -m500000 $arguments >out 2>&1 || true; } 2>seconds
    if [[ $expected == holds ]]; then
        # Whatever cut the search short left a word behind; then nothing is proven.
        grep -q "errors: 0" out && ! grep -qE "Search not completed|too small|MEMLIM" out &&
            verdict="holds"
    else
        grep "^pan:1:" out | grep -qE "$expected" && verdict="counterexample"
    fi
    [[ $verdict != unexpected ]] || unexpected=1
    printf '%-46s %-15s %9s states %6s s %5.0f MB\n' "$title" "$verdict" \
        "$(awk '/states, stored/ {print $1}' out)" "$(<seconds)" \
        "$(awk '/total actual memory/ {print $1}' out)"
    [[ $verdict != unexpected ]] || sed 's/^/    /' out
}

explain() {
    build "$shortest" "${@/#/-D}"
    ./pan -m500000 >out 2>&1 || true
    spin -k jobs.pml.trail -t "${@/#/-D}" "$model" |
        sed -n '/^ltl/d; /executor\|attempt\|job/p; /Error/q'
}

case ${1:-full} in
    explain) explain "${@:2}" && exit ;;
    quick) crashes=1 ;;
    full) crashes=2 ;;
    *) echo "usage: check.sh [quick | explain NAME…]" >&2 && exit 2 ;;
esac


echo "What must hold"
run "safety, 1 stall, crashes: $crashes" holds "$safety" "" -DCRASHES=$crashes
run "every job ends, crashes: $crashes" holds "$fair" "-a -f -N ends_at_last" \
    -DCRASHES=$crashes -DSTALLS=0 -DTIMEOUTS=0
if [[ $crashes == 2 ]]; then
    run "every job ends, 1 crash, 1 stall" holds "$fair" "-a -f -N ends_at_last" \
        -DCRASHES=1 -DTIMEOUTS=0
    run "every job ends, 1 crash, 1 time limit" holds "$fair" "-a -f -N ends_at_last" \
        -DCRASHES=1 -DSTALLS=0
    run "ends are kept, 1 crash" holds "$claim" "-a -N end_is_kept" -DCRASHES=1
    run "safety, 2 jobs, 1 crash" holds "$safety" "" \
        -DJOBS=2 -DCRASHES=1 -DSTALLS=0 -DTIMEOUTS=0
    run "safety, 2 jobs, 1 stall" holds "$safety" "" -DJOBS=2 -DCRASHES=0 -DTIMEOUTS=0
fi

echo "What must break"
run "the search reaches the late publishing" "outcome\[0\]==1" "-O0" "-a -N witness"
run "publishing without a fence" "ends\[" "$shortest" "" -DNO_FENCE
run "a fence that knows the job alone" "ends\[" "$shortest" "" -DNO_ATTEMPT_CHECK
run "publishing that ignores cancelling" "mark\[" "$shortest" "" -DNO_MARK
run "taking over without the executor's id" "suspected\[" "$shortest" "" -DNO_GUARD
run "outcome and effects in two transactions" "visible\[" "$shortest" "" -DNO_TRANSACTION
run "a failure that names the job alone" "==current\[" "$shortest" "" -DUNDO_BY_JOB
run "a retry that builds the same version" "vectors\[" "$shortest" "" -DSHARED_VERSION
run "no sweeper" "outcome\[" "-O0 -DNFAIR=3" "-a -f -N ends_at_last" \
    -DNO_SWEEPER -DCRASHES=1 -DSTALLS=0 -DTIMEOUTS=0
run "a heartbeat that never comes back" "acceptance cycle" "-O0 -DNFAIR=3" "-a -f -N ends_at_last" \
    -DNO_BEAT -DCRASHES=0 -DTIMEOUTS=0

exit $unexpected
