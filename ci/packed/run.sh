#!/usr/bin/env bash
# run.sh TARBALL FOLDER: installs the packed package into a project of its own, as a user does, without what is optional,
# with no script of any package run, and uses it there: as a command that may read and nothing else, from strict TypeScript (nodenext, bundler) and from JavaScript.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
tarball=$(realpath "$1")
mkdir -p "$2" && cd "$2"
printf '{"name":"user","private":true,"type":"module"}\n' >package.json
npm install --ignore-scripts --no-audit --no-fund --omit=optional --silent "$tarball" "@types/node@$(node -p "require('$root/node_modules/@types/node/package.json').version")"
cp "$root"/ci/packed/strict.ts "$root"/ci/packed/plain.js "$root"/ci/packed/plain.cjs .
for how in 'nodenext nodenext' 'esnext bundler'; do
  "$root/node_modules/.bin/tsc" --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess --verbatimModuleSyntax --target es2023 \
    --types node --module "${how% *}" --moduleResolution "${how#* }" --outDir "out-${how#* }" strict.ts
done
session=node_modules/uamgscope/captures/wua-session.pcapng
# Foreign captures under Node's permission model: neither files nor processes nor threads can be made (docs/security.md).
permission=$(node -e 'process.stdout.write(process.allowedNodeEnvironmentFlags.has("--permission") ? "--permission" : "--experimental-permission")')
decoded() { node "$permission" --no-warnings --allow-fs-read="$PWD/" node_modules/uamgscope/dist/src/main.js decode "$session" "$@"; }
decoded --strict >decoded.txt
wc -l <decoded.txt
if decoded --export-keys "$PWD/keys.txt" >/dev/null 2>&1 || [ -e keys.txt ]; then echo 'a file was written without permission'; exit 1; fi
node out-nodenext/strict.js "$session"
node plain.js "$session"
if node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)'; then
  node plain.cjs "$session"
else
  echo "CommonJS: left out, Node $(node --version) cannot require a module"
fi
# Without its optional engine `query` says how to get it, and all else works.
if node node_modules/uamgscope/dist/src/main.js query 'SELECT 1' "$session" 2>query.txt; then echo 'query asked nobody' >&2; exit 1; fi
grep -q 'npm install @duckdb/node-api' query.txt
node node_modules/uamgscope/dist/src/main.js export "$session" -o lake
