#!/bin/sh
# Keeps the server and the agent running, each apart from the other. Started by `skiff up`; ends on SIGTERM, its children first.
#   supervisor.sh DATA_DIR NODE PROGRAM [flags of `skiff server` and `skiff agent`]
# A child that ends is started again, after 1, 2, 4 … 30 seconds when it keeps ending; 78 is a configuration error that trying again
# cannot mend. SIGHUP ends a wait between two tries. A shell, because it needs a hundredth of another Node's memory.
set -u
data=$1 node=$2 program=$3; shift 3
run=$data/run logs=$data/logs
mkdir -p "$run" "$logs"
max_log_bytes=10485760
# V8's youngest objects in at most 2 MiB instead of 16 in the agent: less memory for about as much work. The server has many requests
# under way at once, which 2 MiB would copy about over and over: a quarter of its work; it gives the memory of its start back instead
# (docs/benchmarks.md).
node_flags='--disable-warning=ExperimentalWarning'
agent_flags='--max-semi-space-size=2'
server_flags='--max-semi-space-size=16 --expose-gc'

keep() { # COMPONENT flags…
  component=$1; shift
  child='' pause='' ending='' wait_s=1
  trap '[ -z "$pause" ] || kill "$pause" 2>/dev/null' HUP
  trap 'ending=1; for pid in $child $pause; do kill -TERM "$pid" 2>/dev/null; done' TERM INT
  # Once the supervisor itself was killed, nothing is started again: the next `skiff up` ends what is left and starts anew.
  while [ -z "$ending" ] && grep -qs . "/proc/$$/cmdline"; do
    log=$logs/$component.log
    [ ! -f "$log" ] || [ "$(wc -c <"$log")" -le "$max_log_bytes" ] || mv -f "$log" "$log.1"
    rm -f "$run/$component.failed" "$run/$component.ready"
    began=$(date +%s)
    [ "$component" = server ] && own_flags=$server_flags || own_flags=$agent_flags
    # shellcheck disable=SC2086
    "$node" $node_flags $own_flags "$program" "$component" "$@" >>"$log" 2>&1 &
    child=$!
    echo "$child" >"$run/$component.pid"
    wait "$child"; code=$?
    # A signal ends `wait` before the child: wait again for the child itself.
    while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
    child=''
    rm -f "$run/$component.pid" "$run/$component.ready"
    [ -z "$ending" ] || break
    echo "$code" >"$run/$component.failed"
    [ $code -ne 78 ] || break
    [ $(($(date +%s) - began)) -lt 60 ] || wait_s=1
    sleep $wait_s & pause=$!
    wait "$pause"; pause=''
    wait_s=$((wait_s * 2)); [ $wait_s -le 30 ] || wait_s=30
  done
}

echo $$ >"$run/supervisor.pid"
keep server "$@" & server=$!
keep agent "$@" & agent=$!
stop() { trap '' TERM INT; kill -TERM $agent $server 2>/dev/null; }
trap stop TERM INT
trap 'kill -HUP $agent $server 2>/dev/null' HUP
wait $server; wait $agent
while kill -0 $server 2>/dev/null || kill -0 $agent 2>/dev/null; do wait $server; wait $agent; done
rm -f "$run/supervisor.pid"
