#!/usr/bin/env bash
# Plays the recordings; inputs come as INPUT_* and are never parts of a command line that a shell reads. The password
# is in UAMGSCOPE_PASSWORD, which the program reads by itself.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
printf '#!/bin/sh\nexec node "%s/dist/src/main.js" "$@"\n' "$root" >"$bin/uamgscope"
chmod +x "$bin/uamgscope"
export PATH="$bin:$PATH"
[ -n "${UAMGSCOPE_PASSWORD:-}" ] || unset UAMGSCOPE_PASSWORD

arguments=()
add() { if [ -n "$2" ]; then arguments+=("$1" "$2"); fi; }
add --target "${INPUT_TARGET:-}"
add --server "${INPUT_SERVER:-}"
add --ready "${INPUT_READY:-}"
add --user "${INPUT_USER:-}"
add --junit "${INPUT_JUNIT:-}"
read -r -a more <<<"${INPUT_ARGUMENTS:-}"
arguments+=("${more[@]}")

uamgscope test --github --color never "${arguments[@]}" -- "${INPUT_RECORDINGS:?the folder of recordings}" | tee "$bin/out"
status=${PIPESTATUS[0]}
verdict=$(tail -n 1 "$bin/out")
if [ -n "${GITHUB_OUTPUT:-}" ]; then printf 'verdict=%s\nstatus=%s\n' "$verdict" "$status" >>"$GITHUB_OUTPUT"; fi
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  { printf '### uamgscope: %s\n\n' "${verdict:-nothing was played}"; grep -v '^::' "$bin/out" | sed 's/^/    /'; } >>"$GITHUB_STEP_SUMMARY"
fi
exit "$status"
