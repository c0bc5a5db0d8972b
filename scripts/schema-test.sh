#!/usr/bin/env bash
# Starts a server on an empty data directory and holds it against its own OpenAPI document.
#
#   scripts/schema-test.sh PROGRAM
#
# Made-up requests make missions with made-up messages. On this server no message is ever run: the host backend has a
# PATH on which there is no shell.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$1
home=$(mktemp -d)
server=
stop() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    # Workspaces with snapshots stay mounted, for the next server.
    awk -v home="$home/" 'index($2, home) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r umount -l
    rm -rf "$home"
}
trap stop EXIT

SANDBOXED_SH_PLUGIN_DIR=${SANDBOXED_SH_PLUGIN_DIR:-$root/target/plugins} RUST_LOG=error \
    "$program" --config "$root/config/sandboxed.toml" --data-dir "$home/data" \
    serve --no-welcome --listen 127.0.0.1:0 >"$home/log" 2>&1 &
server=$!

# server.json is written once the server listens.
for ((tries = 0; tries < 600; tries++)); do
    [[ -s $home/data/server.json ]] && break
    kill -0 "$server" 2>/dev/null || { cat "$home/log" >&2; exit 1; }
    sleep 0.1
done
read -r url token < <(python3 -c 'import json, sys; s = json.load(open(sys.argv[1])); print(s["url"], s["token"])' "$home/data/server.json")

status=0
"$root/scripts/schemathesis.sh" "$url" "$token" || status=1
if ! kill -0 "$server" 2>/dev/null; then
    echo "the server did not survive" >&2
    status=1
fi
if grep -q 'panicked' "$home/log"; then
    cat "$home/log" >&2
    status=1
fi
# A closing line like those of the other runners.
if [[ $status == 0 ]]; then echo "schema: 1 passed, 0 failed"; else echo "schema: 0 passed, 1 failed"; fi
exit "$status"
