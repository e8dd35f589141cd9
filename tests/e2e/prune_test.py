"""Pruning: points that no rule keeps go, their space comes back, and nothing else is lost, whatever runs beside it."""

import os
import random
import signal
import time
import unittest

import harness
from harness import tree_of, write

KEEP_ONE = ("--keep-last", "1", "--min-age", "0s")


class Prune(harness.World):
    def setUp(self):
        super().setUp()
        self.init()
        self.source = self.dir / "data"
        self.generation = 0

    def fill(self, megabytes=8):
        """Gives every file new content that does not compress."""
        self.generation += 1
        bytes_of = random.Random(self.generation).randbytes
        for number in range(megabytes):
            write(self.source / f"folder{number % 3}" / f"file{number}", bytes_of(1 << 20))

    def packs_bytes(self):
        return sum(len(body) for name, body in harness.objects_of(self.repo).items() if name.startswith("pack/"))

    def restored(self, name, at="latest"):
        into = self.dir / name
        self.restore(self.source, into, "--at", at)
        return tree_of(into)

    def assert_whole(self):
        self.assertTrue(self.json("verify", "--level", "data")["good"])

    def test_the_space_of_removed_points_comes_back_and_the_rest_restores(self):
        for _ in range(3):
            self.fill()
            self.backup(self.source)
        before = self.packs_bytes()
        planned = self.json("prune", *KEEP_ONE, "--dry-run")
        self.assertEqual(self.packs_bytes(), before)
        done = self.json("prune", *KEEP_ONE)
        self.assertEqual([(p["id"], p["kept"]) for p in done["points"]], [(p["id"], p["kept"]) for p in planned["points"]])
        self.assertEqual(done["points_removed"], 2)
        self.assertEqual(done["waiting"], [])
        self.assertLess(self.packs_bytes(), before * 0.4)
        self.assertEqual(len(self.points(self.source)), 1)
        self.assertEqual(self.restored("after"), tree_of(self.source))
        self.assert_whole()
        self.assertEqual(self.json("prune", *KEEP_ONE)["packs_deleted"], 0)

    def test_half_dead_packs_are_rewritten(self):
        self.fill(24)
        self.backup(self.source)
        for number in range(0, 24, 2):
            os.unlink(self.source / f"folder{number % 3}" / f"file{number}")
        self.backup(self.source)
        before = self.packs_bytes()
        done = self.json("prune", *KEEP_ONE)
        self.assertGreater(done["packs_copied"], 0)
        self.assertLess(self.packs_bytes(), before * 0.7)
        self.assertEqual(self.restored("after"), tree_of(self.source))
        self.assert_whole()
        again = self.backup(self.source)
        self.assertLess(again["bytes_new"], 100_000)

    def test_held_points_and_points_without_a_rule_stay(self):
        self.fill(2)
        first = self.backup(self.source)
        held = tree_of(self.source)
        self.fill(2)
        self.backup(self.source)
        self.json("hold", first["point"], "--reason", "trial in Graz")
        self.assertEqual([p["held"] for p in self.points(self.source)], ["trial in Graz", None])
        self.assertEqual(self.json("prune", *KEEP_ONE)["points_removed"], 0)
        self.assertEqual(self.restored("held", first["point"]), held)
        self.json("hold", first["point"], "--release")
        self.assertEqual(self.json("prune")["points_removed"], 0)
        self.assertEqual(self.json("prune", *KEEP_ONE)["points_removed"], 1)

    def test_wrong_rules_are_refused(self):
        self.error("prune", "--keep-within", "soon", code=2)
        self.error("prune", "--max-unused", "120", code=2)
        self.error("hold", "latest", code=5)

    def test_a_backup_may_run_beside_prunes(self):
        self.fill(24)
        self.backup(self.source)
        self.fill(24)
        running = self.start("--json", "backup", self.source)
        while running.poll() is None:
            self.json("prune", *KEEP_ONE)
        self.assertEqual(self.finish(running).code, 0)
        self.json("prune", *KEEP_ONE)
        self.assertEqual(self.restored("after"), tree_of(self.source))
        self.assert_whole()

    def test_a_killed_prune_loses_nothing_and_the_next_finishes(self):
        for moment in (0.02, 0.05, 0.1, 0.2):
            self.fill(12)
            self.backup(self.source)
            os.unlink(self.source / "folder0" / "file0")
            self.backup(self.source)
            prune = self.start("prune", *KEEP_ONE)
            time.sleep(moment)
            prune.send_signal(signal.SIGKILL)
            self.finish(prune)
            self.assert_whole()
            self.json("prune", *KEEP_ONE)
            self.assertEqual(len(self.points(self.source)), 1)
            self.assertEqual(self.restored(f"after{moment}"), tree_of(self.source))
            self.assert_whole()
        self.json("prune", *KEEP_ONE, "--fence-after", "0s")
        self.json("prune", *KEEP_ONE, "--fence-after", "0s")
        self.assertLess(self.packs_bytes(), 20 << 20)


if __name__ == "__main__":
    unittest.main()
