#!/bin/sh
# Takes a permanent install away again: units, program, containers, network and rules. Keeps the data in /var/lib/skiff and the settings in
# /etc/skiff; with --purge both go too.
set -eu
case "${1-}" in '' | --purge) ;; *) echo "usage: $0 [--purge]" >&2; exit 2 ;; esac
[ "$(id -u)" = 0 ] || { echo "uninstall.sh: run it as root: sudo $0" >&2; exit 1; }
program=/usr/local/bin/skiff
if [ -d /run/systemd/system ]; then
  systemctl disable --now --quiet skiff-agent skiff-server 2>/dev/null || true
fi
# "${1-}" is --purge or nothing; the cluster may never have been started.
if [ -x "$program" ] && [ -f /var/lib/skiff/cluster.json ]; then "$program" down --data-dir=/var/lib/skiff ${1+"$1"}; fi
rm -f /etc/systemd/system/skiff-server.service /etc/systemd/system/skiff-agent.service "$program"
rm -rf /usr/local/lib/skiff
rm -f /var/lib/skiff/run/systemd
[ "${1-}" != --purge ] || rm -rf /etc/skiff
[ ! -d /run/systemd/system ] || systemctl daemon-reload
