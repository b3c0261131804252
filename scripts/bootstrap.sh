#!/bin/sh
# Makes the virtual environment (first argument) hold exactly what the lock file names, with the project on top.
# Needs Python 3.11 or newer with its venv module, and the package index that pip is configured for; nothing else.
# Safe to interrupt: the stamp is written last, and the next start goes on where this one stopped.
set -eu
venv=$1
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        usable "$PYTHON" && echo "$PYTHON" && return
        say "PYTHON=$PYTHON is not a Python 3.11 or newer."
        exit 1
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python; do
        usable "$candidate" && echo "$candidate" && return
    done
    say "UDB needs Python 3.11 or newer; found $(python3 --version 2>/dev/null || echo 'no Python at all')."
    say "Install one (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.13),"
    say "or name it: make PYTHON=/path/to/python3.12"
    exit 1
}

make_venv() {
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        say "$python has no venv module. Debian, Ubuntu: apt-get install python3-venv"
        exit 1
    fi
    "$python" -m venv "$@" "$venv"
}

pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }

# Missing, made by a Python that is gone, or stopped half-way.
if ! usable "$venv/bin/python"; then
    make_venv --clear
elif ! pip --version >/dev/null 2>&1; then
    make_venv
fi

say "Installing the locked packages into $venv; the first time takes a minute or two."
# Without --no-deps pip would resolve again what the lock file has resolved, and stumble over extras it cannot hash.
pip install --quiet --no-compile --no-deps --require-hashes -r requirements-dev.lock
pip install --quiet --no-compile --no-deps --no-build-isolation --editable .
: >"$venv/.installed"
