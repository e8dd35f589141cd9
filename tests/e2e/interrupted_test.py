"""A first backup that was killed or stopped halfway is not begun again: the next one goes on where it was."""

import base64
import random
import signal
import unittest

from harness import World, age, tree_of, write

FOLDERS = 60


class Interrupted(World):

    def setUp(self):
        super().setUp()
        self.init()
        noise = random.Random(11)
        self.data = self.dir / "data"
        for folder in range(FOLDERS):
            for name in range(4):  # A quarter of it compresses: enough to take time, and packs fill soon.
                write(self.data / f"{folder}/{name}", base64.b64encode(noise.randbytes(225_000)))
        age(self.data)

    def indexes(self):
        folder = self.repo / "idx"
        return len(list(folder.iterdir())) if folder.exists() else 0

    def interrupt(self, number, *options):
        """Stops a first backup by a signal once it has put an index into the store. Slow on purpose: level 19."""
        before = self.indexes()
        process = self.start("backup", self.data, "--compression", "19", *options)
        self.wait_for("an index in the store", lambda: process.poll() is not None or self.indexes() > before,
                      timeout_s=self.patience_s)
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
        for _ in range(2):
            self.interrupt(signal.SIGKILL, "--checkpoint-every", "50ms")
        self.assert_goes_on()


if __name__ == "__main__":
    unittest.main()
