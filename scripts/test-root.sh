#!/usr/bin/env bash
# Makes the root file system that tests of systems begin with: a small Debian with what the tests run in it.
#
#   scripts/test-root.sh OUT.tar
set -euo pipefail

out=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mmdebstrap --quiet --variant=essential --include=ca-certificates,curl,git,procps \
    --aptopt='Apt::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/man/*' \
    --customize-hook='mkdir -p "$1/workspace" "$1/inbox" "$1/home/agent"' \
    --customize-hook='echo agent:x:1000:1000:agent:/home/agent:/bin/bash >> "$1/etc/passwd"' \
    --customize-hook='echo agent:x:1000: >> "$1/etc/group"' \
    --customize-hook='rm -f "$1/etc/resolv.conf" "$1/etc/hostname"' \
    --format=tar bookworm "$work/root.tar"
mv "$work/root.tar" "$out.part"
mv "$out.part" "$out"
