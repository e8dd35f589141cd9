"""A backup that is killed, stopped or not alone harms nothing that was there, and the next one succeeds."""

import os
import random
import signal
import time
import unittest

from harness import World, age, objects_of, tree_of, write

KILLS = 30


class Crash(World):

    def setUp(self):
        super().setUp()
        self.noise = random.Random(3)
        self.init()
        self.data = self.dir / "data"
        for number in range(40):
            write(self.data / f"{number % 5}/{number}", self.noise.randbytes(250_000))
        age(self.data)

    def change(self, round_number):
        """New content, so that every backup has something to store."""
        for number in range(12):
            write(self.data / f"changing/{number}", self.noise.randbytes(400_000))
        write(self.data / "round", str(round_number))

    def test_killed_at_any_moment_old_points_stay_and_the_next_backup_succeeds(self):
        first = self.backup("--name", "first", self.data)
        want = tree_of(self.data)
        self.change(0)
        started = time.monotonic()
        self.backup(self.data)
        whole = time.monotonic() - started
        killed = 0
        for number in range(KILLS):
            self.change(number)
            known = {point["id"] for point in self.points()} if number % 10 == 0 else None
            process = self.start("backup", self.data)
            time.sleep(self.noise.uniform(0.0, whole * 1.05))
            killed += process.poll() is None
            self.kill(process)
            if known is not None:
                self.assert_clean("shards")
                now = {point["id"] for point in self.points()}
                self.assertTrue(known <= now, "no point is lost")
                self.assertLessEqual(len(now - known), 1)
        self.assertGreater(killed, KILLS // 2, "most of them were killed before their end")
        self.assert_clean()
        self.restore(self.data, self.dir / "old", "--at", first["point"])
        self.assertEqual(tree_of(self.dir / "old"), want)
        last = self.backup(self.data)
        self.restore(self.data, self.dir / "new", "--at", last["point"])
        self.assertEqual(tree_of(self.dir / "new"), tree_of(self.data))
        # Every point that is listed is whole.
        for point in self.points():
            self.assertTrue(self.json("verify", point["id"])["good"])

    def test_killed_while_the_repository_is_made_it_can_be_made_again(self):
        for number in range(8):
            repo = self.dir / f"repo-{number}"
            process = self.start("init", REPRIEVE_REPO=str(repo))
            time.sleep(self.noise.uniform(0.0, 0.3))
            self.kill(process)
            outcome = self.reprieve("init", REPRIEVE_REPO=str(repo), code=None)
            # Either it was made wholly, which the second one says, or it is now.
            self.assertIn(outcome.code, (0, 8), outcome.err)
            self.reprieve("backup", self.data, REPRIEVE_REPO=str(repo))

    def finish_both(self, processes):
        outcomes = [self.finish(process) for process in processes]
        self.assertEqual([outcome.code for outcome in outcomes], [0, 0], outcomes)

    def test_two_backups_at_once_of_different_sources_succeed_and_restore(self):
        other = self.dir / "other"
        for number in range(40):
            write(other / str(number), self.noise.randbytes(250_000))
        self.finish_both([self.start("backup", self.data), self.start("backup", other)])
        self.assert_clean()
        for source in (self.data, other):
            self.restore(source, self.dir / "out" / source.name)
            self.assertEqual(tree_of(self.dir / "out" / source.name), tree_of(source))

    def test_two_backups_at_once_of_the_same_source_succeed_and_restore(self):
        for _ in range(3):
            self.change(0)
            self.finish_both([self.start("backup", self.data), self.start("backup", self.data)])
        points = self.points(str(self.data))
        self.assertEqual(len(points), 6)
        self.assert_clean()
        for point in points[-2:]:
            out = self.dir / point["id"]
            self.restore(self.data, out, "--at", point["id"])
            self.assertEqual(tree_of(out), tree_of(self.data))

    def stop(self, *arguments):
        """Sends SIGINT in the middle; the outcome, or None if it was over before."""
        process = self.start(*arguments)
        time.sleep(0.25)
        process.send_signal(signal.SIGINT)
        return self.finish(process)

    def test_a_stopped_backup_says_130_and_commits_nothing(self):
        big = self.dir / "big"
        for number in range(300):
            write(big / str(number), os.urandom(1_000_000))
        self.backup("--name", "kept", self.data)
        before = objects_of(self.repo / "snap")
        outcome = self.stop("--json", "backup", big)
        self.assertEqual(outcome.code, 130, outcome)
        self.assertIn('"kind":"cancelled"', outcome.out)
        self.assertEqual(objects_of(self.repo / "snap"), before)
        self.assert_clean("shards")
        point = self.backup(big)
        self.assertEqual(point["files"], 300)

    def test_a_stopped_restore_says_130_and_goes_on_when_run_again(self):
        big = self.dir / "big"
        for number in range(200):
            write(big / str(number), os.urandom(1_000_000))
        self.backup(big)
        outcome = self.stop("restore", big, "--into", self.dir / "out")
        self.assertEqual(outcome.code, 130, outcome)
        self.restore(big, self.dir / "out")
        self.assert_same_trees(big, self.dir / "out")


if __name__ == "__main__":
    unittest.main()
