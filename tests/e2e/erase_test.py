"""Erasing: a file goes out of every point, its bytes out of the store, and nothing else changes."""

import os
import random
import signal
import time
import unittest

import harness
from harness import tree_of, write


class Erase(harness.World):
    def setUp(self):
        super().setUp()
        self.init()
        self.source = self.dir / "data"
        self.doomed = self.source / "people" / "huber" / "passport.jpg"
        self.made = []
        for day in range(3):
            bytes_of = random.Random(day).randbytes
            write(self.doomed, bytes_of(3 << 20))
            write(self.source / "people" / "huber" / "note", f"small and secret {day}")
            for number in range(40):
                write(self.source / "people" / f"other{number}", bytes_of(20_000))
            write(self.source / "large", bytes_of(5 << 20))
            made = self.backup(self.source, "--name", f"day{day}")
            self.made.append((made["point"], tree_of(self.source)))

    def packs_bytes(self):
        return sum(len(body) for name, body in harness.objects_of(self.repo).items() if name.startswith("pack/"))

    def without(self, tree, path):
        gone = os.fsencode(os.path.relpath(path, self.source))
        return {name: state for name, state in tree.items() if name != gone and not name.startswith(gone + b"/")}

    def assert_points(self, gone):
        for day, (_, tree) in enumerate(self.made):
            into = self.dir / f"out{day}-{time.monotonic_ns()}"
            self.restore(self.source, into, "--at", f"day{day}")
            self.assertEqual(tree_of(into), self.without(tree, gone))

    def purge(self):
        done = self.json("prune", "--max-unused", "0")
        self.assertEqual(done["waiting"], [])
        return done

    def test_the_file_is_in_no_point_and_its_bytes_leave_the_store(self):
        before, taken = self.packs_bytes(), self.points(self.source)
        told = self.json("repo", "erase", self.doomed, "--dry-run")
        self.assertEqual([point["outcome"] for point in told["points"]], ["would be erased"] * 3)
        self.assertEqual([point["id"] for point in self.points(self.source)], [point["id"] for point in taken])
        done = self.json("repo", "erase", self.doomed)
        self.assertEqual([point["id"] for point in done["points"]], [point for point, _ in self.made])
        self.assertEqual([point["outcome"] for point in done["points"]], ["erased"] * 3)
        self.assertEqual(done["chunks_needed"], 0)
        self.assert_points(self.doomed)
        self.purge()
        self.assertLess(self.packs_bytes(), before - 3 * (3 << 20) + (1 << 20))
        self.assert_points(self.doomed)
        self.assert_clean()
        now = self.points(self.source)
        self.assertEqual([(p["time"], p["data_time"], p["name"]) for p in now],
                         [(p["time"], p["data_time"], p["name"]) for p in taken])
        self.assertEqual([p["rewritten"]["from"] for p in now], [p["id"] for p in taken])
        self.error("repo", "erase", self.doomed, code=5)

    def test_a_folder_goes_with_all_that_is_in_it(self):
        folder = self.doomed.parent
        self.json("repo", "erase", folder)
        self.purge()
        self.assert_points(folder)
        self.assert_clean()

    def test_a_held_point_stays_and_is_named(self):
        self.json("hold", "day1", "--source", self.source)
        done = self.json("repo", "erase", self.doomed, code=8)
        self.assertEqual([point["outcome"] for point in done["points"]], ["erased", "held", "erased"])
        self.restore(self.source, self.dir / "held", "--at", "day1")
        self.assertEqual(tree_of(self.dir / "held"), self.made[1][1])
        self.json("hold", "day1", "--source", self.source, "--release")
        self.json("repo", "erase", self.doomed)
        self.assert_points(self.doomed)

    def test_a_killed_erasure_is_ended_by_the_next(self):
        for moment in (0.03, 0.08, 0.15, 0.3):
            running = self.start("repo", "erase", self.doomed)
            time.sleep(moment)
            running.send_signal(signal.SIGKILL)
            self.finish(running)
            self.assert_clean()
        self.assertIn(self.reprieve("repo", "erase", self.doomed, code=None).code, (0, 5))
        self.assertEqual(len(self.points(self.source)), 3)
        self.assert_points(self.doomed)
        self.json("prune", "--max-unused", "0", "--fence")
        self.assert_points(self.doomed)
        self.assert_clean()

    def test_only_an_administrator_erases_and_only_whole_paths(self):
        key = self.dir / "reader.key"
        self.json("repo", "keys", "add", "auditor", "--role", "reader", "--new-key-file", key)
        self.error("repo", "erase", self.doomed, code=6, REPRIEVE_PASSWORD_FILE=None, REPRIEVE_KEY_FILE=str(key))
        self.error("repo", "erase", "people", code=2)
        self.error("repo", "erase", self.source / "nobody", code=5)

    def test_what_another_writer_made_is_rewritten_too(self):
        key = self.dir / "web1.key"
        self.json("repo", "keys", "add", "web1", "--role", "writer", "--new-key-file", key)
        self.backup(self.source, "--name", "web", REPRIEVE_PASSWORD_FILE=None, REPRIEVE_KEY_FILE=str(key))
        done = self.json("repo", "erase", self.doomed)
        self.assertEqual([point["outcome"] for point in done["points"]], ["erased"] * 4)
        self.purge()
        self.restore(self.source, self.dir / "web", "--at", "web")
        self.assertEqual(tree_of(self.dir / "web"), self.without(self.made[2][1], self.doomed))
        kept = self.json("prune", "--keep-last", "1", "--min-age", "0s")
        self.assertEqual([point["kept"] for point in kept["points"]], [False, False, True, True],
                         "each writer's series keeps its newest")
        self.assert_clean()


if __name__ == "__main__":
    unittest.main()
