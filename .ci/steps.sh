# shellcheck shell=bash
# Sourced by .ci/run and .ci/long: runs named steps, times each, and ends with a table. A step that fails does not keep the
# others from running, so that one run tells everything; the run as a whole fails.

steps_table=()
steps_failed=0

# step NAME COMMAND...
step() {
    local name=$1 started=$SECONDS outcome=ok
    shift
    printf '\n=== %s: %s\n' "$name" "$*"
    if ! "$@" </dev/null; then
        outcome=FAILED
        steps_failed=1
    fi
    local took=$((SECONDS - started))
    printf '=== %s: %s after %s\n' "$name" "$outcome" "$(minutes "$took")"
    steps_table+=("$(printf '%-12s %8s  %s' "$name" "$(minutes "$took")" "$outcome")")
}

# left_out NAME REASON
left_out() {
    printf '\n=== %s: NOT RUN: %s\n' "$1" "$2"
    steps_table+=("$(printf '%-12s %8s  NOT RUN: %s' "$1" - "$2")")
}

# Prints the table; fails if a step failed.
steps_end() {
    printf '\n%-12s %8s\n' step time
    printf '%s\n' "${steps_table[@]}"
    printf '%-12s %8s\n' total "$(minutes "$SECONDS")"
    return "$steps_failed"
}

minutes() {
    printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}
