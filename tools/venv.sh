#!/usr/bin/env bash
# venv.sh LOCK -- make .venv where it is missing and install the packages of a lock file into it. pip
# takes nothing whose hash is not in the lock, and builds nothing.
#
#   META_AGENT_PYTHON=...  the Python to use (default: the first of 3.12, 3.11, 3.13, 3.10 and newer ones)
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'venv: %s\n' "$*" >&2; }
fail() { say "$*"; exit 3; }

is_usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; }
can_make_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

find_python() {
    local name
    for name in "${META_AGENT_PYTHON:-python3.12}" python3.11 python3.13 python3.10 python3.14 python3 python; do
        if is_usable "$name"; then printf '%s\n' "$name"; return; fi
    done
    fail "no Python 3.10 or newer was found. Install one (https://www.python.org/downloads/) or name it with META_AGENT_PYTHON."
}

# Debian and Ubuntu keep a part of the venv module in a package of its own.
install_venv_package() {
    local package
    package="$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    if ! command -v apt-get >/dev/null; then
        fail "$1 has no venv module; install it, or name another Python with META_AGENT_PYTHON."
    fi
    if [ "$(id -u)" -ne 0 ]; then
        fail "$1 has no venv module. Install it with: sudo apt-get install $package"
    fi
    say "installing $package"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -q && apt-get install -y -q --no-install-recommends "$package"; } >/dev/null 2>&1 \
        || fail "$package could not be installed; install it by hand, or name another Python with META_AGENT_PYTHON."
}

if ! is_usable .venv/bin/python; then
    python="$(find_python)"
    can_make_venv "$python" || install_venv_package "$python"
    say "making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi

say "installing $1"
.venv/bin/python -m pip install --quiet --quiet --no-input --disable-pip-version-check \
    --require-hashes --only-binary :all: -r "$1" \
    || fail "the packages could not be installed; check the network and run the command again."
