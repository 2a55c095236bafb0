#!/usr/bin/env bash
# base-image.sh -- make sure that there is an image for generated scripts to run on.
# Prints its name on standard output, everything else on standard error.
#
# python:3.12-slim (or BASE_IMAGE) where it is present or can be pulled. Where no
# registry answers, one of the same shape is put together on this machine:
#   host         from this Debian's own files as dpkg lists them, and a CPython of
#                pyenv; nothing is downloaded
#   mmdebstrap   a fresh Debian from its default mirror
# Both need root and Debian or Ubuntu; elsewhere this says what to do, exit 3.
#
#   BASE_IMAGE=...             the image to look for and pull (default python:3.12-slim)
#   META_AGENT_LOCAL_IMAGE=... name of the image made here
#   META_AGENT_BASE_METHOD=... host or mmdebstrap, and no attempt to pull
set -euo pipefail
umask 022
export LC_ALL=C

WANTED="${BASE_IMAGE:-python:3.12-slim}"
LOCAL="${META_AGENT_LOCAL_IMAGE:-meta-agent/python-base:bookworm}"
METHOD="${META_AGENT_BASE_METHOD:-}"
APP_UID=10001

say() { printf 'base-image: %s\n' "$*" >&2; }
fail() { say "$*"; exit 3; }

is_present() { docker image inspect "$1" >/dev/null 2>&1; }
is_debian_root() { [ "$(id -u)" -eq 0 ] && [ "$(uname -s)" = Linux ] && command -v apt-get >/dev/null; }

# macOS has no timeout, but perl.
limited() {
    local seconds="$1"
    shift
    if command -v timeout >/dev/null; then
        timeout "$seconds" "$@"
    elif command -v perl >/dev/null; then
        perl -e 'alarm shift; exec @ARGV' "$seconds" "$@"
    else
        "$@"
    fi
}

# Where an image can be made here a slow registry is not worth a long wait.
pull() {
    local seconds=900
    if is_debian_root; then seconds=60; fi
    say "pulling $1"
    limited "$seconds" docker pull --quiet "$1" >/dev/null 2>&1
}

# --- an image made here ------------------------------------------------------------

find_pyenv_python() {
    local versions="${PYENV_ROOT:-$HOME/.pyenv}/versions" minor prefix
    for minor in 12 13 11 14; do
        for prefix in "$versions"/3."$minor".*; do
            if [ -x "$prefix/bin/python3.$minor" ]; then printf '%s\n' "$prefix"; return; fi
        done
    done
}

can_use_host() {
    command -v dpkg-query >/dev/null && [ -L /bin ] && [ -n "$(find_pyenv_python)" ]
}

# CPython without its tests, headers, GUI and other people's packages.
copy_python() {
    local prefix="$1" root="$2" version="$3" library
    set -- "bin/python$version" "lib/python$version"
    for library in "$prefix/lib/libpython$version".so*; do
        if [ -e "$library" ]; then set -- "$@" "lib/${library##*/}"; fi
    done
    tar -C "$prefix" -c \
        --exclude="lib/python$version/site-packages" --exclude="lib/python$version/test" \
        --exclude="lib/python$version/config-*" --exclude="lib/python$version/idlelib" \
        --exclude="lib/python$version/tkinter" --exclude="lib/python$version/turtledemo" \
        --exclude="lib/python$version/lib-dynload/_test*" \
        --exclude='*.opt-1.pyc' --exclude='*.opt-2.pyc' --exclude='lib/*.a' \
        "$@" | tar -x -C "$root/usr/local"
    ln -s "python$version" "$root/usr/local/bin/python3"
    ln -s python3 "$root/usr/local/bin/python"
    mkdir -p "$root/usr/local/lib/python$version/site-packages"
}

# Shared libraries that the interpreter and its extension modules link to.
python_libraries() {
    local prefix="$1" version="$2"
    find "$prefix/lib/python$version/lib-dynload" "$prefix/bin/python$version" -type f \
        ! -name '_test*' ! -name '_tkinter*' -print0 \
        | { xargs -0 ldd 2>/dev/null || true; } \
        | awk -v own="$prefix/" '$2 == "=>" && $3 ~ /^\// && index($3, own) != 1 {print $3}' | sort -u \
        | xargs realpath | sort -u
}

