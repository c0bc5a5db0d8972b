#!/usr/bin/env bash
# Prints the figures of docs/performance.md: speed is measured and never tested. Takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/toolchain.sh guests
scripts/guests.sh build plugins target/plugins
export SANDBOXED_SH_PLUGIN_DIR=$PWD/target/plugins
target=${CARGO_TARGET_DIR:-target}

cargo build --locked --release --package sandboxed-sh --package sandboxed-load
cargo build --locked --release --examples --bins --package sandboxed-store --package sandboxed-exec --package sandboxed-plugins \
    --package sandboxed-vault --package sandboxed-gateway
for bench in store_bench exec_bench plugin_bench driver_bench redact_bench gateway_bench; do
    printf '\n== %s\n' "$bench"
    "$target/release/examples/$bench"
done
printf '\n== load\n'
"$target/release/sandboxed-load"
