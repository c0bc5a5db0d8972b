#!/usr/bin/env bash
# The dashboard: what is served of it, its checks and its tests.
#
#   scripts/dashboard.sh build     dashboard/dist, which cargo puts into the binary; nothing is done where it is as the sources
#   scripts/dashboard.sh types     the types of the API, from what the built binary describes
#   scripts/dashboard.sh check     formatting, lint, types, and that the types of the API are those of the built binary
#   scripts/dashboard.sh test      unit tests, sizes, and a browser against the built binary
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
target=${CARGO_TARGET_DIR:-target}
server=${SANDBOXED_SH_BINARY:-$target/debug/sandboxed-sh}

# Finds a Node that the tools run on; a distribution's own may be too old.
node_path() {
    local own=${XDG_CACHE_HOME:-$HOME/.cache}/sandboxed-sh/node
    if ! fits node; then
        PATH=$own/node_modules/node/bin:$PATH
        export PATH
    fi
    fits node || { scripts/toolchain.sh node; hash -r; }
    fits node || { echo 'dashboard: Node 20.19 or newer is missing' >&2; exit 4; }
}

fits() {
    command -v "$1" >/dev/null && "$1" -e \
        'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'
}

# Exactly what the lock names. `npm ci` wants the programs of all platforms in it, which not every registry lists.
install() {
    local lock stamp=dashboard/node_modules/.lock-digest
    lock=$(cat dashboard/package.json dashboard/package-lock.json | digest)
    [ "$(cat "$stamp" 2>/dev/null)" = "$lock" ] && return
    echo 'dashboard: installing what it is built with (npm)'
    npm --prefix dashboard install --no-save --no-progress --loglevel error
    printf '%s' "$lock" >"$stamp"
}

digest() { git hash-object --stdin; }

# A digest of the names and contents of all that the build reads.
sources() {
    local files
    files=$(cd dashboard && find index.html package.json package-lock.json tsconfig.json vite.config.ts public src \
        -type f ! -name '*.test.*' | LC_ALL=C sort)
    { printf '%s\n' "$files"; (cd dashboard && printf '%s\n' "$files" | tr '\n' '\0' | xargs -0 cat); } | digest
}

build() {
    local stamp=dashboard/dist/.sources now
    now=$(sources)
    [ -f dashboard/dist/index.html ] && [ "$(cat "$stamp" 2>/dev/null)" = "$now" ] && return
    node_path
    install
    echo 'dashboard: building'
    find dashboard/dist -mindepth 1 ! -name .gitignore -delete
    (cd dashboard && node_modules/.bin/vite build --logLevel warn)
    printf '%s' "$now" >"$stamp"
}

types() {
    node_path
    install
    "$server" openapi | node dashboard/scripts/types.mjs "$@"
}

check() {
    node_path
    install
    (cd dashboard && npm --silent run check)
    types --check
}

tests() {
    node_path
    install
    local status=0
    (cd dashboard && npm --silent run test) || status=1
    node dashboard/scripts/budget.mjs || status=1
    SANDBOXED_SH_BINARY=$(realpath "$server") npm --prefix dashboard --silent run e2e || status=1
    return $status
}

case ${1:-} in
    build | check) "$1" ;;
    types) types ;;
    test) tests ;;
    *)
        sed -n 's/^# \{0,1\}//p' "$root/scripts/dashboard.sh" | sed -n '1,7p' >&2
        exit 2
        ;;
esac
