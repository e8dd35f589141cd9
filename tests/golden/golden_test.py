"""Every released version left an archive here: a repository and a run. This version reads, verifies, restores and extends them."""

import importlib.util
import json
import pathlib
import subprocess
import sys
import tarfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from harness import World, tree_of, write  # noqa: E402
from tree_facts import facts_of  # noqa: E402

READER = HERE.parent / "independent" / "reader.py"
ARCHIVES = sorted(HERE.glob("*.tar.xz"))
# What depends on the moment of asking, or on what this machine remembers.
PASSING = ("age_seconds", "loss_if_used_seconds", "verified")


class GoldenWorld(World):
    archive = None

    def setUp(self):
        super().setUp()
        with tarfile.open(self.archive) as archive:
            archive.extractall(self.dir)
        golden = self.dir / self.archive.name.removesuffix(".tar.xz")
        self.manifest = json.loads((golden / "manifest.json").read_text())
        self.keys = golden / "keys"
        self.repo = golden / "repository"
        self.env |= {"REPRIEVE_REPO": str(self.repo), "REPRIEVE_PASSWORD_FILE": str(self.keys / "passphrase")}
        (self.dir / "state").mkdir()
        (golden / "runs").rename(self.dir / "state/runs")

    def with_key(self, name):
        return {"REPRIEVE_PASSWORD_FILE": None, "REPRIEVE_KEY_FILE": str(self.keys / f"{name}.key")}

    def assert_restores(self, folder, **keywords):
        for point in self.manifest["points"]:
            into = self.dir / folder / point["id"]
            self.restore(point["source"], into, "--at", point["id"], **keywords)
            self.assertEqual(facts_of(into), point["tree"])

    def assert_contains(self, whole, part, at="run"):
        """Members may be added by later versions; none may change or go."""
        if isinstance(part, dict):
            for name, value in part.items():
                self.assertIn(name, whole, at)
                self.assert_contains(whole[name], value, f"{at}.{name}")
        elif isinstance(part, list):
            self.assertEqual(len(whole), len(part), at)
            for number, value in enumerate(part):
                self.assert_contains(whole[number], value, f"{at}[{number}]")
        else:
            self.assertEqual(whole, part, at)


class Golden:
    """The tests; a class for each archive inherits them."""

    def test_every_point_is_listed_and_restored_with_each_key_that_may(self):
        self.assertGreater(len(self.manifest["points"]), 3)
        listed = {point["id"]: point for point in self.points()}
        for point in self.manifest["points"]:
            now = listed[point["id"]]
            self.assert_contains(now, {name: value for name, value in point["listed"].items() if name not in PASSING})
        self.assertEqual(len(listed), len(self.manifest["points"]))
        self.assert_restores("by-passphrase")
        self.assert_restores("by-reader", **self.with_key("reader"))

    def test_it_is_verified_with_and_without_a_key(self):
        self.assert_clean("data")
        answer = self.json("verify", "--level", "shards", REPRIEVE_PASSWORD_FILE=None)
        self.assertEqual(answer["damages"], [])

    def test_it_can_be_written_to_and_pruned_and_keeps_what_is_held(self):
        data = self.dir / "new"
        for generation in range(2):
            write(data / "file", f"generation {generation} of this version")
            self.backup(data, **self.with_key("writer"))
        self.error("backup", data, code=6, **self.with_key("stolen"))
        # A pruner cannot read of which source a point is, so it removes none; it fences and collects.
        pruned = self.json("prune", "--keep-last", "1", "--min-age", "0s", "--fence", **self.with_key("pruner"))
        self.assertEqual(pruned["points_removed"], 0)
        pruned = self.json("prune", "--keep-last", "1", "--min-age", "0s", **self.with_key("admin"))
        self.assertEqual(pruned["points_removed"], 1)
        self.restore(data, self.dir / "new-out")
        self.assertEqual(tree_of(self.dir / "new-out"), tree_of(data))
        self.assert_restores("after")
        self.assert_clean("data")

    def test_its_keys_are_rotated_without_its_members_doing_anything(self):
        rotation = self.json("repo", "keys", "rotate", **self.with_key("admin"))
        data = write(self.dir / "new" / "file", "of the new epoch").parent
        made = self.backup(data, **self.with_key("writer"))
        self.restore(data, self.dir / "new-out", **self.with_key("admin"))
        self.assertEqual(tree_of(self.dir / "new-out"), tree_of(data))
        self.json("prune", **self.with_key("pruner"))
        self.assert_restores("after")
        if any(label.startswith("reader ") for label in rotation["left_behind"]):  # Of before readers were members.
            self.assertEqual(self.json("points", **self.with_key("reader"))["sealed_off"], 1)
            self.assert_restores("by-reader", **self.with_key("reader"))
            self.error("restore", data, "--into", self.dir / "x", code=6, **self.with_key("reader"))
        self.assertIn(made["point"], [point["id"] for point in self.points()])
        self.assert_clean("data")

    def test_its_run_is_shown_as_it_was(self):
        run = self.manifest["run"]
        self.assertEqual(run["outcome"], "done")
        self.assert_contains(self.json("run", "show", run["id"]), run)
        self.assertEqual([each["id"] for each in self.json("run", "list")["runs"]], [run["id"]])
        page = self.reprieve("run", "report", run["id"], "--html").out
        self.assertIn(run["id"], page)

    def test_the_independent_reader_restores_it(self):
        if any(importlib.util.find_spec(name) is None for name in ("cryptography", "zstandard")):
            self.skipTest("not installed: python3-cryptography, python3-zstandard")
        for point in self.manifest["points"]:
            into = self.dir / point["id"]
            done = subprocess.run(["/usr/bin/python3", READER, self.repo, "--key-file", self.keys / "admin.key", "restore",
                                   point["id"], into], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(facts_of(into), point["tree"])


assert ARCHIVES, "there is a golden archive of each released version"
for path in ARCHIVES:
    name = "Golden_" + path.name.removesuffix(".tar.xz").replace(".", "_")
    globals()[name] = type(name, (Golden, GoldenWorld), {"archive": path, "__module__": __name__})


def load_tests(loader, _tests, _pattern):
    """Without the world that has no archive."""
    return unittest.TestSuite(loader.loadTestsFromTestCase(each) for name, each in sorted(globals().items())
                              if name.startswith("Golden_"))


if __name__ == "__main__":
    unittest.main()