# Debian packages of the image: the essential ones, a few more, the libraries' owners, and what these need.
image_packages() {
    local wanted
    wanted="$(dpkg-query -W -f '${Essential} ${Package}\n' | awk '$1 == "yes" {print $2}')
$(python_libraries "$1" "$2" | sed 'p; s,^/usr/,/,' | { xargs dpkg-query -S 2>/dev/null || true; } | cut -d: -f1)
ca-certificates tzdata netbase passwd mawk libstdc++6"
    # shellcheck disable=SC2086 # package names, one word each
    apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks \
        --no-replaces --no-enhances $wanted 2>/dev/null \
        | grep -E '^[a-z0-9]' | cut -d: -f1 | sort -u \
        | grep -vxE 'perl|perl-modules-.*|libperl.*|debconf|openssl|cdebconf'
}

# Files of the packages given on standard input that exist, without documentation and the host's own state.
package_files() {
    { xargs dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' 2>/dev/null || true; } \
        | awk '$1 == "installed" {print $2}' | xargs dpkg-query -L \
        | grep -vE '^/usr/share/(man|doc|doc-base|info|locale|lintian|bug|i18n|bash-completion|perl5)(/|$)|^/usr/share/zoneinfo/(right|posix)(/|$)|^/usr/lib/systemd|^/lib/systemd|/gconv/|^/(proc|sys|dev)/' \
        | sort -u | while IFS= read -r file; do
            if [ -e "$file" ] || [ -L "$file" ]; then printf '.%s\n' "$file"; fi
        done
}

# What the packages' own install scripts would have written.
finish_debian() {
    local root="$1"
    cp -a /usr/share/base-passwd/passwd.master "$root/etc/passwd"
    cp -a /usr/share/base-passwd/group.master "$root/etc/group"
    printf '%s\n' 'passwd: files' 'group: files' 'shadow: files' 'hosts: files dns' 'networks: files' \
        'protocols: files' 'services: files' >"$root/etc/nsswitch.conf"
    [ -e "$root/usr/bin/awk" ] || ln -s mawk "$root/usr/bin/awk"
    [ -e "$root/usr/bin/which" ] || ln -s which.debianutils "$root/usr/bin/which"
    ln -sf /usr/share/zoneinfo/Etc/UTC "$root/etc/localtime"
    echo Etc/UTC >"$root/etc/timezone"
    ldconfig -r "$root"
}

build_host() {
    local root="$1" prefix version folder
    prefix="$(find_pyenv_python)"
    version="$("$prefix/bin/python3" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64" \
        "$root/usr/local/bin" "$root/usr/local/lib"
    for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
    copy_python "$prefix" "$root" "$version"
    image_packages "$prefix" "$version" | package_files >"$root.files"
    tar -C / -c --no-recursion --files-from="$root.files" 2>/dev/null | tar -x -C "$root" --keep-directory-symlink
    finish_debian "$root"
    chroot "$root" /usr/local/bin/python3 -m ensurepip --default-pip >/dev/null 2>&1
}

build_mmdebstrap() {
    local root="$1"
    export DEBIAN_FRONTEND=noninteractive
    if ! command -v mmdebstrap >/dev/null; then
        say "installing mmdebstrap"
        { apt-get update -q && apt-get install -y -q --no-install-recommends mmdebstrap; } >/dev/null 2>&1
    fi
    mmdebstrap --quiet --mode=root --variant=essential --format=directory \
        --include=python3,python3-pip,ca-certificates,tzdata --aptopt='Acquire::Languages "none"' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$root" >&2
    # pip may install into a container, which is no shared system.
    rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
    ln -sf python3 "$root/usr/bin/python"
}

# The user of generated scripts, the host's certificates (a company's own included), nothing of the host's identity.
finish_image() {
    local root="$1"
    mkdir -p "$root/etc/ssl/certs" "$root/usr/lib/ssl"
    if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
        cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    fi
    ln -sfn /etc/ssl/certs "$root/usr/lib/ssl/certs"
    ln -sf /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
    echo "app:x:$APP_UID:$APP_UID:app:/home/app:/usr/sbin/nologin" >>"$root/etc/passwd"
    echo "app:x:$APP_UID:" >>"$root/etc/group"
    install -d -o "$APP_UID" -g "$APP_UID" "$root/home/app"
    mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp" "$root/var/tmp" "$root/root" "$root/app"
    chmod 1777 "$root/tmp" "$root/var/tmp"
    rm -rf "$root/etc/hostname" "$root/etc/machine-id" "$root/etc/shadow-" "$root/etc/passwd-" \
        "$root/var/cache/"* "$root/var/log/"*
    : >"$root/etc/resolv.conf"
    : >"$root/etc/hosts"
    find "$root" -xdev -type f -perm /6000 -exec chmod a-s {} +
}

import_image() {
    tar -C "$1" --numeric-owner -c . | docker import \
        --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin' \
        --change 'ENV LANG=C.UTF-8' \
        --change 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt' \
        --change 'ENV PIP_DISABLE_PIP_VERSION_CHECK=1' \
        --change 'CMD ["python3"]' --change "LABEL meta-agent.base=$3" - "$2" >/dev/null
}

# An image is trusted only if what scripts need works in it, as their user and without a network.
works() {
    docker run --rm --network none --user "$APP_UID:$APP_UID" "$1" python3 -c '
import bz2, ctypes, decimal, hashlib, lzma, os, pip, pwd, sqlite3, ssl, sys, uuid, zlib, zoneinfo
assert sys.version_info >= (3, 11), sys.version
assert ssl.create_default_context().get_ca_certs()
zoneinfo.ZoneInfo("Europe/Rome"), zoneinfo.ZoneInfo("America/New_York")
assert pwd.getpwuid(os.getuid()).pw_name == "app"' >&2
}

# In a subshell, so that the first command that fails ends this method and not the script.
make_image() (
    set -e
    method="$1"
    stage="$(mktemp -d "${TMPDIR:-/tmp}/base-image.XXXXXX")"
    trap 'rm -rf "$stage"; docker image rm "$LOCAL.new" >/dev/null 2>&1 || true' EXIT
    say "making $LOCAL on this machine ($method)"
    mkdir "$stage/root"
    "build_$method" "$stage/root"
    finish_image "$stage/root"
    import_image "$stage/root" "$LOCAL.new" "$method"
    works "$LOCAL.new"
    docker tag "$LOCAL.new" "$LOCAL"
)

make_some_image() {
    local method methods="${METHOD:-host mmdebstrap}" outcome
    if ! is_debian_root; then
        fail "$WANTED is not here and could not be pulled. Connect to the internet and run: docker pull $WANTED (or set BASE_IMAGE to an image of yours with Python 3.11 or newer). Nothing was changed."
    fi
    for method in $methods; do
        if [ "$method" = host ] && ! can_use_host; then continue; fi
        # Not "if make_image": that would switch off set -e inside it.
        set +e
        make_image "$method"
        outcome=$?
        set -e
        if [ "$outcome" -eq 0 ]; then return 0; fi
        say "the method $method failed"
    done
    fail "no base image could be made here. Pull $WANTED on a machine with a registry, then: docker save $WANTED | docker load"
}

docker info >/dev/null 2>&1 || fail "no Docker daemon answers; run tools/docker-up.sh first."
if [ -z "$METHOD" ]; then
    if is_present "$WANTED"; then printf '%s\n' "$WANTED"; exit 0; fi
    if is_present "$LOCAL"; then printf '%s\n' "$LOCAL"; exit 0; fi
    if pull "$WANTED"; then printf '%s\n' "$WANTED"; exit 0; fi
fi
make_some_image
printf '%s\n' "$LOCAL"
