#!/usr/bin/env bash
# Makes a root file system of this machine's own programs for containers of the tests, without any network.
#
#   scripts/test-image.sh OUT.tar
#
# It has bash, the core utilities, git and curl, with the libraries that they need.
set -euo pipefail

out=$1
programs=(
    bash sh cat chmod cp date dd df echo env false head id ln ls mkdir mktemp mv nproc printf pwd rm seq sleep sort stat
    stty sync tail tee test touch tr true tty uname wc whoami yes grep sed git curl setsid ps
)
git_core=$(git --exec-path)
files=()
for program in "${programs[@]}"; do
    # Not a builtin of this shell.
    files+=("$(type -P "$program" || echo "$program")")
done
for helper in git-remote-http git-remote-https git-upload-pack git-receive-pack; do
    files+=("$git_core/$helper")
done
for file in "${files[@]}"; do
    [ -e "$file" ] || {
        echo "test-image.sh: there is no $file" >&2
        exit 4
    }
done
libraries=$(ldd "${files[@]}" 2>/dev/null | grep -o '/[^ :]*\.so[^ :]*' | sort -u)
# shellcheck disable=SC2086
tar --create --dereference --absolute-names --transform 's,^/,,' --owner=0 --group=0 --file "$out.part" \
    $(printf '%s\n' "${files[@]}" $libraries /etc/ssl/certs/ca-certificates.crt | sort -u) 2>/dev/null
mv "$out.part" "$out"
