#!/usr/bin/python3
"""measure.py RESULT COMMAND...: what a command costs, with all that it starts, daemons included.

Writes one object of JSON: seconds, user and system until the command itself ended (of processes that it left behind, what they
took until then), peak_kib and exit. peak_kib is the most that all its processes held together, pages that they share counted once
(looked at five times a second), or the largest peak of one of them if that is more. As root, USER in MEASURE_USER runs it.
"""
import collections
import ctypes
import json
import os
import pwd
import resource
import subprocess
import sys
import threading
import time

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: who loses its parent becomes our child, so no daemon's time is missed.
TICKS = os.sysconf("SC_CLK_TCK")


def below(process_id):
    """The living descendants of a process."""
    children = collections.defaultdict(list)
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    children[int(file.read().rpartition(")")[2].split()[1])].append(int(name))
            except OSError:
                pass
    found = list(children[process_id])
    for each in found:  # Which grows meanwhile.
        found += children[each]
    return found


def processor_time(process_ids):
    """User and system seconds of processes and of the children that they waited for."""
    user = system = 0
    for process_id in process_ids:
        try:
            with open(f"/proc/{process_id}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        user += int(fields[11]) + int(fields[13])
        system += int(fields[12]) + int(fields[14])
    return user / TICKS, system / TICKS


def held_kib(process_ids):
    total = 0
    for process_id in process_ids:
        try:
            with open(f"/proc/{process_id}/smaps_rollup", encoding="ascii") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except (OSError, StopIteration):
            pass
    return total


def main():
    result, command = sys.argv[1], sys.argv[2:]
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    identity = {}
    if os.environ.get("MEASURE_USER"):
        user = pwd.getpwnam(os.environ["MEASURE_USER"])
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    peak = 0
    is_over = threading.Event()

    def watch():
        nonlocal peak
        while not is_over.wait(0.2):
            peak = max(peak, held_kib(below(os.getpid())))

    watcher = threading.Thread(target=watch)
    began = time.monotonic()
    process = subprocess.Popen(command, **identity)
    watcher.start()
    ended = 0
    while ended != process.pid:
        ended, status = os.wait()
    seconds = time.monotonic() - began
    left = processor_time(below(os.getpid()))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    is_over.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    with open(result, "w", encoding="ascii") as file:
        json.dump({"seconds": seconds, "user": usage.ru_utime + left[0], "system": usage.ru_stime + left[1],
                   "peak_kib": max(peak, usage.ru_maxrss), "exit": process.returncode}, file)


if __name__ == "__main__":
    main()
