#!/usr/bin/env bash
# Sets up and passes every test, then prints how many there were.
#
#   scripts/test.sh [stage …]     stages: guests unit conformance schema; all without an argument
#
# Builds go to CARGO_TARGET_DIR where it is set.
set -euo pipefail
cd "$(dirname "$0")/.."

stages=("$@")
[ ${#stages[@]} -gt 0 ] || stages=(guests unit schema)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0

# Runs a command and keeps what it prints for the count; a failure is remembered and the next stage goes on.
stage() {
    printf '\n== %s\n' "$1"
    shift
    "$@" 2>&1 | tee -a "$log" || failed=1
}

target=${CARGO_TARGET_DIR:-target}
export SANDBOXED_SH_PLUGIN_DIR=$PWD/target/plugins
export SANDBOXED_SH_TEST_GUESTS=$PWD/target/guests-tests/wasm

scripts/toolchain.sh all
scripts/guests.sh build plugins target/plugins
scripts/guests.sh build tests/guests target/guests-tests/wasm

for name in "${stages[@]}"; do
    case $name in
        guests)
            # What a plugin decides is tested natively, without a host.
            stage 'plugins' cargo test --locked --manifest-path plugins/Cargo.toml --workspace
            ;;
        unit)
            cargo build --locked --workspace
            stage 'host and black box' cargo test --locked --workspace --no-fail-fast
            ;;
        schema)
            cargo build --locked --package sandboxed-sh
            stage 'OpenAPI' scripts/schema-test.sh "$target/debug/sandboxed-sh"
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
