#!/usr/bin/env bash
# browser-up.sh -- the Chromium that the tests open pages in: Debian's and Ubuntu's package, where the tests run as root.
set -euo pipefail

say() { printf 'browser-up: %s\n' "$*" >&2; }

if command -v chromium >/dev/null; then exit 0; fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "Chromium is not installed: the tests that need it will fail. On Debian or Ubuntu: sudo apt-get install chromium"
    exit 0
fi
say "installing Chromium for the tests"
export DEBIAN_FRONTEND=noninteractive
log="$(mktemp)"
if ! { apt-get update -q && apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    say "chromium could not be installed (the whole log: $log)"
    exit 3
fi
rm -f "$log"
