"""What was backed up comes back, wholly or in part, whatever its names and kinds."""

import json
import os
import random
import subprocess
import sys
import time
import unittest

from harness import ODDITIES, World, age, tree_of, write


class RoundTrip(World):

    def setUp(self):
        super().setUp()
        self.init()
        self.data = self.dir / "data"
        write(self.data / "letters/a.txt", "first\n")
        write(self.data / "letters/b.txt", "second\n")
        write(self.data / "numbers/one", random.Random(1).randbytes(300_000))
        age(self.data)

    def test_a_tree_of_everything_odd_comes_back_identical(self):
        odd = self.dir / "odd"
        made = subprocess.run([sys.executable, str(ODDITIES / "make_oddities.py"), str(odd)],
                              capture_output=True, text=True, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        # Sockets have no content to keep; the program says so with exit code 3.
        point = self.backup(odd, code=None)
        self.assertTrue(all(problem["kind"] == "unsupported" for problem in point["problems"]), point["problems"])
        out = self.dir / "out"
        self.restore(odd, out)
        self.assert_same_trees(odd, out)
        self.assert_clean()

    def test_a_second_backup_of_the_unchanged_reads_no_file(self):
        time.sleep(3.1)  # What changed just before a backup is read again; a ctime cannot be set back.
        first = self.backup(self.data)
        second = self.backup(self.data)
        self.assertEqual(first["files_unchanged"], 0)
        self.assertEqual(second["files_unchanged"], second["files"])
        self.assertEqual(second["bytes_new"], 0)
        # It is a whole recovery point nevertheless.
        self.restore(self.data, self.dir / "out", "--at", second["point"])
        self.assert_same_trees(self.data, self.dir / "out")

    def test_a_lost_cache_costs_reading_but_stores_nothing_twice(self):
        self.backup(self.data)
        subprocess.run(["rm", "-rf", str(self.dir / "cache")], check=True)
        again = self.backup(self.data)
        self.assertEqual(again["bytes_new"], 0)

    def test_only_what_was_named_is_restored(self):
        self.backup(self.data)
        out = self.dir / "out"
        self.restore(self.data, out, "--only", "letters/b.txt")
        self.assertEqual({name for name in tree_of(out)}, {b"letters", b"letters/b.txt"})
        self.assertEqual((out / "letters/b.txt").read_text(), "second\n")

    def test_a_name_that_is_not_in_the_point_is_not_found(self):
        self.backup(self.data)
        answer = self.error("restore", self.data, "--into", self.dir / "out", "--only", "lettres", code=5)
        self.assertIn("lettres", answer["error"])

    def test_a_dry_run_writes_nothing_and_says_what_it_would(self):
        self.backup(self.data)
        answer = self.restore(self.data, self.dir / "out", "--dry-run")
        self.assertTrue(answer["dry_run"])
        self.assertEqual(answer["files_written"], 3)
        self.assertFalse((self.dir / "out").exists())
        write(self.data / "letters/a.txt", "changed since\n")
        write(self.data / "extra", "mine")
        before = tree_of(self.data)
        answer = self.restore(self.data, self.data, "--dry-run", "--delete")
        self.assertEqual((answer["files_written"], answer["deleted"]), (1, 1))
        self.assertEqual(tree_of(self.data), before)

    def test_nothing_untold_is_deleted_and_delete_deletes_only_what_is_extra(self):
        self.backup(self.data)
        out = self.dir / "out"
        write(out / "mine/note", "not from the backup")
        write(out / "letters/c.txt", "neither")
        answer = self.restore(self.data, out)
        self.assertEqual(answer["deleted"], 0)
        self.assertEqual((out / "mine/note").read_text(), "not from the backup")
        self.assertEqual((out / "letters/c.txt").read_text(), "neither")
        answer = self.restore(self.data, out, "--delete")
        self.assertGreaterEqual(answer["deleted"], 2)
        self.assert_same_trees(self.data, out)

    def test_what_is_there_already_is_not_written_again(self):
        self.backup(self.data)
        out = self.dir / "out"
        self.restore(self.data, out)
        write(out / "letters/a.txt", "damaged")
        answer = self.restore(self.data, out)
        self.assertEqual((answer["files_written"], answer["files_unchanged"]), (1, 2))
        self.assert_same_trees(self.data, out)

    def test_a_restore_does_not_follow_a_link_out_of_its_folder(self):
        self.backup(self.data)
        outside = self.dir / "outside"
        write(outside / "a.txt", "precious")
        out = self.dir / "out"
        out.mkdir()
        (out / "letters").symlink_to(outside)
        self.reprieve("restore", self.data, "--into", out, code=None)
        self.assertEqual((outside / "a.txt").read_text(), "precious")
        self.assertEqual(sorted(os.listdir(outside)), ["a.txt"])

    def test_a_restore_that_was_killed_goes_on_where_it_was(self):
        big = self.dir / "big"
        noise = random.Random(2)
        for number in range(120):
            write(big / f"{number % 7}/{number}", noise.randbytes(1_000_000))
        age(big)
        self.backup(big)
        out = self.dir / "out"
        kills = 0
        for delay in (0.05, 0.08, 0.12, 0.16, 0.2):
            process = self.start("restore", big, "--into", out)
            time.sleep(delay)
            kills += process.poll() is None
            self.kill(process)
        self.assertGreater(kills, 0, "no restore was killed in its middle")
        self.restore(big, out)
        self.assert_same_trees(big, out)

    def test_points_are_found_by_name_prefix_time_and_latest(self):
        first = self.backup("--name", "before", self.data)
        write(self.data / "letters/a.txt", "second state\n")
        second = self.backup("--name", "after", self.data)
        for at, want in ((first["point"], "first\n"), (first["point"][:8], "first\n"), ("before", "first\n"),
                         (first["time"], "first\n"), ("after", "second state\n"), ("latest", "second state\n"),
                         (second["time"], "second state\n"), (second["point"][:10], "second state\n")):
            with self.subTest(at=at):
                out = self.dir / f"out-{at}"
                self.restore(self.data, out, "--at", at, "--only", "letters/a.txt")
                self.assertEqual((out / "letters/a.txt").read_text(), want)
        out = self.dir / "by-time"
        self.restore(self.data, out, "--to-time", first["time"])
        self.error("restore", self.data, "--into", out, "--at", first["point"], "--to-time", first["time"], code=2)
        self.assertEqual((out / "letters/a.txt").read_text(), "first\n")
        self.error("restore", self.data, "--into", out, "--at", "2001-01-01T00:00:00Z", code=5)

    def test_latest_verified_verifies_the_newest_if_none_was_verified(self):
        self.backup(self.data)
        self.restore(self.data, self.dir / "out", "--at", "latest-verified")
        self.assertTrue(self.points()[0]["verified"])
        self.assert_same_trees(self.data, self.dir / "out")

    def test_latest_verified_is_the_newest_that_was_read_to_its_end(self):
        first = self.backup(self.data)
        self.json("verify", first["point"])
        write(self.data / "letters/a.txt", "newer, never read\n")
        self.backup(self.data)
        self.restore(self.data, self.dir / "out", "--at", "latest-verified")
        self.assertEqual((self.dir / "out/letters/a.txt").read_text(), "first\n")
        self.assertEqual([bool(point["verified"]) for point in self.points()], [True, False])

    def test_diff_names_what_was_added_removed_and_modified(self):
        first = self.backup(self.data)
        write(self.data / "letters/a.txt", "changed\n")
        write(self.data / "new", "new\n")
        os.unlink(self.data / "letters/b.txt")
        os.chmod(self.data / "numbers/one", 0o600)
        second = self.backup(self.data)
        answer = self.json("diff", first["point"], second["point"])
        self.assertEqual((answer["added"], answer["removed"], answer["modified"]), (1, 1, 1))
        self.assertGreaterEqual(answer["metadata"], 1)
        text = self.reprieve("diff", first["point"], "latest").out
        for mark, path in (("+", "new"), ("-", "letters/b.txt"), ("M", "letters/a.txt"), ("m", "numbers/one")):
            self.assertIn(f"{mark}  {self.data}/{path}\n", text)

    def test_hostile_names_neither_drive_the_terminal_nor_break_the_json(self):
        first = self.backup(self.data)
        name = b"\x1b]0;owned\x07\x1b[2J\r\n\xc2\x9b31m\xff"
        write(os.fsdecode(os.fsencode(self.data) + b"/" + name), "x")
        os.mkdir(os.fsencode(self.data) + b"/dir" + name)
        second = self.backup(self.data)
        text = self.reprieve("diff", first["point"], second["point"])
        for output in (text.out, text.err):
            raw = output.encode(errors="surrogateescape").replace(b"\n", b"")
            self.assertFalse([byte for byte in raw if byte < 0x20 or byte == 0x7f], raw)
            self.assertNotIn(b"\xc2\x9b", raw)
            raw.decode()  # What is shown is UTF-8.
        self.assertIn(r"\x1b]0;owned\x07", text.out)
        answer = self.json("diff", first["point"], second["point"])
        self.assertIn(name.hex(), json.dumps(answer))
        self.restore(self.data, self.dir / "out")
        self.assert_same_trees(self.data, self.dir / "out")

    def test_a_changed_file_with_its_old_time_and_size_is_seen(self):
        self.backup(self.data)
        path = self.data / "letters/a.txt"
        before = os.stat(path)
        path.write_text("fir5t\n")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.backup(self.data)
        self.restore(self.data, self.dir / "out")
        self.assertEqual((self.dir / "out/letters/a.txt").read_text(), "fir5t\n")

    def test_several_sources_lie_in_one_repository_beside_each_other(self):
        other = self.dir / "other"
        write(other / "x", (self.data / "numbers/one").read_bytes())
        self.backup(self.data)
        point = self.backup(other)
        self.assertLess(point["bytes_new"], 10_000, "the same content is stored once")
        self.assertEqual(len(self.points()), 2)
        self.assertEqual(len(self.points(str(other))), 1)
        self.restore(other, self.dir / "out")
        self.assert_same_trees(other, self.dir / "out")


if __name__ == "__main__":
    unittest.main()
