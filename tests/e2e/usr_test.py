"""A whole system's files, everything below /usr, with the hand-made oddities beside them, come back identical."""

import os
import shutil
import subprocess
import sys
import time
import unittest

from harness import ODDITIES, World, is_root, write

TREE = "/usr"
PLAN = """\
reprieve: 1
plan: host
owner: ops
sources:
  system: {{type: files, path: ["{tree}", "{odd}"], cachedir_tag: false}}
"""
# Beside the restored tree lies the repository; compressed, it is about half of it.
SPACE = 1.7


def stored_bytes(folder):
    """What a tree occupies on its disk, hard links once."""
    seen = {}
    for base, folders, files in os.walk(folder):
        for name in folders + files:
            try:
                state = os.lstat(os.path.join(base, name))
            except OSError:
                continue
            seen[state.st_dev, state.st_ino] = state.st_blocks * 512
    return sum(seen.values())


class System(World):
    patience_s = 600

    def make_source(self):
        self.odd = self.dir / "odd"
        made = subprocess.run([sys.executable, str(ODDITIES / "make_oddities.py"), str(self.odd)],
                              capture_output=True, text=True, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        write(self.dir / "plan/reprieve.yaml", PLAN.format(tree=TREE, odd=self.odd))
        self.env["REPRIEVE_PLAN"] = str(self.dir / "plan/reprieve.yaml")
        need = stored_bytes(TREE) * SPACE
        room = shutil.disk_usage(self.dir).free
        if room < need:
            self.skipTest(f"{self.dir} has {room / 1e9:.1f} GB free; this takes {need / 1e9:.1f} GB")

    def timed_backup(self):
        started = time.monotonic()
        point = self.backup("system", code=None)
        return point, time.monotonic() - started

    def assert_only_known_problems(self, point, began_ns):
        """Sockets have no content; else a file may only be there that changed, or that this user may not read."""
        for problem in point["problems"]:
            if problem["kind"] == "unsupported" or (problem["kind"] == "unreadable" and not is_root()):
                continue
            path = "/" + problem["path"].lstrip("/")
            self.assertTrue(not os.path.lexists(path) or os.lstat(path).st_ctime_ns >= began_ns, problem)

    def test_every_file_of_it_comes_back_identical_and_a_second_backup_is_nearly_free(self):
        self.make_source()
        self.init()
        began_ns = time.time_ns()
        first, took = self.timed_backup()
        self.assert_only_known_problems(first, began_ns)
        self.assertGreater(first["files"], 10_000)
        objects = stored_bytes(self.repo)

        second, took_again = self.timed_backup()
        self.assert_only_known_problems(second, began_ns)
        # Only what is younger than the trusted age, the oddities, may have been read again.
        self.assertGreater(second["files_unchanged"], 0.9 * second["files"])
        self.assertLess(second["bytes_new"], 1_000_000)
        self.assertLess(stored_bytes(self.repo) - objects, 3_000_000)
        self.assertLess(took_again, 0.6 * took)

        out = self.dir / "out"
        self.restore("system", out, code=None)
        options = ["--jobs", str(os.cpu_count()), "--changed-after", str(began_ns)]
        if not is_root():
            options += ["--no-owners", "--readable-only"]
        for tree in (TREE, str(self.odd)):
            with self.subTest(tree=tree):
                self.assert_same_trees(tree, str(out) + tree, *options)


if __name__ == "__main__":
    unittest.main()
