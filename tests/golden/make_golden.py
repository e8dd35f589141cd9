#!/usr/bin/python3
"""Makes the golden archive of a version: a small repository with everything that the format has, and a run.

    REPRIEVE=build/release/reprieve tests/golden/make_golden.py

writes tests/golden/VERSION.tar.xz. It is run once, by who releases VERSION, and its result is committed: later
versions must read it for ever, so an archive of a version that was released is never made again.
"""

import json
import os
import pathlib
import random
import shutil
import subprocess
import tarfile
import tempfile
import time

from tree_facts import facts_of

PROGRAM = os.path.abspath(os.environ["REPRIEVE"])
HERE = pathlib.Path(__file__).resolve().parent
SECOND = 1_000_000_000
BYTES_MAX = 200_000
PLAN = """\
reprieve: 1
plan: golden
owner: ops
secrets:
  repository: {from: "file:@D@/keys/admin.key"}
storage:
  near: {url: "file://@D@/repository", key: repository}
sources:
  letters: {type: files, path: "@D@/letters"}
backup:
  - {sources: [letters], every: 1d, keep: {last: 9}}
checks:
  there: {file: "@D@/letters/a"}
people:
  ana: {key: "@ANA@"}
roles:
  ops: [ana]
scenarios:
  lost:
    goal: {severity: high, rto: 10m, rpo: 30d}
    steps:
      - {id: back, do: files.restore, source: letters, at: latest, into: side-by-side}
      - {id: ok, do: approve, by: [ops], binds: [back], text: "Switch to {back.point}?", timeout: 10m}
      - {id: swap, do: switch, of: [back], keep_old: 7d}
      - {id: prove, do: check, run: [there]}
    verify: [there]
"""


class Golden:
    """A folder in which the golden things come to be."""

    def __init__(self, folder):
        self.dir = pathlib.Path(folder)
        self.repository = self.dir / "repository"
        (self.dir / "keys").mkdir()
        (self.dir / "keys/passphrase").write_text("golden passphrase\n")
        self.env = {"PATH": os.environ["PATH"], "HOME": folder, "XDG_CONFIG_HOME": str(self.dir / "config"),
                    "REPRIEVE_STATE_DIR": str(self.dir / "state"), "REPRIEVE_CACHE_DIR": str(self.dir / "cache")}
        self.points = []

    def reprieve(self, *words, key="keys/admin.key", code=0):
        repository = () if key is None else ("--repo", self.repository, "--key-file", self.dir / key)
        done = subprocess.run([PROGRAM, *repository, "--json", *map(str, words)], cwd=self.dir, env=self.env,
                              capture_output=True, text=True, check=False)
        if done.returncode != code:
            raise SystemExit(f"{words}: {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def backup(self, folder, *options, key="keys/admin.key"):
        made = self.reprieve("backup", self.dir / folder, *options, key=key)["backups"][0]
        self.points.append({"id": made["point"], "source": str(self.dir / folder), "tree": facts_of(self.dir / folder)})
        return made["point"]


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(1_500_000_000 * SECOND + 7,) * 2)


def make_tree(folder):
    """Small, and odd in all that needs no root."""
    noise = random.Random(1)
    for size in (0, 1, 512, 513, 5000):
        write(folder / f"sizes/{size}", noise.randbytes(size))
    write(folder / "a", b"a letter\n" * 3000)
    for name in (b"\xff\xfe", b"new\nline", "\u65e5\u672c".encode(), b"-rf"):
        write(folder / "names" / os.fsdecode(name), name)
    os.symlink("../a", folder / "names/link")
    os.symlink("nowhere", folder / "names/dangling")
    os.utime(folder / "names/dangling", ns=(-5 * SECOND + 5,) * 2, follow_symlinks=False)
    os.mkfifo(folder / "names/fifo", 0o640)
    os.makedirs(folder / "links")
    os.link(folder / "sizes/5000", folder / "links/first")
    os.link(folder / "sizes/5000", folder / "links/second")
    with open(folder / "hole", "wb") as file:
        file.truncate(3 << 20)
        os.pwrite(file.fileno(), b"in the middle", 1 << 20)
    for number, when in enumerate((-2**31 * SECOND, 0, 2**32 * SECOND + 999_999_999)):
        write(folder / f"times/{number}", b"x")
        os.utime(folder / f"times/{number}", ns=(when, when))
    write(folder / "modes/set", b"x")
    os.chmod(folder / "modes/set", 0o6755)
    write(folder / "modes/none", b"x")
    os.chmod(folder / "modes/none", 0)
    os.setxattr(folder / "a", "user.note", b"\x00value")
    (folder / "empty").mkdir()
    os.chmod(folder / "empty", 0o1777)
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            os.utime(path, ns=(1_400_000_000 * SECOND + 42,) * 2)


