#!/usr/bin/env bash
# docker-up.sh -- make sure that a Docker daemon answers. Safe to run again and again.
#
#   a daemon answers              nothing is done
#   root on Debian or Ubuntu      docker.io is installed if needed and dockerd started, after saying so;
#                                 where there is a terminal, it asks first
#   anything else                 nothing is changed; says what to do, exit 3
#
#   META_AGENT_START_DOCKER=0     never install or start anything; 1: do not ask
#   META_AGENT_DOCKER_STATE=...   where a daemon started here, without systemd, keeps its data, pid and log
#   META_AGENT_DOCKER_WAIT=60     seconds to wait for the daemon
set -euo pipefail

STATE="${META_AGENT_DOCKER_STATE:-/var/lib/meta-agent/docker}"
WAIT="${META_AGENT_DOCKER_WAIT:-60}"

say() { printf 'docker-up: %s\n' "$*" >&2; }
fail() { say "$*"; exit 3; }

# A daemon that hangs must not hang us; macOS has no timeout, where Docker Desktop's client gives up by itself.
limited() {
    if command -v timeout >/dev/null; then timeout 10 "$@"; else "$@"; fi
}

answers() {
    command -v docker >/dev/null && limited docker info >/dev/null 2>&1
}

how_to_start() {
    if [ "$(uname -s)" = Darwin ]; then
        printf 'Start Docker Desktop (open -a Docker), or install it from https://docs.docker.com/desktop/.'
    elif [ "$(id -u)" -ne 0 ]; then
        printf 'Start Docker (sudo systemctl start docker) and be in its group (sudo usermod -aG docker %s, then log in again), or install it from https://docs.docker.com/engine/install/.' "${USER:-you}"
    else
        printf 'Start Docker (systemctl start docker), or install it from https://docs.docker.com/engine/install/.'
    fi
}

# True where this script may install and start a daemon at all.
is_root_with_apt() {
    [ "$(id -u)" -eq 0 ] && [ "$(uname -s)" = Linux ] && command -v apt-get >/dev/null
}

consent() {
    local answer
    say "no Docker daemon answers; $1"
    if [ "${META_AGENT_START_DOCKER:-}" = 1 ] || [ "${CI:-}" = true ] || ! { [ -t 0 ] && [ -t 2 ]; }; then
        return 0
    fi
    printf 'docker-up: go on? [y/N] ' >&2
    read -r answer
    case "$answer" in [yY] | [yY][eE][sS]) return 0 ;; *) return 1 ;; esac
}

install_docker() {
    local log policy=/usr/sbin/policy-rc.d
    log="$(mktemp)"
    # The package would start a service where there is no init to run it.
    if [ ! -d /run/systemd/system ] && [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive
    if ! { apt-get update -q && apt-get install -y -q --no-install-recommends docker.io iptables; } >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        fail "docker.io could not be installed (the whole log: $log)."
    fi
    rm -f "$log"
}

start_dockerd() {
    if [ -d /run/systemd/system ]; then
        systemctl start docker
        return
    fi
    mkdir -p "$STATE"
    # A pid file left by a machine that was switched off must not stop the new daemon.
    if [ -s "$STATE/pid" ] && ! kill -0 "$(cat "$STATE/pid")" 2>/dev/null; then rm -f "$STATE/pid"; fi
    if [ ! -s "$STATE/pid" ]; then
        setsid dockerd --data-root "$STATE/data" --exec-root "$STATE/exec" --pidfile "$STATE/pid" \
            </dev/null >"$STATE/log" 2>&1 &
    fi
}

wait_for_daemon() {
    local deadline=$(($(date +%s) + WAIT))
    until answers; do
        if [ "$(date +%s)" -ge "$deadline" ]; then
            tail -n 5 "$STATE/log" >&2 2>/dev/null || true
            fail "dockerd did not answer within $WAIT s (its log: $STATE/log, or journalctl -u docker)."
        fi
        sleep 0.5
    done
}

if answers; then exit 0; fi
if [ -n "${DOCKER_HOST:-}" ]; then
    fail "DOCKER_HOST is set to $DOCKER_HOST, where no Docker daemon answers. Start it, or unset DOCKER_HOST. Nothing was changed."
fi
if [ "${META_AGENT_START_DOCKER:-}" = 0 ] || ! is_root_with_apt; then
    fail "no Docker daemon answers. $(how_to_start) Nothing was changed."
fi
if command -v dockerd >/dev/null; then task="starting dockerd"; else task="installing Docker (docker.io) and starting it"; fi
consent "$task" || fail "nothing was changed. $(how_to_start)"
command -v dockerd >/dev/null || install_docker
start_dockerd
wait_for_daemon
