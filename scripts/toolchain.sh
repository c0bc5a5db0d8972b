#!/usr/bin/env bash
# Sets up what is missing on this machine and says what it does.
#
#   scripts/toolchain.sh guests    what compiles plugins to WebAssembly
#   scripts/toolchain.sh run       what the default backend needs
#   scripts/toolchain.sh tests     what the tests need besides
#   scripts/toolchain.sh node      what builds the dashboard
#   scripts/toolchain.sh deny      the licence checker of scripts/lint.sh
#   scripts/toolchain.sh all       guests and tests
set -euo pipefail

target=wasm32-wasip2

say() { printf 'toolchain: %s\n' "$*"; }
fail() {
    printf 'toolchain: %s\n' "$@" >&2
    exit 4
}

# Runs apt-get as root; without the rights to, says what to install.
apt_install() {
    command -v apt-get >/dev/null || fail "install these packages: $*"
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "run as root: apt-get install $*"
        as_root=(sudo)
    fi
    say "installing $* with apt-get"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

need() {
    local program=$1
    shift
    command -v "$program" >/dev/null || apt_install "$@"
}

has_rustup_target() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]
}

has_debian_toolchain() {
    [ -x /usr/bin/rustc ] && [ -d /usr/lib/wasm32-wasi ] &&
        { command -v wasm-ld || command -v wasm-ld-14; } >/dev/null &&
        [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library" ]
}

# Runs a command for so many seconds at most, where there is a program to see to that.
within() {
    local seconds=$1
    shift
    if command -v timeout >/dev/null; then timeout "$seconds" "$@"; else "$@"; fi
}

guests() {
    command -v cargo >/dev/null || fail "a Rust toolchain is missing: see https://rustup.rs"
    if has_rustup_target || has_debian_toolchain; then
        return
    fi
    say "adding the Rust target $target"
    # A machine without a way out may leave the download hanging.
    if command -v rustup >/dev/null && within 120 rustup target add "$target" >/dev/null 2>&1 && has_rustup_target; then
        return
    fi
    # The linkers come from rustup's toolchain all the same.
    if [ -r /etc/debian_version ] && [ -x "$(rustc --print target-libdir)/../bin/wasm-component-ld" ]; then
        say "rustup cannot download $target here; Debian's compiler and the sources of std will build it"
        apt_install rustc-web rust-web-src wasi-libc lld
        has_debian_toolchain && return
    fi
    fail "the Rust target $target is missing. One of these mends it:" \
        "  rustup target add $target" \
        "  apt-get install rustc-web rust-web-src wasi-libc lld    (Debian, Ubuntu)" \
        "  a Rust toolchain whose sysroot has lib/rustlib/$target"
}

# Without them the server starts all the same, and says what a workspace of the default backend or git over SSH lacks.
run() {
    need bwrap bubblewrap
    need ssh openssh-client
}

tests() {
    run
    need curl curl
    need perl perl-base
    need dockerd docker.io
    need docker docker.io
    need podman podman catatonit
    [ -x /bin/busybox ] || apt_install busybox-static
    need git git
    need ps procps
    need python3 python3
    need openssl openssl
    [ -x /usr/sbin/sshd ] || apt_install openssh-server
    nodejs
    command -v chromium >/dev/null || command -v google-chrome >/dev/null || apt_install chromium fonts-liberation
    need flock util-linux
    python3 -c 'import venv, ensurepip' 2>/dev/null || apt_install python3-venv
    need ip iproute2
    need setpriv util-linux
    need systemd-nspawn systemd-container
    need mmdebstrap mmdebstrap
    need skopeo skopeo
    need ip iproute2
    need microsocks microsocks
}

# Builds the dashboard. A distribution's Node may be older than the tools take: Debian 12 has 18. Its npm then fetches a
# newer one, for this user alone.
nodejs() {
    local own=${XDG_CACHE_HOME:-$HOME/.cache}/sandboxed-sh/node
    need node nodejs
    need npm npm
    node_fits "$(type -P node)" || node_fits "$own/node_modules/node/bin/node" && return
    say "installing Node 22 for building the dashboard into $own (npm package \"node\")"
    npm install --prefix "$own" --no-save --no-progress --loglevel error node@22
    node_fits "$own/node_modules/node/bin/node" || fail 'Node 20.19 or newer is missing: see https://nodejs.org'
}

# Vite needs Node 20.19 or newer.
node_fits() {
    [ -x "$1" ] && "$1" -e \
        'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'
}

deny() {
    cargo deny --version >/dev/null 2>&1 && return
    say "installing cargo-deny"
    # Unoptimised, it is built in a third of the time and checks in seconds.
    cargo install --locked --quiet --debug cargo-deny@0.20.2
}

case ${1:-all} in
    guests | run | tests | deny) "$1" ;;
    node) nodejs ;;
    all)
        guests
        tests
        ;;
    *) fail "no such part: $1" ;;
esac
