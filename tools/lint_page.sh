#!/usr/bin/env bash
# Check the sources of the web page: biome (form and rules) and the types. A machine without Node
# has nothing to check them with, which is no error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'; then
    echo 'page: not checked, there is no Node 18 or newer'
    exit 0
fi
tools/build_page.sh --if-possible
npm run --prefix web --silent lint
npm run --prefix web --silent check
