#!/bin/sh
# A test host: a network namespace of its own with its own Docker Engine, so that tests disturb nothing and nobody disturbs them.
#   host.sh start NAME [N]   namespace skiff-NAME, address 10.99.N.2/24 (N: 1..254, 1 unless given); prints the engine's socket
#   host.sh images NAME      busybox:latest and nginx:alpine in that engine, from the distribution's packages
#   host.sh run NAME CMD …   runs CMD there (DOCKER_HOST set)
#   host.sh stop-engine NAME ends the engine alone; `start` brings it back
#   host.sh stop NAME        ends what `start` began and removes it
# Needs root, docker.io, iproute2; `images` also busybox-static, curl and nginx-light.
set -eu
verb=$1 name=$2; shift 2
ns=skiff-$name dir=${SKIFF_TESTBED_DIR:-/tmp/skiff-testbed}/$name sock=$dir/docker.sock
inside() { nsenter --net=/var/run/netns/"$ns" "$@"; }
engine() { docker -H "unix://$sock" "$@"; }

start() {
  n=${1:-1}
  mkdir -p "$dir"
  if ! ip netns list | grep -q "^$ns\b"; then
    ip netns add "$ns"
    inside ip link set lo up
    inside ip link add eth0 type veth peer name uplink # the far end stands for the outside world
    inside ip link set uplink up
    inside ip addr add "10.99.$n.2/24" dev eth0
    inside ip link set eth0 up
    inside ip route add default via "10.99.$n.1"
  fi
  if ! engine version >/dev/null 2>&1; then
    # Not through inside(): the shell's copy of stdout would live on with the engine, and who reads our output would wait for it.
    nsenter --net=/var/run/netns/"$ns" dockerd --bridge=none --data-root "$dir/data" --exec-root "$dir/exec" -H "unix://$sock" --pidfile "$dir/pid" \
      >"$dir/dockerd.log" 2>&1 &
    i=0
    until engine version >/dev/null 2>&1; do
      i=$((i + 1)); [ $i -lt 300 ] || { tail -n 20 "$dir/dockerd.log" >&2; exit 1; }
      sleep 0.1
    done
  fi
  echo "unix://$sock"
}

# Mounts that the engine, or what ran in it, left below our own directory: the next engine would find its files busy.
unmount_left() {
  awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | while read -r mount; do umount -l "$mount" 2>/dev/null || true; done
}

stop_engine() {
  pid=$(cat "$dir/pid")
  kill "$pid" 2>/dev/null || true
  i=0
  while kill -0 "$pid" 2>/dev/null && [ $i -lt 200 ]; do i=$((i + 1)); sleep 0.1; done
  kill -0 "$pid" 2>/dev/null || unmount_left
}

stop() {
  if [ -f "$dir/pid" ]; then
    ids=$(engine ps -aq 2>/dev/null || true)
    # shellcheck disable=SC2086
    [ -z "$ids" ] || engine rm -f $ids >/dev/null 2>&1 || true
    stop_engine
  fi
  ! ip netns list | grep -q "^$ns\b" || ip netns del "$ns"
  unmount_left
  rm -rf "$dir"
}

copy_with_libraries() { # ROOT FILE…
  root=$1; shift
  for file; do
    mkdir -p "$root$(dirname "$file")"
    cp -L "$file" "$root$file"
    for lib in $(ldd "$file" 2>/dev/null | grep -o '/[^ )]*'); do
      mkdir -p "$root$(dirname "$lib")"
      [ -e "$root$lib" ] || cp -L "$lib" "$root$lib"
    done
  done
}

images() {
  root=$(mktemp -d)
  mkdir -p "$root/bin" "$root/tmp" "$root/etc" "$root/root"
  cp /bin/busybox "$root/bin/"
  for applet in $(/bin/busybox --list); do [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"; done
  rm "$root/bin/wget" # a static busybox's wget crashes when it resolves a name: curl stands in, with the libraries that takes
  copy_with_libraries "$root" "$(command -v curl)"
  for lib in /lib/*-linux-gnu/libnss_dns.so.2 /lib/*-linux-gnu/libnss_files.so.2 /lib/*-linux-gnu/libresolv.so.2; do copy_with_libraries "$root" "$lib"; done
  printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnobody:x:65534:\n' >"$root/etc/group"
  chmod 1777 "$root/tmp"
  tar -C "$root" -c . | engine import -c 'ENV PATH=/bin:/usr/bin' -c 'CMD ["sh"]' - busybox:latest >/dev/null
  copy_with_libraries "$root" /usr/sbin/nginx
  mkdir -p "$root/etc/nginx/conf.d" "$root/usr/share/nginx/html" "$root/var/log/nginx" "$root/var/lib/nginx" "$root/run" "$root/var/run"
  cp /etc/nginx/mime.types "$root/etc/nginx/"
  echo '<h1>Welcome to nginx!</h1>' >"$root/usr/share/nginx/html/index.html"
  cat >"$root/etc/nginx/nginx.conf" <<'EOF'
user nobody nobody;
worker_processes 1;
events { worker_connections 256; }
http {
  include mime.types;
  access_log /dev/stdout;
  server { listen 80; root /usr/share/nginx/html; }
}
EOF
  tar -C "$root" -c . | engine import -c 'ENV PATH=/bin' -c 'EXPOSE 80' \
    -c 'CMD ["/usr/sbin/nginx", "-g", "daemon off; error_log /dev/stderr;"]' - nginx:alpine >/dev/null
  rm -rf "$root"
}

case $verb in
  start) start "$@" ;;
  stop) stop ;;
  stop-engine) stop_engine ;;
  images) images ;;
  run) export DOCKER_HOST="unix://$sock"; exec nsenter --net=/var/run/netns/"$ns" "$@" ;;
  *) sed -n '2,9p' "$0"; exit 2 ;;
esac
