#!/usr/bin/env bash
# lock.sh [--upgrade] -- write the lock files anew from the lists of direct pins: every package with its
# dependencies, versions and hashes, for Linux and macOS and every Python that the lists allow.
#
# What is locked keeps its version as long as it fits; --upgrade takes the newest of what the lists leave open.
# Each lock is made over the one before it, so that all of them agree and can share one .venv.
set -euo pipefail
cd "$(dirname "$0")/.."

KNOWN=meta_agent/templates/package/known_packages
export UV_CUSTOM_COMPILE_COMMAND="make lock"

# lock LOCK PYTHON UNDER LISTS... -- UNDER is a lock to agree with, or none
lock() {
    local file="$1" python="$2" under="$3"
    shift 3
    .venv/bin/uv pip compile --quiet --universal --python-version "$python" --generate-hashes --only-binary :all: \
        --no-emit-index-url --no-emit-find-links ${upgrade:+"$upgrade"} ${under:+--constraint "$under"} \
        --output-file "$file" "$@" >/dev/null
}

upgrade="${1:-}"
lists=(requirements.txt)
lock tools/locks/run.txt 3.10 "" "${lists[@]}"
lists+=(tools/requirements-demo.txt)
lock tools/locks/demo.txt 3.10 tools/locks/run.txt "${lists[@]}"
lock tools/locks/dev.txt 3.10 tools/locks/demo.txt "${lists[@]}" tools/requirements-dev.txt
lock tools/locks/eval.txt 3.10 tools/locks/dev.txt "${lists[@]}" tools/requirements-eval.txt
# Generated scripts run on the base image's Python.
lock "$KNOWN.lock" 3.11 "" "$KNOWN.txt"
