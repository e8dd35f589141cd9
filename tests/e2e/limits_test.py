"""Disks that are full or read-only under a recovery, a database's restore and a repository."""

import os
import pathlib
import shutil
import subprocess
import unittest

from harness import World, age, objects_of, tree_of, write
from postgres_world import PostgresWorld
from recovery_world import RecoveryWorld


def mount_small(test, size):
    """A file system of its own, below the test's folder; the test is skipped where that cannot be."""
    folder = test.dir / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder)],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        test.skipTest("a tmpfs cannot be mounted here: " + mounted.stderr.decode())
    test.addCleanup(subprocess.run, ["umount", "-l", str(folder)], check=False)
    return folder


def remount(folder, options):
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def fill(folder):
    subprocess.run(["dd", "if=/dev/zero", f"of={folder}/filler", "bs=4096"], capture_output=True, check=False)


class ReadOnlyRepository(World):

    def test_it_is_read_and_restored_from_and_nothing_else(self):
        small = mount_small(self, "60m")
        self.env["REPRIEVE_REPO"] = str(small / "repo")
        self.init()
        data = self.dir / "data"
        write(data / "a", os.urandom(300_000))
        age(data)
        self.backup(data)
        remount(small, "ro")
        before = objects_of(small / "repo")
        self.assertEqual(len(self.points()), 1)
        self.restore(data, self.dir / "out")
        self.assert_same_trees(data, self.dir / "out")
        self.assert_clean()
        write(data / "b", "new")
        answer = self.error("backup", data, code=6)
        self.assertEqual(answer["kind"], "denied")
        self.assertIn("ead-only", answer["error"])
        self.assertEqual(objects_of(small / "repo"), before)
        remount(small, "rw")
        self.backup(data)


class FullState(RecoveryWorld):
    """The journal's disk: what cannot be written down is not done."""

    def test_nothing_is_done_without_a_journal_and_with_room_it_is(self):
        small = mount_small(self, "2m")
        self.env["REPRIEVE_STATE_DIR"] = str(small / "state")
        self.reprieve("recover", "lost")
        write(self.pages / "index.html", "Welcome, but defaced")
        before, servers = tree_of(self.pages), self.servers()
        fill(small)
        answer = self.error("recover", "lost", code=9)
        self.assertEqual(answer["kind"], "exhausted")
        self.assertEqual(tree_of(self.pages), before)
        self.assertEqual(self.servers(), servers, "the service was not stopped")
        (small / "filler").unlink()
        self.reprieve("recover", "lost")
        self.assert_is_back()

    def test_a_journal_that_becomes_full_stops_the_run_where_it_is_and_it_goes_on_with_room(self):
        small = mount_small(self, "2m")
        self.env["REPRIEVE_STATE_DIR"] = str(small / "state")
        cut = 0
        for free_kib in (64, 48, 40, 32, 24, 16, 12, 8, 4):
            self.destroy()
            with self.subTest(free_kib=free_kib):
                known = len(self.runs())
                room = os.statvfs(small)
                (small / "filler").write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - free_kib * 1024)))
                outcome = self.reprieve("recover", "lost", code=None)
                (small / "filler").unlink()
                self.assertIn(outcome.code, (0, 1, 9), outcome)
                cut += outcome.code != 0
                runs = self.runs()
                if outcome.code != 0 and len(runs) > known:
                    self.reprieve("run", "resume", runs[-1]["id"])
                elif outcome.code != 0:
                    self.reprieve("recover", "lost")
                self.assert_is_back()
                for path in pathlib.Path(small / "state").glob("runs/*/children"):
                    shutil.rmtree(path)  # So that the next round's room is not taken by this one's.
        self.assertGreaterEqual(cut, 3, "the disk became full before the end")


class FullDataDisk(PostgresWorld):

    def test_of_a_restored_database_is_said_and_with_room_it_is_restored(self):
        self.make_primary(2)
        self.init()
        self.backup(self.url)
        small = mount_small(self, "30m")
        data = small / "data"
        data.mkdir(mode=0o700)
        if self.owner:
            os.chown(data, self.owner.pw_uid, self.owner.pw_gid)
        answer = self.error("restore", self.url, "--into", data, *self.owned(), code=9)
        self.assertEqual(answer["kind"], "exhausted")
        self.assertFalse((data / "global/pg_control").exists(), "half a cluster cannot be started by mistake")
        remount(small, "size=500m")
        self.restore(self.url, data, *self.owned())
        port = self.start_restored(data)
        self.assertEqual(self.sql("select count(*) from pgbench_accounts", port, "shop"), "200000")
        self.stop_cluster(data)


if __name__ == "__main__":
    unittest.main()
