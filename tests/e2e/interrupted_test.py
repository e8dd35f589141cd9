"""A first backup that was killed or stopped halfway is not begun again: the next one goes on where it was."""

import random
import signal
import time
import unittest

from harness import World, age, tree_of, write

FOLDERS = 60


class Interrupted(World):

    def setUp(self):
        super().setUp()
        self.init()
        noise = random.Random(11)
        words = [bytes(noise.choices(b"abcdefghijklmnopqrstuvwxyz", k=noise.randint(2, 9))) for _ in range(2000)]
        self.data = self.dir / "data"
        for folder in range(FOLDERS):
            for name in range(4):
                write(self.data / f"{folder}/{name}", b" ".join(noise.choices(words, k=40_000)))
        age(self.data)

    def interrupt(self, number, *options):
        """Stops a first backup by a signal once two indexes are in the store. Slow on purpose: level 19."""
        process = self.start("backup", self.data, "--compression", "19", *options)
        indexes = self.repo / "idx"
        self.wait_for("indexes in the store",
                      lambda: process.poll() is not None or (indexes.exists() and len(list(indexes.iterdir())) >= 2))
        time.sleep(0.3)
        self.assertIsNone(process.poll(), "it was at work still")
        process.send_signal(number)
        return self.finish(process)

    def assert_goes_on(self):
        self.assertEqual(self.points(), [])
        made = self.backup(self.data)
        self.assertGreater(made["files_unchanged"], 4, "whole folders were known")
        self.assertLess(made["bytes_new"], made["bytes"] * 9 // 10)
        self.assertEqual(made["files"], 4 * FOLDERS)
        self.restore(self.data, self.dir / "out")
        self.assertEqual(tree_of(self.dir / "out"), tree_of(self.data))
        self.assert_clean()
        # Nothing of the interruption is left in the cache.
        self.assertEqual([path.name for path in (self.dir / "cache/files").iterdir() if "." in path.name], [])

    def test_a_killed_backup_is_continued_from_its_last_checkpoint(self):
        self.interrupt(signal.SIGKILL, "--checkpoint-every", "50ms")
        self.assert_goes_on()

    def test_a_stopped_backup_keeps_what_it_had_stored(self):
        outcome = self.interrupt(signal.SIGTERM, "--checkpoint-every", "200ms")
        self.assertEqual(outcome.code, 130, outcome.err)
        self.assert_goes_on()

    def test_killed_again_and_again_it_still_comes_to_its_end(self):
        for _ in range(3):
            process = self.start("backup", self.data, "--compression", "19", "--checkpoint-every", "50ms")
            time.sleep(1)
            self.kill(process)
        self.assert_goes_on()


if __name__ == "__main__":
    unittest.main()
