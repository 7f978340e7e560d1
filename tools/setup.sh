#!/usr/bin/env bash
# Prepare a machine for Horizon: system packages, then .venv with Horizon and its test tools.
# Ends at once when nothing changed since the last time.
#   PYTHON  interpreter of .venv; by default that of the .venv there is, else the first of the
#           system's python3, python3, python3.13, python3.12, python3.11 that is a 3.11 to 3.13
#   VENV    folder of the virtual environment (default .venv)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV=${VENV:-.venv}
STAMP=$VENV/.horizon-setup
SUPPORTED='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
VERSION='import sys; print("%d.%d.%d" % sys.version_info[:3])'

say() { printf '==> %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# That of the system comes first: distributions build theirs with profiles of what it does, which
# one that was built by hand (pyenv) mostly is not; that took half as long again for everything.
choose_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        echo "$PYTHON"
        return
    fi
    for candidate in "$VENV/bin/python" /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c "$SUPPORTED" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    die 'no Python 3.11, 3.12 or 3.13 found: name one with PYTHON=…'
}

# What the environment was made from. The path counts too: scripts in a .venv name it.
fingerprint() {
    { pwd; "$1" -c "$VERSION"; extras; cat setup.py setup.cfg pyproject.toml tools/setup.sh tools/ryu_wheel/*.py; } \
        | sha256sum
}

make_venv() {
    local python=$1 wanted
    wanted=$("$python" -c "$VERSION")
    if [ "$("$VENV/bin/python" -c "$VERSION" 2>/dev/null)" != "$wanted" ]; then
        say "virtual environment $VENV with Python $wanted"
        # Out of a .venv about to be replaced, to the interpreter it was made with.
        python=$("$python" -c 'import sys; print(sys._base_executable)')
        rm -rf "$VENV"
        "$python" -m venv "$VENV" || die "Python's venv module does not work (Debian: python3-venv)"
    fi
}

# libvirt's binding is compiled against the library of this machine: where that is missing, the
# controller runs all the same, and xen_bridge has its memory back end.
extras() {
    if pkg-config --exists libvirt 2>/dev/null; then echo test,xen; else echo test; fi
}

# The page is built meanwhile, on the other processor; and what pip installs is compiled by both.
install() {
    local page
    tools/build_page.sh --if-possible &
    page=$!
    trap 'kill "$page" 2>/dev/null || true' EXIT
    make_venv "$1"
    "$VENV/bin/python" -m tools.ryu_wheel
    say 'Horizon and its test tools'
    "$VENV/bin/python" -m pip install --disable-pip-version-check --no-compile -e ".[$(extras)]"
    # Some packages bring examples of faulty Python along.
    "$VENV/bin/python" -W ignore -m compileall -q -j 0 "$VENV/lib" >/dev/null || true
    "$VENV/bin/ryu-manager" --version
    wait "$page"
    trap - EXIT
}

main() {
    local python print
    tools/system_packages.sh
    python=$(choose_python)
    "$python" -c "$SUPPORTED" 2>/dev/null || die "$python is not a Python 3.11, 3.12 or 3.13"
    print=$(fingerprint "$python")
    if [ "$(cat "$STAMP" 2>/dev/null)" = "$print" ]; then
        tools/build_page.sh --if-possible
        return
    fi
    install "$python"
    echo "$print" > "$STAMP"
    say "ready: $VENV"
}

main
