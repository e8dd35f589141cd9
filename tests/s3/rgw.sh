#!/bin/bash
# A real S3 store for tests: Ceph's RADOS gateway over one monitor and one disk in memory, on free
# ports of the loopback address, with all it writes below one folder.
#   rgw.sh start DIR   prints "ENDPOINT ACCESS_KEY SECRET_KEY"; ends with 77 if Ceph is not installed
#   rgw.sh stop DIR    ends the daemons of that folder, and no other
set -euo pipefail

command=${1:?usage: rgw.sh start|stop DIR}
dir=$(realpath -m "${2:?usage: rgw.sh start|stop DIR}")
daemons=(client.rgw.a osd.0 mon.a) # The gateway first: without the others it does not end by itself.

stop() {
  local name file pid
  for name in "${daemons[@]}"; do
    file=$dir/run/$name.pid
    [ -s "$file" ] || continue
    pid=$(<"$file")
    # A number may have been given to somebody else since.
    grep -qaF "$dir/ceph.conf" "/proc/$pid/cmdline" 2>/dev/null || continue
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 50); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$file"
  done
}

free_ports() {
  /usr/bin/python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(each.getsockname()[1] for each in sockets))'
}

wait_for() { # SECONDS COMMAND...
  local until=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= until)); then
      echo "rgw.sh: waited too long for: $*" >&2
      return 1
    fi
    sleep 0.2
  done
}

write_configuration() { # MONITOR_PORT GATEWAY_PORT
  cat >"$dir/ceph.conf" <<END
[global]
fsid = $fsid
mon host = v2:127.0.0.1:$1
mon initial members = a
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms mon cluster mode = crc
ms mon service mode = crc
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 2000
mon data avail warn = 1
mon data avail crit = 1
run dir = $dir/run
admin socket = $dir/run/\$cluster-\$name.asok
pid file = $dir/run/\$name.pid
log file = $dir/log/\$name.log
setuser match path = $dir
# What is only gathered for a crash's report takes a good part of a core.
debug ms = 0/0
debug rgw = 0/0
debug osd = 0/0
debug objecter = 0/0
debug rados = 0/0
debug memstore = 0/0
debug filer = 0/0
debug auth = 0/0
debug monc = 0/0
[mon.a]
mon data = $dir/mon
[osd]
osd objectstore = memstore
osd data = $dir/osd
memstore device bytes = 8589934592
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:$2
rgw enable usage log = false
END
}

start() {
  local program fsid uuid id ports
  for program in ceph-mon ceph-osd ceph radosgw radosgw-admin monmaptool; do
    command -v "$program" >/dev/null || {
      echo "rgw.sh: $program is not installed (packages ceph-mon ceph-osd ceph-common radosgw)" >&2
      exit 77
    }
  done
  mkdir -p "$dir"/{mon,osd,rgw,run,log}
  trap stop ERR
  fsid=$(</proc/sys/kernel/random/uuid)
  uuid=$(</proc/sys/kernel/random/uuid)
  read -ra ports < <(free_ports)
  write_configuration "${ports[@]}"
  local configuration=(-c "$dir/ceph.conf")
  {
    monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:${ports[0]}]" "$dir/monmap"
    ceph-mon "${configuration[@]}" --mkfs -i a --monmap "$dir/monmap"
    ceph-mon "${configuration[@]}" -i a
    id=$(timeout 60 ceph "${configuration[@]}" osd new "$uuid")
    ceph-osd "${configuration[@]}" -i "$id" --mkfs --osd-uuid "$uuid"
    ceph-osd "${configuration[@]}" -i "$id"
    radosgw "${configuration[@]}" -n client.rgw.a --rgw-data="$dir/rgw"
    wait_for 120 /usr/bin/python3 -c "import urllib.request as u; u.urlopen('http://127.0.0.1:${ports[1]}/')"
    timeout 60 radosgw-admin "${configuration[@]}" -n client.rgw.a user create --uid=tests \
      --display-name=tests --access-key=ACCESSTESTS --secret-key=secret/of+tests
  } >"$dir/log/start.log" 2>&1 </dev/null
  echo "http://127.0.0.1:${ports[1]} ACCESSTESTS secret/of+tests"
}

case $command in
  start) start ;;
  stop) stop ;;
  *)
    echo "usage: rgw.sh start|stop DIR" >&2
    exit 2
    ;;
esac
