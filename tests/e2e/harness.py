"""What every end-to-end test stands on: the built program, driven as a user drives it.

The program is named by the environment variable REPRIEVE. Each test has a folder, state, cache,
keys and ports of its own; everything is gone after it, also what could not be removed as it was.
"""

import collections
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.abspath(os.environ.get("REPRIEVE", "build/release/reprieve"))
ODDITIES = pathlib.Path(__file__).resolve().parent.parent / "oddities"
LONG_AGO_NS = 1_577_836_800_123_456_789  # 2020: not fresh, so size and time may be trusted.

Outcome = collections.namedtuple("Outcome", "code out err")


def is_root():
    return os.geteuid() == 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write(path, content):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def age(folder):
    """Gives everything in a tree a time that is long past."""
    for base, folders, files in os.walk(os.fsencode(folder), topdown=False):
        for name in files + folders:
            os.utime(os.path.join(base, name), ns=(LONG_AGO_NS, LONG_AGO_NS), follow_symlinks=False)
    os.utime(folder, ns=(LONG_AGO_NS, LONG_AGO_NS))


def tree_of(folder):
    """Everything that a user would miss: relative name -> (type and mode, time, content)."""
    found = {}
    for base, folders, files in os.walk(os.fsencode(folder)):
        for name in folders + files:
            path = os.path.join(base, name)
            state = os.lstat(path)
            content = b""
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    content = file.read()
            found[os.path.relpath(path, os.fsencode(folder))] = (state.st_mode, state.st_mtime_ns, content)
    return found


def key_of(path):
    """The name of the object in a repository's file: packs lie in folders by the beginning of their name."""
    parts = path.split("/")
    return "/".join([parts[0], parts[-1]]) if parts[0] == "pack" else path


def objects_of(repository):
    """Every file of a repository in a folder, with its bytes."""
    root = pathlib.Path(repository)
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


class World(unittest.TestCase):
    """A folder with a password, and the program's environment."""

    maxDiff = 2000
    patience_s = 120  # The program, for one command.

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="reprieve-e2e."))
        self.addCleanup(self._remove)
        self.repo = self.dir / "repo"
        self.password = write(self.dir / "password", "correct horse\n")
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(("REPRIEVE", "PG"))}
        self.env |= {"REPRIEVE_STATE_DIR": str(self.dir / "state"), "REPRIEVE_CACHE_DIR": str(self.dir / "cache"),
                     "XDG_CONFIG_HOME": str(self.dir / "config"), "REPRIEVE_REPO": str(self.repo),
                     "REPRIEVE_PASSWORD_FILE": str(self.password), "HOME": str(self.dir), "LC_ALL": "C.UTF-8"}

    def _remove(self):
        subprocess.run(["chattr", "-R", "-ai", str(self.dir)], capture_output=True, check=False)
        subprocess.run(["chmod", "-R", "u+rwX", str(self.dir)], capture_output=True, check=False)
        subprocess.run(["rm", "-rf", str(self.dir)], capture_output=True, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, *arguments, prefix=(), program=PROGRAM, **changes):
        """Starts the program; environment variables may be changed, or removed with None."""
        env = {name: value for name, value in (self.env | changes).items() if value is not None}
        return subprocess.Popen([*prefix, program, *map(str, arguments)], cwd=self.dir, env=env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, process):
        out, err = process.communicate(timeout=self.patience_s)
        return Outcome(process.returncode, out.decode(errors="surrogateescape"), err.decode(errors="surrogateescape"))

    def reprieve(self, *arguments, code=0, **keywords):
        """Runs the program to its end, which must be `code` (None: any)."""
        outcome = self.finish(self.start(*arguments, **keywords))
        if code is not None:
            self.assertEqual(outcome.code, code, f"reprieve {arguments}: {outcome.out[-3000:]}{outcome.err[-3000:]}")
        return outcome

    def json(self, *arguments, code=0, **keywords):
        """The one object that --json prints."""
        outcome = self.reprieve("--json", *arguments, code=code, **keywords)
        self.assertEqual(outcome.out.count("\n"), 1, outcome.out)
        answer = json.loads(outcome.out)
        self.assertRegex(answer["schema"], r"^reprieve\.[a-z-]+/1$")
        return answer

    def error(self, *arguments, code, **keywords):
        """The object that a failing command prints with --json; complete, and the same as for people."""
        answer = self.json(*arguments, code=code, **keywords)
        self.assertEqual(answer["schema"], "reprieve.error/1")
        self.assertEqual(answer["exit_code"], code)
        self.assertTrue(answer["kind"] and answer["error"])
        self.assertRegex(answer["hint"], r"(?s)^[A-Z`].*[.;?]$", "a hint is a sentence that says what to do")
        return answer

    def init(self):
        self.reprieve("init")

    def backup(self, *sources, code=0, **keywords):
        """Recovery points' JSON, one for each source; the one itself if there is one."""
        made = self.json("backup", *sources, code=code, **keywords)["backups"]
        return made[0] if len(made) == 1 else made

    def restore(self, source, into, *options, **keywords):
        return self.json("restore", source, "--into", into, *options, **keywords)

    def points(self, *source):
        return self.json("points", *source)["points"]

    def assert_clean(self, level="data"):
        answer = self.json("verify", "--level", level)
        self.assertEqual(answer["damages"], [])

    def assert_same_trees(self, first, second, *options):
        """Everything: owners, holes, attributes, hard links, times to the nanosecond."""
        compared = subprocess.run([sys.executable, str(ODDITIES / "compare_trees.py"), str(first), str(second),
                                   *options], capture_output=True, text=True, errors="replace", check=False)
        self.assertEqual(compared.returncode, 0, compared.stdout + compared.stderr)

    def wait_for(self, what, condition, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if condition():
                return
            time.sleep(0.02)
        self.fail(f"waited {timeout_s} s for {what}")

    def kill(self, process):
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=self.patience_s)
