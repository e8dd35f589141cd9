"""What the program stored is brought back by a reader that shares nothing with it but docs/format.md."""

import importlib.util
import os
import pathlib
import random
import shutil
import struct
import subprocess
import unittest

from harness import ODDITIES, World, age, write
from postgres_world import PostgresWorld

READER = pathlib.Path(__file__).resolve().parent.parent / "independent" / "reader.py"
NEEDED = ("cryptography", "zstandard", "argon2")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
LABEL = struct.Struct("<4sBBHI16s16s32sIIIHH")


class ReaderWorld(World):

    def setUp(self):
        if MISSING:
            self.skipTest("not installed: python3-" + ", python3-".join(MISSING))
        super().setUp()

    def reader(self, *arguments, key=None, code=0, repository=None):
        """Runs the reader with the Python of the system; what it printed."""
        key = key or ("--password-file", self.password)
        done = subprocess.run(["/usr/bin/python3", READER, repository or self.repo, *key, *arguments],
                              capture_output=True, check=False, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
        self.assertEqual(done.returncode, code, (done.stdout + done.stderr).decode(errors="replace")[-3000:])
        return done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape")

    def without_index(self):
        shutil.rmtree(self.repo / "idx")

    def packs(self):
        """Every pack's path with (size of its label, of a shard, number of data shards, of parity shards)."""
        for path in sorted((self.repo / "pack").glob("*/*")):
            fields = LABEL.unpack_from(path.read_bytes())
            yield path, (fields[4], fields[10], fields[11], fields[12])

    @staticmethod
    def overwrite(path, places):
        content = bytearray(path.read_bytes())
        for at in places:
            content[at] ^= 0x55
        path.chmod(0o600)
        path.write_bytes(content)

    def damage_every_pack(self, shards):
        """Hits that many shards of each pack, and its first label."""
        noise = random.Random(7)
        for path, (label, shard, k, m) in self.packs():
            hit = noise.sample(range(k + m), shards(m))
            self.overwrite(path, [label + number * shard + noise.randrange(shard) for number in hit] + [200])


class IndependentReader(ReaderWorld):

    def test_a_tree_of_everything_odd_comes_back_without_the_program_and_without_the_index(self):
        self.init()
        odd = self.dir / "odd"
        made = subprocess.run(["/usr/bin/python3", ODDITIES / "make_oddities.py", odd], capture_output=True, text=True,
                              check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.backup(odd, code=None)
        self.without_index()
        self.reader("restore", "latest", self.dir / "out")
        self.assert_same_trees(odd, self.dir / "out")
        # The same from a store that lost what parity can bring back.
        self.damage_every_pack(lambda m: m)
        _, told = self.reader("restore", "latest", self.dir / "healed")
        self.assertIn("healed from parity", told)
        self.assert_same_trees(odd, self.dir / "healed")
        self.reader("check")
        # Names are whole directories, or files, below the captured path.
        self.reader("restore", "latest", self.dir / "names", f"{odd}/names")
        self.assert_same_trees(odd / "names", self.dir / "names")
        self.reader("restore", "latest", self.dir / "text", f"{odd}/contents/text")
        self.assertEqual((self.dir / "text/text").read_bytes(), (odd / "contents/text").read_bytes())

    def test_more_damage_than_parity_is_named_and_the_rest_comes_back(self):
        self.init()
        data = self.dir / "data"
        write(data / "large", random.Random(1).randbytes(9_000_000))
        write(data / "small", "precious")
        age(data)
        self.backup(data)
        before = {path: path.read_bytes() for path, _ in self.packs()}
        for path, (label, shard, k, m) in self.packs():
            if path.read_bytes()[5] == 1:  # Data.
                self.overwrite(path, [label + number * shard for number in range(m + 1)])
        self.reader("check", code=7)
        _, told = self.reader("restore", "latest", self.dir / "out", code=3)
        self.assertIn("large", told)
        self.assertEqual((self.dir / "out/small").read_text(), "precious")
        for path, content in before.items():
            path.write_bytes(content[:-5000])  # The last label and some parity are gone.
        self.reader("restore", "latest", self.dir / "cut")
        self.assert_same_trees(data, self.dir / "cut")
        for path, content in before.items():
            path.unlink()
            write(self.repo / "pack" / path.name, content[3000:])  # As in an object store, and the first label is gone.
        self.reader("restore", "latest", self.dir / "beheaded")
        self.assert_same_trees(data, self.dir / "beheaded")

    def test_points_are_listed_with_what_happened_to_them(self):
        key_file = self.dir / "admin.key"
        self.reprieve("init", "--new-key-file", key_file)
        data = self.dir / "data"
        ids = []
        for number in range(4):
            write(data / "file", f"generation {number}" * 100)
            ids.append(self.backup(data)["point"])
        self.json("hold", ids[0], "--reason", "trial")
        self.json("prune", "--keep-last", "1", "--min-age", "0s")
        key = ("--key-file", key_file)
        listed, told = self.reader("points", key=key)
        self.assertEqual(told, "")
        lines = {line.split()[0]: line for line in listed.splitlines()}
        kept = [point["id"] for point in self.points()]
        self.assertTrue(all(any(point.startswith(each) for each in lines) for point in kept), listed)
        self.assertIn("held", next(line for each, line in lines.items() if ids[0].startswith(each)))
        self.assertIn(str(data), listed)
        self.reader("restore", ids[0], self.dir / "held", key=key)
        self.assertEqual((self.dir / "held/file").read_text(), "generation 0" * 100)
        _, told = self.reader("points", key=("--password-file", write(self.dir / "wrong", "battery staple\n")), code=1)
        self.assertIn("no slot opens", told)

    def test_a_recipient_reads_what_was_written_before_and_after_the_keys_were_rotated(self):
        self.init()
        escrow, data = self.dir / "escrow.key", self.dir / "data"
        recipient = self.json("repo", "keys", "generate", escrow)["recipient"]
        self.json("repo", "keys", "add", "escrow", "--role", "reader", "--recipient", recipient)
        points = []
        for number in range(3):
            write(data / "file", f"epoch {number}" * 1000)
            points.append(self.backup(data)["point"])
            self.json("repo", "keys", "rotate")
        for number, point in enumerate(points):
            self.reader("restore", point, self.dir / f"out{number}", key=("--key-file", escrow))
            self.assertEqual((self.dir / f"out{number}/file").read_text(), f"epoch {number}" * 1000)
        self.reader("check", key=("--key-file", escrow))

    def test_a_forged_snapshot_is_passed_over_and_a_missing_one_is_noticed(self):
        self.init()
        data = self.dir / "data"
        for number in range(3):
            write(data / "file", f"generation {number}")
            self.backup(data)
        second, third = sorted((self.repo / "snap").glob("*/*"))[1:]
        content = third.read_bytes()
        self.overwrite(third, [100, len(content) // 2 + 100])
        listed, told = self.reader("points")
        self.assertEqual(listed.count("\n"), 2)
        self.assertIn("no copy of it is genuine", told)
        third.write_bytes(content)
        second.unlink()
        listed, told = self.reader("points")
        self.assertEqual(listed.count("\n"), 2)
        self.assertIn("the one before it is missing", told)


class IndependentReaderOfPostgreSql(PostgresWorld, ReaderWorld):

    def test_a_cluster_comes_back_as_the_program_restores_it(self):
        """Its largest table has more than a thousand pages, so its chunks lie in a list."""
        self.make_primary(4)
        self.init()
        self.backup(self.url)
        self.without_index()
        self.reader("restore", "latest", self.dir / "out")
        data = self.folder("restored")
        self.restore(self.url, data, *self.owned())
        largest = max((path for path in (self.dir / "out/data/base").rglob("*") if path.is_file()),
                      key=lambda path: path.stat().st_size)
        self.assertGreater(largest.stat().st_size, 1000 * 32 * 1024)
        compared = 0
        for path in (self.dir / "out/data").rglob("*"):
            if path.is_file() and path.name not in ("postgresql.auto.conf", "postgresql.conf"):
                self.assertEqual(path.read_bytes(), (data / path.relative_to(self.dir / "out/data")).read_bytes(), path)
                compared += 1
        self.assertGreater(compared, 900)
        self.assert_starts_as_the_document_says()

    def assert_starts_as_the_document_says(self):
        """docs/recovery-without-us.md, followed by hand."""
        cluster, wal = self.dir / "by-hand", self.dir / "by-hand-wal"
        subprocess.run(["cp", "-a", self.dir / "out/data", cluster], check=True)
        subprocess.run(["cp", "-a", self.dir / "out/wal", wal], check=True)
        cluster.chmod(0o700)
        with open(cluster / "postgresql.auto.conf", "a", encoding="utf-8") as settings:
            settings.write(f"restore_command = 'cp {wal}/%f %p'\nrecovery_target_timeline = 'current'\n")
        write(cluster / "recovery.signal", "")
        if self.owner:
            subprocess.run(["chown", "-R", f"{self.owner.pw_name}:", cluster, wal], check=True)
        shutil.copy(self.dir / "out/backup_manifest", self.dir / "manifest")
        (self.dir / "manifest").chmod(0o644)
        self.postgres("pg_verifybackup", "-n", "-m", self.dir / "manifest", "-i", "postgresql.auto.conf", "-i",
                      "recovery.signal", cluster)
        self.assert_balanced(self.start_restored(cluster))


if __name__ == "__main__":
    unittest.main()
