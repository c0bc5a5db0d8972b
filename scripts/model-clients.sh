#!/usr/bin/env bash
# Installs the official clients of the model providers, in the versions that tests/models/clients names, and prints where:
# target/model-clients holds python/bin/python and node/node_modules.
#
#   scripts/model-clients.sh
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
from=$root/tests/models/clients
into=$root/target/model-clients
mkdir -p "$into"

# Tests that run at the same time install once.
exec 9>"$into/lock"
flock 9

wanted=$(cat "$from/requirements.txt" "$from/node/package-lock.json" | sha256sum)
if [[ ! -f $into/installed || $(<"$into/installed") != "$wanted" ]]; then
    rm -rf "$into/python" "$into/node" "$into/installed"
    python3 -m venv "$into/python" >&2
    "$into/python/bin/pip" install --quiet --disable-pip-version-check --no-deps \
        --requirement "$from/requirements.txt" >&2
    mkdir "$into/node"
    cp "$from/node/package.json" "$from/node/package-lock.json" "$into/node/"
    npm ci --prefix "$into/node" --ignore-scripts --no-audit --no-fund --silent >&2
    printf '%s\n' "$wanted" >"$into/installed"
fi
# The programs are where the packages are, as Node looks for those beside the program.
cp "$from"/node/*.test.js "$into/node/"
printf '%s\n' "$into"
