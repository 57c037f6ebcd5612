#!/usr/bin/env bash
# Runs a command with FAIRLEAD_TEST_POSTGRES naming a throwaway PostgreSQL that ends with it.
set -euo pipefail

find_server() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }

bin=$(find_server)
if [ -z "$bin" ]; then
  [ "$(id -u)" = 0 ] || { echo "postgres.sh: no PostgreSQL server here; install the package postgresql" >&2; exit 1; }
  echo "postgres.sh: installing the distribution's postgresql" >&2
  apt-get update -q >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postgresql >&2
  bin=$(find_server)
fi

dir=$(mktemp -d)
# PostgreSQL refuses to run as root, so root lends it the distribution's user.
if [ "$(id -u)" = 0 ]; then chown postgres "$dir"; as=(runuser -u postgres --); else as=(); fi

stop() { "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"; }
trap stop EXIT

cd "$dir"
"${as[@]}" "$bin/initdb" -D "$dir/data" -U fairlead -A trust -E UTF8 >"/dev/null"
# Unix socket only: no port to collide with.
"${as[@]}" "$bin/pg_ctl" -D "$dir/data" -w -o "-c listen_addresses='' -k $dir -c fsync=off" start >/dev/null
cd "$OLDPWD"
export FAIRLEAD_TEST_POSTGRES="postgres:///postgres?host=$dir&user=fairlead"
"$@"