def make_repository(golden):
    """Four roles, a revoked writer, tags, a name, a hold and a released one, tombs of points and of a session, plans of
    garbage collections, and a session that is open."""
    golden.reprieve("--repo", golden.repository, "--password-file", golden.dir / "keys/passphrase", "init",
                    "--new-key-file", golden.dir / "keys/admin.key", key=None)
    for role in ("writer", "pruner", "reader"):
        golden.reprieve("repo", "keys", "add", role, "--role", role, "--new-key-file", golden.dir / f"keys/{role}.key")
    golden.reprieve("repo", "keys", "add", "stolen", "--role", "writer", "--new-key-file", golden.dir / "keys/stolen.key")
    letters = golden.dir / "letters"
    make_tree(letters)
    noise = random.Random(2)
    held = golden.backup("letters", "--name", "first", "--tag", "kept", "--tag", "odd")
    for number in range(3):
        write(letters / "changing", noise.randbytes(6000))
        write(letters / f"more/{number}", noise.randbytes(900))
        golden.backup("letters")
    golden.reprieve("hold", held, "--reason", "trial in Graz")
    golden.reprieve("hold", golden.points[-1]["id"], "--reason", "by mistake")
    golden.reprieve("hold", golden.points[-1]["id"], "--release")
    write(golden.dir / "other/file", noise.randbytes(2000))
    golden.backup("other", key="keys/writer.key")
    write(golden.dir / "stolen/file", b"before it was stolen")
    golden.backup("stolen", key="keys/stolen.key")
    golden.reprieve("repo", "keys", "revoke", "stolen")
    golden.reprieve("prune", "--keep-last", "1", "--min-age", "0s")
    kill_a_backup(golden, "fenced")
    golden.reprieve("prune", "--keep-last", "1", "--min-age", "0s", "--fence")
    kill_a_backup(golden, "open")
    kept = {point["id"]: point for point in golden.reprieve("points")["points"]}
    golden.points = [point | {"listed": kept[point["id"]]} for point in golden.points if point["id"] in kept]


def kill_a_backup(golden, name):
    """A session that was announced and has not stored anything yet."""
    for number in range(20_000):
        write(golden.dir / f"{name}/{number}", b"%d" % number)
    sessions = golden.repository / "sess"
    before = set(sessions.iterdir())
    process = subprocess.Popen([PROGRAM, "--repo", golden.repository, "--key-file", golden.dir / "keys/admin.key", "-q",
                                "backup", golden.dir / name], cwd=golden.dir, env=golden.env)
    while set(sessions.iterdir()) == before and process.poll() is None:
        pass
    process.kill()
    process.wait()
    if set(sessions.iterdir()) == before:
        raise SystemExit("the backup was over before it could be killed; try again")


def make_run(golden):
    """A recovery that was approved, went on and is done."""
    public_key = golden.reprieve("run", "key", golden.dir / "keys/ana.key", key=None)["public_key"]
    plan = golden.dir / "reprieve.yaml"
    plan.write_text(PLAN.replace("@D@", str(golden.dir)).replace("@ANA@", public_key))
    golden.env["REPRIEVE_PLAN"] = str(plan)
    golden.reprieve("backup", "letters", key=None)
    shutil.rmtree(golden.dir / "letters")
    (run,) = [golden.reprieve("recover", "lost", "--reason", "a fire", key=None, code=4)["id"]]
    golden.reprieve("run", "approve", run, "ok", "--as", "ana", "--key", golden.dir / "keys/ana.key", "--reason", "seen",
                    key=None)
    golden.reprieve("run", "resume", run, key=None)
    return golden.reprieve("run", "show", run, key=None)


def without_owner(member):
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def main():
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    with tempfile.TemporaryDirectory(prefix="reprieve-golden.") as folder:
        golden = Golden(folder)
        make_repository(golden)
        kept = golden.dir / version
        kept.mkdir()
        shutil.copytree(golden.repository, kept / "repository")
        for program in (kept / "repository/kit").glob("reprieve-*"):
            program.unlink()  # Megabytes, and no part of the format.
        run = make_run(golden)
        shutil.copytree(golden.dir / "state/runs", kept / "runs")
        shutil.copytree(golden.dir / "keys", kept / "keys")
        manifest = {"version": version, "made": time.strftime("%F", time.gmtime()), "points": golden.points, "run": run}
        (kept / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
        with tarfile.open(HERE / f"{version}.tar.xz", "w:xz", preset=9) as archive:
            archive.add(kept, version, filter=without_owner)
    if (HERE / f"{version}.tar.xz").stat().st_size > BYTES_MAX:
        raise SystemExit("the archive is too large; did a killed backup store something? Try again")
    print(HERE / f"{version}.tar.xz", (HERE / f"{version}.tar.xz").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
