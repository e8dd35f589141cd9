#!/usr/bin/env python3
"""Runs clang-tidy-16 over the product's sources, several at a time, and remembers what passed.

A file is skipped when it passed before with the same content, the same project headers below it, the
same compile command, the same .clang-tidy and the same clang-tidy. The memory lies in the user's cache
folder, so that another clone has it too.

    tools/tidy.py [--jobs N] [FILE...]      FILE: paths below src/; default all but tests
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
BUILD = ROOT / "build" / "tidy"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "reprieve-tidy"
TIDY = "clang-tidy-16"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


def configure():
    """A compile database of clang's own: g++ has flags that clang-tidy does not know."""
    command = ["cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", "--log-level=WARNING",
               "-DCMAKE_CXX_COMPILER=clang++-16", "-DCMAKE_BUILD_TYPE=Debug",
               "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", "-DCCACHE=CCACHE-NOTFOUND"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    database = json.loads((BUILD / "compile_commands.json").read_text())
    return {pathlib.Path(entry["file"]): entry["command"] for entry in database}


def headers_of(path, known):
    """The project's files that `path` includes, directly or not, itself among them."""
    seen = set()
    todo = [path]
    while todo:
        current = todo.pop()
        if current in seen:
            continue
        seen.add(current)
        if current not in known:
            text = current.read_text(errors="replace")
            found = [SRC / name for name in INCLUDE.findall(text)]
            known[current] = (hashlib.sha256(text.encode()).digest(),
                              [each for each in found if each.is_file()])
        todo.extend(known[current][1])
    return sorted(seen)


def key_of(path, command, known, settings):
    digest = hashlib.sha256(settings)
    digest.update(command.replace(str(ROOT), ".").encode())
    for each in headers_of(path, known):
        digest.update(str(each.relative_to(ROOT)).encode() + b"\0" + known[each][0])
    return digest.hexdigest()


def check(path, key):
    run = subprocess.run([TIDY, "--quiet", "-p", BUILD, path], cwd=ROOT, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode == 0:
        (CACHE / key).touch()
        return ""
    # Standard error holds only counts of suppressed warnings, unless clang-tidy itself failed.
    return run.stdout if run.stdout.strip() else run.stdout + run.stderr


def forget_old_entries(days):
    limit = time.time() - days * 86400
    for entry in CACHE.iterdir():
        if entry.stat().st_mtime < limit:
            entry.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args()

    CACHE.mkdir(parents=True, exist_ok=True)
    commands = configure()
    version = subprocess.run([TIDY, "--version"], check=True, stdout=subprocess.PIPE).stdout
    settings = version + (ROOT / ".clang-tidy").read_bytes()
    wanted = {each.resolve() for each in options.files}
    files = sorted(path for path in commands
                   if (path in wanted if wanted else
                       SRC in path.parents and not path.name.endswith("_test.cpp")))
    if not files:
        print("tidy: no source to check", file=sys.stderr)
        return 1

    known = {}
    stale = []
    for path in files:
        key = key_of(path, commands[path], known, settings)
        if (CACHE / key).exists():
            (CACHE / key).touch()
        else:
            stale.append((path, key))
    # The largest first, so that no long one is left alone at the end.
    stale.sort(key=lambda each: each[0].stat().st_size, reverse=True)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = {pool.submit(check, path, key): path for path, key in stale}
        for future in concurrent.futures.as_completed(running):
            output = future.result()
            if output:
                failed += 1
                print(f"tidy: {running[future].relative_to(ROOT)}\n{output}", flush=True)
    forget_old_entries(days=30)
    print(f"tidy: {len(files)} files, {len(files) - len(stale)} unchanged since they passed, "
          f"{failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
