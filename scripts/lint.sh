#!/usr/bin/env bash
# Formatting, clippy, licences and generated files.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
cargo fmt --all --check --manifest-path plugins/Cargo.toml
cargo fmt --all --check --manifest-path tests/guests/Cargo.toml
# Before cargo, which puts the files into the binary.
scripts/dashboard.sh build
cargo clippy --locked --workspace --all-targets -- -D warnings
# What is run and released has fewer features than what is tested.
cargo check --locked --workspace
cargo clippy --locked --manifest-path plugins/Cargo.toml --workspace --all-targets -- -D warnings
scripts/toolchain.sh deny
# The checker looks at all that could be built, also for other platforms.
cargo fetch --locked
cargo deny --offline --locked check bans licenses sources
# The types of the API are held against what the server itself describes; the tests use the same build.
cargo build --locked --workspace --bins --tests --examples
scripts/dashboard.sh check
