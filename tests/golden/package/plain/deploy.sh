#!/usr/bin/env bash
# Builds and runs this script with whichever Docker Compose is there; ends with the script's own exit code.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
elif command -v docker-compose >/dev/null 2>&1; then
    compose=(docker-compose)
else
    echo "Docker Compose was not found. Install Docker Desktop, or the package docker-compose-plugin." >&2
    exit 6
fi
if ! docker info >/dev/null 2>&1; then
    echo "The Docker engine does not answer. Start Docker, and make sure that you may use it." >&2
    exit 6
fi

exec "${compose[@]}" up --build --exit-code-from script_20251103_073928
