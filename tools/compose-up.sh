#!/usr/bin/env bash
# compose-up.sh -- Docker Compose for the tests, beside the user's own.
#
# Compose v5 comes from the development requirements and is made a plugin of the
# docker client by a private DOCKER_CONFIG, .venv/docker-config. Compose v1, which
# the deployment packages support as well, is Debian's and Ubuntu's docker-compose:
# installed where the tests run as root.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'compose-up: %s\n' "$*" >&2; }

plugins=.venv/docker-config/cli-plugins
mkdir -p "$plugins"
ln -sf ../../bin/docker-compose "$plugins/docker-compose"

# The development requirements' own docker-compose is v5 and not what is asked for here.
has_compose_v1() { docker-compose --version 2>/dev/null | grep -q 'version 1\.'; }

if has_compose_v1; then exit 0; fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "Compose v1 is not installed: the tests that need it will fail. On Debian or Ubuntu: sudo apt-get install docker-compose"
    exit 0
fi
say "installing Compose v1 (docker-compose) for the tests"
export DEBIAN_FRONTEND=noninteractive
log="$(mktemp)"
if ! { apt-get update -q && apt-get install -y -q --no-install-recommends docker-compose; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    say "docker-compose could not be installed (the whole log: $log)"
    exit 3
fi
rm -f "$log"
