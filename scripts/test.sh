#!/usr/bin/env bash
# Sets up and passes every test, then prints how many there were.
#
#   scripts/test.sh [stage …]     stages: guests unit schema dashboard; all without an argument
#
# Builds go to CARGO_TARGET_DIR where it is set.
set -euo pipefail
cd "$(dirname "$0")/.."

stages=("$@")
[ ${#stages[@]} -gt 0 ] || stages=(guests unit schema dashboard)
log=$(mktemp)
trap 'rm -f "$log" "$log.rust"' EXIT
failed=0

# Runs a command and keeps what it prints for the count; a failure is remembered and the next stage goes on.
stage() {
    printf '\n== %s\n' "$1"
    shift
    "$@" 2>&1 | tee -a "$log" || failed=1
}

# Builds the tests and what is tested, in one: without its tests the workspace has other features.
build() {
    cargo build --locked --workspace --bins --tests --examples
}

# Runs the tests of the workspace. Those that fail are run once more, by themselves: they wait for what other programs
# do, on a machine that may be busy. One that passes then is told as unsteady, and counts as what it did last.
rust_tests() {
    if cargo test --locked --workspace --no-fail-fast 2>&1 | tee "$log.rust"; then
        cat "$log.rust" >>"$log"
        return
    fi
    local selected
    if ! selected=$(scripts/failed-tests.awk "$log.rust"); then
        cat "$log.rust" >>"$log"
        failed=1
        return
    fi
    printf '\n== what failed, once more\n'
    # A count of failures is what the second run says of them.
    sed 's/; [0-9]* failed;/; 0 failed;/' "$log.rust" >>"$log"
    local target names
    while IFS=$'\t' read -r target names; do
        # shellcheck disable=SC2086  # a target is several words, and so are the names of tests
        if cargo test --locked --workspace $target --no-fail-fast -- --exact --test-threads 1 $names </dev/null 2>&1 | tee -a "$log"; then
            printf 'unsteady: %s failed, and passed by themselves\n' "$names"
        else
            failed=1
        fi
    done <<<"$selected"
}

target=${CARGO_TARGET_DIR:-target}
export SANDBOXED_SH_PLUGIN_DIR=$PWD/target/plugins
export SANDBOXED_SH_TEST_GUESTS=$PWD/target/guests-tests/wasm
# A program of tests that hangs is ended, so that the run says which.
runner=CARGO_TARGET_$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')_RUNNER
export "$runner=${!runner-timeout --foreground --kill-after 10 20m}"

scripts/toolchain.sh all
scripts/dashboard.sh build
scripts/guests.sh build plugins target/plugins
scripts/guests.sh build tests/guests target/guests-tests/wasm

for name in "${stages[@]}"; do
    case $name in
        guests)
            # What a plugin decides is tested natively, without a host.
            stage 'plugins' cargo test --locked --manifest-path plugins/Cargo.toml --workspace
            ;;
        unit)
            build
            printf '\n== host and black box\n'
            rust_tests
            ;;
        schema)
            build
            stage 'OpenAPI' scripts/schema-test.sh "$target/debug/sandboxed-sh"
            ;;
        dashboard)
            build
            stage 'dashboard' scripts/dashboard.sh test
            ;;
        *)
            echo "test.sh: no stage '$name'" >&2
            exit 2
            ;;
    esac
done

# Every runner here closes with `… N passed; N failed …` or `N passed, N failed`.
awk -v stages_failed="$failed" '
    match($0, /[0-9]+ passed[;,] [0-9]+ failed/) {
        split(substr($0, RSTART, RLENGTH), word, " ")
        passed += word[1]
        failed += word[3]
    }
    END {
        # A stage that broke before it could count is a failure as well.
        if (stages_failed && !failed) failed = 1
        printf "\n%d passed, %d failed\n", passed, failed
        exit failed > 0 || passed == 0
    }
' "$log"
