#!/usr/bin/python3
"""peak.py NAME COMMAND...: runs the command and prints how long it took and the most memory that it held.

"own" is anonymous memory, looked at ten times a second; "in all" is the kernel's own peak, pages of mapped files included,
which it takes back when it needs them. What the command prints goes to the file that PEAK_LOG names. Its exit code is ours."""
import os
import re
import subprocess
import sys
import time


def own_kib(process_id):
    try:
        with open(f"/proc/{process_id}/status", encoding="ascii") as status:
            found = re.search(r"RssAnon:\s+(\d+) kB", status.read())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def main():
    name, command = sys.argv[1], sys.argv[2:]
    began = time.monotonic()
    with open(os.environ.get("PEAK_LOG", os.devnull), "ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    own = 0
    while True:
        own = max(own, own_kib(process.pid))
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        time.sleep(0.1)
    process.returncode = os.waitstatus_to_exitcode(status)
    print(f"{name:24} {time.monotonic() - began:9.1f} s  processor {usage.ru_utime + usage.ru_stime:8.1f} s  "
          f"own {own / 1024:6.0f} MiB  in all {usage.ru_maxrss / 1024:6.0f} MiB  exit {process.returncode}", flush=True)
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
