#!/usr/bin/env bash
# Build the web page of web/ into horizon_ryu/page, which the controller serves at /.
# Ends at once when nothing changed since the last time. With --if-possible, a machine without
# Node is no error: the controller then says at / how to build the page.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

TARGET=horizon_ryu/page
STAMP=$TARGET/.built

if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'; then
    echo 'page: Node 18 or newer and npm are needed to build it (Debian: apt-get install nodejs npm)' >&2
    [ "${1:-}" = --if-possible ] && exit 0
    exit 1
fi
print=$(find web/src web/*.mjs web/*.json -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
[ "$(cat "$STAMP" 2>/dev/null)" = "$print" ] && exit 0
echo '==> the web page'
if ! cmp -s web/package-lock.json web/node_modules/.horizon-lock; then
    npm ci --prefix web --no-audit --no-fund --loglevel=error
    cp web/package-lock.json web/node_modules/.horizon-lock
fi
node web/build.mjs
echo "$print" > "$STAMP"
