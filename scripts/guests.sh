#!/usr/bin/env bash
# Compiles a workspace of plugins to WebAssembly components.
#
#   scripts/guests.sh build WORKSPACE_DIR OUT_DIR [cargo arguments …]
#
# Each package that makes a library for WebAssembly ends as OUT_DIR/<package>.wasm; a component that did not change
# keeps its time. Build products go to SANDBOXED_SH_GUESTS_TARGET (target/guests unless set), apart from the host's,
# because compiler and flags differ. All workspaces share it, and with it one build of std.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "${1:-}" = build ] && [ $# -ge 3 ] || {
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
workspace=$2 out=$3
shift 3

target=wasm32-wasip2
sysroot=$(rustc --print sysroot)
build_std=()
if [ ! -d "$sysroot/lib/rustlib/$target" ]; then
    # Debian's compiler and the sources of its std; rustup's toolchain lends the linkers.
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    tools=$sysroot/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
    wasm_ld=$(command -v wasm-ld || command -v wasm-ld-14)
    export RUSTFLAGS="-C link-self-contained=no -L native=/usr/lib/wasm32-wasi -C linker=$tools/wasm-component-ld -C link-arg=--wasm-ld-path=$wasm_ld"
    build_std=(-Zbuild-std=std,panic_abort)
fi
export CARGO_TARGET_DIR=${SANDBOXED_SH_GUESTS_TARGET:-$PWD/target/guests}

# Cargo reports each artifact, built or fresh, as one line of JSON. Of those that make a component the package id is
# taken, which ends with `/<directory>#<version>` or `#<package>@<version>`, and the component's path.
artifacts=$(mktemp)
trap 'rm -f "$artifacts"' EXIT
cargo build --locked --release ${build_std[@]+"${build_std[@]}"} --target "$target" \
    --manifest-path "$workspace/Cargo.toml" --message-format json-render-diagnostics "$@" >"$artifacts"

mkdir -p "$out"
sed -n 's/^{"reason":"compiler-artifact","package_id":"\([^"]*\)".*"filenames":\["\([^"]*\.wasm\)".*/\1 \2/p' "$artifacts" |
    while read -r package built; do
        case ${package##*#} in
            *@*)
                package=${package##*#}
                package=${package%@*}
                ;;
            *)
                package=${package%#*}
                package=${package##*/}
                ;;
        esac
        if ! cmp -s "$built" "$out/$package.wasm"; then
            # Whoever watches the folder sees the old file or the new one, never a part.
            cp "$built" "$out/.$package.wasm.new"
            mv "$out/.$package.wasm.new" "$out/$package.wasm"
            printf 'guests: %s (%s bytes)\n' "$out/$package.wasm" "$(wc -c <"$out/$package.wasm" | tr -d ' ')"
        fi
    done
