#!/bin/sh
# Makes the secrets that compose.yaml names, once. The folder is its owner's alone; the files in it are readable, since in
# the containers users without rights read them.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
new() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
[ -s secrets/admin_key ] || new >secrets/admin_key
if [ ! -s secrets/database_url ]; then # both or none: they hold the same password
    password=$(new)
    printf '%s' "$password" >secrets/database_password
    printf 'postgresql://assay:%s@database/assay' "$password" >secrets/database_url
fi
chmod 444 secrets/admin_key secrets/database_password secrets/database_url
