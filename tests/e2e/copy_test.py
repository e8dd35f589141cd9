"""Recovery points go into a repository with other keys, and are the same there."""

import random
import signal
import subprocess
import sys
import time
import unittest

from harness import ODDITIES, World, age, write


class Copy(World):

    def setUp(self):
        super().setUp()
        self.init()
        self.other = self.dir / "other"
        self.other_password = write(self.dir / "other-password", "battery staple\n")
        self.there = {"REPRIEVE_REPO": str(self.other), "REPRIEVE_PASSWORD_FILE": str(self.other_password)}
        self.reprieve("init", **self.there)
        self.data = self.dir / "data"
        noise = random.Random(4)
        write(self.data / "large", noise.randbytes(40_000_000))
        for number in range(200):
            write(self.data / f"{number % 7}/{number}", noise.randbytes(3000))
        subprocess.run([sys.executable, str(ODDITIES / "make_oddities.py"), str(self.data / "odd")], check=True,
                       capture_output=True)
        age(self.data / "0")

    def copy(self, *arguments, code=0):
        return self.json("repo", "copy", "--to", self.other, "--to-password-file", self.other_password, *arguments,
                         code=code)

    def test_points_are_the_same_in_the_other_repository(self):
        first = self.backup(self.data, "--name", "before", "--tag", "keep", code=None)
        write(self.data / "3/new", "new")
        second = self.backup(self.data, code=None)
        points = self.copy()["points"]
        self.assertEqual([point["was_there"] for point in points], [False, False])
        self.assertLess(points[1]["bytes_stored"], points[0]["bytes_stored"] // 20, "what they share is copied once")

        here, there = self.points(), self.json("points", **self.there)["points"]
        for field in ("time", "name", "source", "files", "bytes"):
            self.assertEqual([point[field] for point in here], [point[field] for point in there], field)
        for number, point in enumerate((first, second)):
            self.restore(self.data, self.dir / f"a{number}", "--at", point["point"])
            self.restore(self.data, self.dir / f"b{number}", "--at", points[number]["copy"], **self.there)
            self.assert_same_trees(self.dir / f"a{number}", self.dir / f"b{number}")
        answer = self.json("verify", "--level", "data", **self.there)
        self.assertEqual(answer["damages"], [])

    def test_what_was_copied_is_passed_over_and_only_the_difference_is_read(self):
        self.backup(self.data, code=None)
        self.copy()
        write(self.data / "3/new", "new")
        self.backup(self.data, code=None)
        points = self.copy()["points"]
        self.assertEqual([point["was_there"] for point in points], [True, False])
        self.assertLess(points[1]["bytes_stored"], 1_000_000)
        again = self.copy()["points"]
        self.assertTrue(all(point["was_there"] for point in again))
        self.assertEqual(len(self.json("points", **self.there)["points"]), 2)

    def test_killed_it_is_simply_run_again(self):
        for number in range(6):
            write(self.data / f"more/{number}", random.Random(number).randbytes(15_000_000))
            self.backup(self.data, code=None)
        for number in range(4):
            process = self.start("repo", "copy", "--to", self.other, "--to-password-file", self.other_password)
            time.sleep(0.15 * (number + 1))
            process.send_signal(signal.SIGKILL)
            self.finish(process)
        self.copy()
        self.assertEqual(len(self.json("points", **self.there)["points"]), 6)
        self.restore(self.data, self.dir / "a")
        self.restore(self.data, self.dir / "b", **self.there)
        self.assert_same_trees(self.dir / "a", self.dir / "b")

    def test_who_may_not_is_refused(self):
        self.backup(self.data / "0")
        self.error("repo", "copy", "--to", self.repo, code=2)
        self.error("repo", "copy", "--to", self.dir / "nowhere", code=5)
        self.error("repo", "copy", "--to", self.other, code=6)

    def test_a_point_that_cannot_be_read_is_not_half_copied(self):
        self.backup(self.data / "0")
        for pack in (self.repo / "pack").rglob("*"):
            if pack.is_file():
                pack.unlink()
        self.copy(code=7)
        self.assertEqual(self.json("points", **self.there)["points"], [])


if __name__ == "__main__":
    unittest.main()
