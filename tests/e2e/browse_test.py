"""Recovery points are looked into without restoring them: cat, dump, find, mount."""

import concurrent.futures
import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
import unittest

from harness import LONG_AGO_NS, ODDITIES, World, age, is_root, write

TAR = ["tar", "-x", "-p", "--acls", "--xattrs", "--xattrs-include=*", "--delay-directory-restore"]


class Browse(World):

    def setUp(self):
        super().setUp()
        self.init()
        self.data = self.dir / "data"

    def small_tree(self):
        write(self.data / "letters/a.txt", "first\n")
        write(self.data / "letters/b.txt", "second\n")
        write(self.data / "numbers/one", random.Random(1).randbytes(5_000_000))
        age(self.data)

    def oddities(self):
        made = subprocess.run([sys.executable, str(ODDITIES / "make_oddities.py"), str(self.data), "--depth", "20"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)

    def bytes_of(self, *arguments, code=0):
        process = self.start(*arguments)
        out, err = process.communicate(timeout=self.patience_s)
        self.assertEqual(process.returncode, code, err)
        return out

    def extract(self, archive):
        out = self.dir / "out"
        out.mkdir()
        done = subprocess.run([*TAR, "-C", str(out)], input=archive, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace")[-3000:])
        return out

    def data_packs(self):
        """Those that hold contents, oldest first: a tree of few names makes a small pack."""
        packs = [path for path in (self.repo / "pack").rglob("*") if path.is_file() and path.stat().st_size > 200_000]
        return sorted(packs, key=lambda path: path.stat().st_mtime_ns)

    def damage(self, packs):
        """More than parity brings back, and neither label."""
        for path in packs:
            size = path.stat().st_size
            os.chmod(path, 0o600)
            with open(path, "r+b") as file:
                file.seek(size // 4)
                file.write(os.urandom(size // 2))


class Cat(Browse):

    def test_a_file_is_written_byte_for_byte_by_either_path(self):
        self.small_tree()
        self.backup(self.data)
        for path in (self.data / "numbers/one", "numbers/one", "./numbers/one"):
            with self.subTest(path=path):
                self.assertEqual(self.bytes_of("cat", "latest", path), (self.data / "numbers/one").read_bytes())

    def test_every_odd_file_is_written_byte_for_byte(self):
        self.oddities()
        self.backup(self.data, code=None)
        for folder in ("contents", "holes"):
            for base, _, files in os.walk(os.fsencode(self.data / folder)):
                for name in files:
                    path = os.path.join(base, name)
                    if os.stat(path).st_size > 20_000_000:
                        continue
                    with open(path, "rb") as file:
                        self.assertEqual(self.bytes_of("cat", "latest", os.fsdecode(path)), file.read(), path)

    def test_an_older_point_has_the_older_file(self):
        self.small_tree()
        first = self.backup(self.data)
        write(self.data / "letters/a.txt", "changed\n")
        self.backup(self.data)
        self.assertEqual(self.bytes_of("cat", first["point"], "letters/a.txt"), b"first\n")
        self.assertEqual(self.bytes_of("cat", "latest", "letters/a.txt"), b"changed\n")

    def test_what_is_no_file_or_not_there_or_no_json_is_refused(self):
        self.small_tree()
        self.backup(self.data)
        self.assertIn("no regular file", self.reprieve("cat", "latest", "letters", code=2).err)
        self.assertIn("lettres", self.reprieve("cat", "latest", "lettres", code=5).err)
        self.error("cat", "latest", "letters/a.txt", code=2)

    def test_a_damaged_file_ends_with_exit_code_7(self):
        self.small_tree()
        self.backup(self.data)
        self.damage(self.data_packs())
        self.assertNotEqual(self.bytes_of("cat", "latest", "numbers/one", code=7),
                            (self.data / "numbers/one").read_bytes())


class Dump(Browse):

    @unittest.skipUnless(is_root(), "owners and devices need root")
    def test_gnu_tar_makes_the_identical_tree_of_everything_odd(self):
        self.oddities()
        self.backup(self.data, code=None)
        outcome = self.json("dump", "latest", "--to", self.dir / "archive.tar", code=3)
        self.assertEqual([(problem["kind"], os.path.basename(problem["path"])) for problem in outcome["problems"]],
                         [("unsupported", "socket")])
        out = self.extract((self.dir / "archive.tar").read_bytes())
        # What tar has no place for: the socket; flags.
        (self.data / "special/socket").unlink()
        os.utime(self.data / "special", ns=(0, (out / "special").stat().st_mtime_ns))
        self.assert_same_trees(self.data, out, "--no-flags")

    def test_a_pipe_carries_the_archive(self):
        self.small_tree()
        self.backup(self.data)
        out = self.extract(self.bytes_of("dump", "latest", "--to", "-"))
        self.assert_same_trees(self.data, out)

    def test_only_what_was_named_is_in_the_archive(self):
        self.small_tree()
        self.backup(self.data)
        out = self.extract(self.bytes_of("dump", "latest", "letters/b.txt", self.data / "numbers", "--to", "-"))
        self.assertEqual((out / "letters/b.txt").read_text(), "second\n")
        self.assertFalse((out / "letters/a.txt").exists())
        self.assertEqual((out / "numbers/one").read_bytes(), (self.data / "numbers/one").read_bytes())
        self.assertEqual((out / "letters").stat().st_mtime_ns, LONG_AGO_NS)

    def test_a_damaged_file_is_left_out_and_the_rest_is_there(self):
        write(self.data / "readable", b"small enough to lie in its tree")
        write(self.data / "damaged", random.Random(1).randbytes(1_000_000))
        age(self.data)
        self.backup(self.data)
        self.damage(self.data_packs())
        archive = self.dir / "archive.tar"
        outcome = self.json("dump", "latest", "--to", archive, code=3)
        self.assertEqual([(problem["kind"], problem["path"]) for problem in outcome["problems"]],
                         [("unreadable", "damaged")])
        out = self.extract(archive.read_bytes())
        self.assertEqual(sorted(os.listdir(out)), ["readable"])

    def test_a_file_that_breaks_off_ends_the_archive_which_then_does_not_appear(self):
        write(self.data / "huge", random.Random(1).randbytes(80_000_000))
        self.backup(self.data)
        self.damage(self.data_packs()[-1:])
        answer = self.error("dump", "latest", "--to", self.dir / "archive.tar", code=7)
        self.assertIn("huge", answer["error"])
        self.error("dump", "latest", "nowhere", "--to", self.dir / "archive.tar", code=5)
        self.assertFalse((self.dir / "archive.tar").exists())

    def test_json_and_an_archive_do_not_share_standard_output(self):
        self.error("dump", "latest", "--to", "-", code=2)


class Find(Browse):

    def test_it_says_in_which_points_a_file_is_in_which_state(self):
        self.small_tree()
        points = [self.backup(self.data)["point"] for _ in range(2)]
        write(self.data / "letters/a.txt", "changed\n")
        points.append(self.backup(self.data)["point"])
        os.unlink(self.data / "letters/a.txt")
        points.append(self.backup(self.data)["point"])
        answer = self.json("find", "a.*")
        self.assertEqual(answer["points"], 4)
        self.assertEqual([match["path"] for match in answer["matches"]], [str(self.data / "letters/a.txt")])
        states = answer["matches"][0]["states"]
        self.assertEqual([state["size"] for state in states], [6, 8])
        self.assertEqual([(run["first"]["id"], run["last"]["id"], run["points"]) for run in states[0]["runs"]],
                         [(points[0], points[1], 2)])
        self.assertEqual(states[1]["runs"][0]["first"]["id"], points[2])
        text = self.reprieve("find", "a.*").out
        self.assertIn(f"{self.data}/letters/a.txt\n", text)
        self.assertIn(f"in {points[0][:12]} to {points[1][:12]} (2 points", text)
        # What was found can be had.
        self.assertEqual(self.bytes_of("cat", points[0], answer["matches"][0]["path"]), b"first\n")

    def test_type_size_and_time_narrow_it(self):
        self.small_tree()
        self.backup(self.data)
        def names(*arguments):
            return [os.path.basename(match["path"]) for match in self.json("find", *arguments)["matches"]]
        self.assertEqual(names("*", "--type", "d"), ["data", "letters", "numbers"])
        self.assertEqual(names("*", "--size", "+1MB"), ["one"])
        self.assertEqual(names("*", "--type", "f", "--size", "-1kB"), ["a.txt", "b.txt"])
        self.assertEqual(names("letters/*", "--size", "6"), ["a.txt"])
        self.assertEqual(names("*.txt", "--newer", "2020-01-02T00:00:00Z"), [])
        self.assertEqual(names("*.txt", "--older", "2020-01-02T00:00:00Z"), ["a.txt", "b.txt"])
        for wrong in (["--type", "x"], ["--size", "much"], ["--newer", "yesterday"]):
            self.error("find", "*", *wrong, code=2)
        self.error("find", "a[", code=2)

    def test_names_that_are_no_text_are_found_and_shown_harmlessly(self):
        write(os.fsdecode(os.fsencode(self.data) + b"/\xff\x1b[2J"), "x")
        self.backup(self.data)
        answer = self.json("find", os.fsdecode(b"\xff*"))
        self.assertEqual(bytes.fromhex(answer["matches"][0]["path_hex"]), os.fsencode(self.data) + b"/\xff\x1b[2J")
        self.assertNotIn("\x1b", self.reprieve("find", os.fsdecode(b"\xff*")).out)


@unittest.skipUnless(os.path.exists("/dev/fuse") and is_root(), "mounting needs /dev/fuse and root")
class Mount(Browse):

    def setUp(self):
        super().setUp()
        self.point = self.dir / "mount"
        self.point.mkdir()
        self.err = ""

    @contextlib.contextmanager
    def mounted(self, *arguments, code=0, end=signal.SIGTERM):
        process = self.start("mount", self.point, *arguments)
        try:
            self.wait_for("the mount", lambda: os.path.ismount(self.point) or process.poll() is not None)
            self.assertIsNone(process.poll(), process.poll() is not None and process.communicate())
            yield process
            if end is not None:
                process.send_signal(end)
            outcome = self.finish(process)
            self.err = outcome.err
            self.assertEqual(outcome.code, code, outcome.err)
            self.assertFalse(os.path.ismount(self.point))
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
            subprocess.run(["umount", "-l", str(self.point)], capture_output=True, check=False)

    def test_a_tree_of_everything_odd_is_seen_as_it_was_captured(self):
        self.oddities()
        self.backup(self.data, code=None)
        with self.mounted("latest"):
            self.assert_same_trees(self.data, self.point, "--no-flags")

    def test_all_points_lie_below_their_sources(self):
        self.small_tree()
        first = self.backup(self.data)
        write(self.data / "letters/a.txt", "changed\n")
        second = self.backup(self.data)
        other = self.dir / "other"
        write(other / "x", "other source\n")
        self.backup(other)
        with self.mounted():
            folders = os.listdir(self.point)
            self.assertEqual(sorted(folders), sorted(str(path).strip("/").replace("/", "_") for path in (self.data, other)))
            points = self.point / str(self.data).strip("/").replace("/", "_")
            listed = {name.rsplit("-", 1)[1]: name for name in set(os.listdir(points)) - {"latest"}}
            names = [listed.pop(point["point"][:12]) for point in (first, second)]
            self.assertEqual(listed, {})
            self.assertEqual(os.readlink(points / "latest"), names[1])
            self.assertEqual((points / names[0] / "letters/a.txt").read_text(), "first\n")
            self.assertEqual((points / "latest/letters/a.txt").read_text(), "changed\n")
            self.assert_same_trees(self.data, points / names[1])
            self.assertEqual(os.stat(points / names[1]).st_mtime_ns, LONG_AGO_NS)
            listing = subprocess.run(["ls", "-lR", self.point], capture_output=True, text=True, check=False)
            self.assertEqual((listing.returncode, listing.stderr), (0, ""))
            found = subprocess.run(["grep", "-rl", "changed", self.point], capture_output=True, text=True, check=False)
            self.assertEqual(found.stdout, f"{points}/{names[1]}/letters/a.txt\n")
            with self.assertRaises(OSError) as refused:
                (points / "latest/new").write_text("x")
            self.assertEqual(refused.exception.errno, errno.EROFS)
        self.assertIn("3 recovery points of 2 sources", self.err)

    def test_many_readers_read_the_same_and_different_files_at_once(self):
        noise = random.Random(3)
        for number in range(24):
            write(self.data / f"{number}", noise.randbytes(1_500_000 + number))
        self.backup(self.data)
        names = [str(number) for number in range(24)] * 4
        noise.shuffle(names)
        with self.mounted("latest"), concurrent.futures.ThreadPoolExecutor(8) as pool:
            for name, content in zip(names, pool.map(lambda name: (self.point / name).read_bytes(), names)):
                self.assertEqual(content, (self.data / name).read_bytes(), name)

    def test_any_part_of_a_file_is_read_by_itself(self):
        content = random.Random(4).randbytes(9_000_000)
        write(self.data / "file", content)
        self.backup(self.data)
        noise = random.Random(5)
        with self.mounted("latest"), open(self.point / "file", "rb") as file:
            for _ in range(50):
                at = noise.randrange(len(content))
                self.assertEqual(os.pread(file.fileno(), 100_000, at), content[at:at + 100_000])

    @staticmethod
    def close_orphan(file):
        """close(2) says that the file system is gone, and closes."""
        with contextlib.suppress(OSError):
            os.close(file)

    def test_it_ends_while_somebody_has_a_file_open(self):
        self.small_tree()
        self.backup(self.data)
        for end in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(end=end), self.mounted("latest", end=end):
                file = os.open(self.point / "numbers/one", os.O_RDONLY)
                self.addCleanup(self.close_orphan, file)
                self.assertEqual(os.read(file, 10), (self.data / "numbers/one").read_bytes()[:10])

    def test_fusermount_ends_it(self):
        self.small_tree()
        self.backup(self.data)
        with self.mounted("latest", end=None):
            self.assertEqual((self.point / "letters/a.txt").read_text(), "first\n")
            subprocess.run(["fusermount3", "-u", str(self.point)], check=True)

    def test_damage_within_parity_is_healed_in_passing(self):
        write(self.data / "file", random.Random(6).randbytes(3_000_000))
        self.backup(self.data)
        for path in self.data_packs():
            os.chmod(path, 0o600)
            with open(path, "r+b") as file:
                file.seek(path.stat().st_size // 2)
                file.write(bytes(100))
        with self.mounted("latest"):
            self.assertEqual((self.point / "file").read_bytes(), (self.data / "file").read_bytes())

    def test_damage_beyond_parity_is_an_error_of_that_file_alone_and_told_once(self):
        write(self.data / "readable", b"small enough to lie in its tree")
        write(self.data / "damaged", random.Random(1).randbytes(1_000_000))
        self.backup(self.data)
        self.damage(self.data_packs())
        with self.mounted("latest", code=7):
            for _ in range(2):
                with self.assertRaises(OSError) as failed:
                    (self.point / "damaged").read_bytes()
                self.assertEqual(failed.exception.errno, errno.EIO)
            self.assertEqual((self.point / "readable").read_bytes(), b"small enough to lie in its tree")
        self.assertEqual(self.err.count("damaged: damaged: "), 1, self.err)

    def test_what_cannot_be_mounted_on_is_refused(self):
        self.small_tree()
        self.backup(self.data)
        self.error("mount", self.dir / "nowhere", code=5)
        self.error("mount", self.password, code=2)
        self.error("mount", self.point, "nonsense", code=5)

    def test_without_dev_fuse_it_says_what_to_do(self):
        self.small_tree()
        self.backup(self.data)
        hide = ["unshare", "--mount", "--", "sh", "-c",
                'mkdir "$0/dev" && cp -a /dev/null /dev/urandom "$0/dev/" && mount --bind "$0/dev" /dev && exec "$@"',
                str(self.dir)]
        outcome = self.reprieve("mount", self.point, prefix=hide, code=5)
        self.assertIn("/dev/fuse", outcome.err)
        self.assertIn("modprobe fuse", outcome.err)


class WithoutTheRightKey(Browse):

    def test_a_writer_cannot_look_into_what_it_wrote(self):
        self.small_tree()
        self.backup(self.data)
        key = self.dir / "writer.key"
        self.reprieve("repo", "keys", "add", "web1", "--role", "writer", "--new-key-file", key)
        for command in (["cat", "latest", "letters/a.txt"], ["dump", "latest", "--to", self.dir / "x.tar"],
                        ["find", "*"], ["mount", self.data], ["mount", self.data, "latest"]):
            with self.subTest(command=command[0]):
                outcome = self.reprieve("--key-file", key, *command, code=6, REPRIEVE_PASSWORD_FILE=None)
                self.assertIn("key", outcome.err)


if __name__ == "__main__":
    unittest.main()
