#!/bin/sh
# Permanent install on a machine with systemd: puts the build of this clone below /usr/local/lib/skiff, `skiff` into /usr/local/bin and
# two units into /etc/systemd/system, and starts them. Run again from a newer clone, it upgrades. Nothing is downloaded beyond what
# `./skiff` needs anyway; the clone is not needed afterwards.
#   DESTDIR=/some/root deploy/install.sh    only puts the files there
set -eu
root=$(dirname "$(dirname "$(readlink -f "$0")")")
dest=${DESTDIR-}
lib=$dest/usr/local/lib/skiff
say() { printf '%s\n' "$*" >&2; }
die() { say "install.sh: $*"; exit 1; }

[ -n "$dest" ] || [ "$(id -u)" = 0 ] || die "run it as root: sudo $0"
[ -n "$dest" ] || [ -d /run/systemd/system ] || die "this machine does not run systemd: start the cluster with ./skiff up"
if [ -z "$dest" ] && [ -f /var/lib/skiff/run/supervisor.pid ] && kill -0 "$(cat /var/lib/skiff/run/supervisor.pid)" 2>/dev/null; then
  die 'a cluster that "skiff up" started is running in /var/lib/skiff: run "./skiff down" first; the data is kept'
fi

"$root/skiff" set-up
[ -z "$dest" ] || mkdir -p "$dest"

# The program, and the packages that it loads at run time.
rm -rf "$lib.new"
mkdir -p "$lib.new/node_modules/.bin"
cp -R "$root/dist" "$root/deploy" "$root/docs" "$root/README.md" "$root/package.json" "$root/skiff" "$lib.new/"
(cd "$root" && PATH=$root/node_modules/.bin:$PATH node scripts/runtime-packages.ts) | while read -r package; do
  mkdir -p "$(dirname "$lib.new/$package")"
  cp -RL "$root/$package" "$lib.new/$package"
done
cp -L "$root/node_modules/.bin/node" "$lib.new/node_modules/.bin/node"
rm -rf "$lib.old"
[ ! -e "$lib" ] || mv "$lib" "$lib.old"
mv "$lib.new" "$lib"
rm -rf "$lib.old"

mkdir -p "$dest/usr/local/bin" "$dest/etc/systemd/system" "$dest/etc/skiff"
ln -sf ../lib/skiff/skiff "$dest/usr/local/bin/skiff"
cp "$root/deploy/skiff-server.service" "$root/deploy/skiff-agent.service" "$dest/etc/systemd/system/"
[ -e "$dest/etc/skiff/config.yaml" ] || cat >"$dest/etc/skiff/config.yaml" <<'END'
# Settings of the cluster: apiPort, agentPort, nodeName, podCIDR, serviceCIDR … (see /usr/local/lib/skiff/README.md)
# Then: systemctl restart skiff-server skiff-agent
END
[ -z "$dest" ] || exit 0

systemctl daemon-reload
systemctl enable --quiet skiff-server skiff-agent
systemctl restart skiff-server skiff-agent
say 'Installed and started: "skiff status" tells how it is, "skiff kubeconfig" prints the kubeconfig.'
