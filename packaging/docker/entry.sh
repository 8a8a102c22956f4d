#!/bin/sh
# Runs one part of OnRecord in a container: controller, asterisk or phones. Anything else is run as it stands, so that
# `docker compose exec controller onrecord list` and `docker compose run controller sh` do what they say.
#
# No image and no file in the repository holds a password: the first part that starts makes them, in a volume.
set -eu

secrets=${ONRECORD_SECRETS:-/var/lib/onrecord-secrets}

password() {
    file=$secrets/$1.secret
    [ -s "$file" ] && return
    # Written whole under another name first; ln refuses to replace what another container has put there meanwhile.
    new=$(umask 077 && mktemp "$secrets/.$1-XXXXXX")
    head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$new"
    sync "$new"
    if ln "$new" "$file" 2>/dev/null; then echo "made a password: $file"; fi
    rm -f "$new"
    [ -s "$file" ] || { echo "there is no password in $file, and none can be made" >&2; exit 1; }
}

passwords() {
    mkdir -p "$secrets"
    for each in "$@"; do password "$each"; done
}

case ${1:-} in
controller)
    shift
    passwords ami ari
    exec onrecord run "$@"
    ;;
asterisk | phones)
    passwords ami ari admin phone
    [ "$1" = phones ] && part=phones || part=pbx
    exec python3 -m controller.demo "$part"
    ;;
'')
    echo "say which part: controller, asterisk or phones; or a command" >&2
    exit 2
    ;;
*)
    exec "$@"
    ;;
esac
