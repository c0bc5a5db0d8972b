#!/usr/bin/env bash
# Installs a client of the Agent Client Protocol, the protocol's schema, and the Node that they need, in the versions that
# tests/clients/acp names, and prints where: target/acp-clients.
#
#   scripts/acp-clients.sh
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
from=$root/tests/clients/acp
into=$root/target/acp-clients
mkdir -p "$into"

# Tests that run at the same time install once.
exec 9>"$into/lock"
flock 9

wanted=$(sha256sum <"$from/package-lock.json")
if [[ ! -f $into/installed || $(<"$into/installed") != "$wanted" ]]; then
    rm -rf "$into/node_modules" "$into/installed"
    cp "$from/package.json" "$from/package-lock.json" "$into/"
    # Not `npm ci`: it wants what other platforms would get in the lock, which not every registry has.
    npm install --prefix "$into" --ignore-scripts --no-save --no-audit --no-fund --silent >&2
    printf '%s\n' "$wanted" >"$into/installed"
fi
# Where there is none for this machine, the machine has to have one that is new enough.
node=$(find "$into/node_modules" -path '*/node-linux-*/bin/node' -print -quit)
ln -sfn "${node:-$(command -v node)}" "$into/node"
printf '%s\n' "$into"
