"""What parity cannot heal is named, marked, and brought back by the next backup; nothing is deleted."""

import random
import shutil
import unittest

from harness import World, age, key_of, objects_of, tree_of, write

SEED = 20261121


class Healing(World):

    def setUp(self):
        super().setUp()
        self.init()
        self.destroyed = set()
        self.data = self.dir / "data"
        noise = random.Random(SEED)
        for number in range(4):
            write(self.data / f"noise/{number}", noise.randbytes(600_000))
        write(self.data / "passing", noise.randbytes(300_000))
        age(self.data)
        self.backup("--name", "first", self.data)
        self.first = tree_of(self.data)
        (self.data / "passing").unlink()
        write(self.data / "noise/new", noise.randbytes(100_000))
        age(self.data)
        self.backup("--name", "second", self.data)
        self.second = tree_of(self.data)

    def destroy(self, everything=False):
        """Damages the pack that holds the most, and was not destroyed yet, beyond what parity gives back."""
        packs = set((self.repo / "pack").glob("*/*")) - self.destroyed
        pack = max(packs, key=lambda path: path.stat().st_size)
        self.destroyed.add(pack)
        content = bytearray(pack.read_bytes())
        # Label and trailer stay, at least: what was in the pack is known.
        for place in range(0 if everything else 8192, len(content) * (10 if everything else 9) // 10, 1024):
            content[place] ^= 0xff
        pack.chmod(0o600)
        pack.write_bytes(bytes(content))
        return pack

    def assert_restores(self, name, tree):
        out = self.dir / ("out-" + name)
        self.restore(self.data, out, "--at", name)
        self.assertEqual(tree_of(out), tree)

    def assert_names_lost(self, answer, *names):
        paths = {path["path"].rsplit("/", 1)[-1] for loss in answer["lost"] for path in loss["paths"]}
        self.assertTrue(paths.issuperset(names), paths)

    def test_a_pack_beyond_parity_is_brought_back_by_the_next_backup(self):
        pack = self.destroy()
        damages = self.json("verify", "--level", "data", code=7)["damages"]
        self.assertIn(key_of(str(pack.relative_to(self.repo))), {damage["object"] for damage in damages})
        self.assertEqual({point["verified"]["good"] for point in self.points()}, {False},
                         "what was found is remembered")
        before = objects_of(self.repo)
        answer = self.json("repo", "repair", "--dry-run", code=7)
        self.assertEqual(objects_of(self.repo), before)
        self.assert_names_lost(answer, "1", "2")
        answer = self.json("repo", "repair", code=7)
        self.assertEqual(answer["marked_lost"], 1)
        self.assertEqual({loss["source"] for loss in answer["lost"]}, {str(self.data)})
        self.assertEqual(len(answer["lost"]), 2, "both points lack something")
        self.assertIn("next backup", self.reprieve("repo", "repair", code=7).err)

        write(self.data / "passing", self.first[b"passing"][2])
        age(self.data)
        self.backup("--name", "third", self.data)  # With a file cache that knows every file.

        self.assertEqual({key: objects_of(self.repo).get(key) for key in before}, before, "nothing was deleted")
        self.assert_restores("first", self.first)
        self.assert_restores("second", self.second)
        self.assert_clean("data")
        self.assert_clean("reach")
        self.assertEqual({point["verified"]["good"] for point in self.points()}, {True})
        self.assertEqual(self.json("repo", "repair")["lost"], [])
        self.reprieve("prune", "--keep-last", "9", "--min-age", "0s")
        self.reprieve("prune", "--keep-last", "9", "--min-age", "0s")
        self.assertFalse(pack.exists(), "nothing counts in it any more")
        self.assert_clean("shards")
        self.assert_restores("first", self.first)

    def test_what_no_source_has_any_more_stays_told(self):
        self.destroy()
        self.reprieve("repo", "repair", code=7)
        self.backup("--name", "third", self.data)
        self.assert_restores("second", self.second)
        answer = self.json("repo", "repair", code=7)
        self.assertEqual(len(answer["lost"]), 1)
        self.assert_names_lost(answer, "passing")
        self.reprieve("verify", "--level", "reach", code=7)
        self.reprieve("verify", "second", "--level", "data")
        self.reprieve("verify", "first", "--level", "reach", code=7)

    def test_a_pack_without_any_label_left_and_one_that_is_gone(self):
        for is_gone in (False, True):
            with self.subTest(is_gone=is_gone):
                write(self.data / "passing", self.first[b"passing"][2])
                age(self.data)
                pack = self.destroy(everything=True)
                if is_gone:
                    pack.unlink()
                self.reprieve("verify", code=7)
                self.reprieve("repo", "repair", code=7)
                self.backup(self.data)
                self.assert_clean("data")
                self.assert_restores("first", self.first)
                self.assert_restores("second", self.second)
                shutil.rmtree(self.dir / "out-first")
                shutil.rmtree(self.dir / "out-second")

    def test_a_writers_key_marks_and_a_readers_names(self):
        for role in ("writer", "reader"):
            self.reprieve("repo", "keys", "add", role, "--role", role, "--new-key-file", self.dir / (role + ".key"))
        self.destroy()
        by = {role: {"REPRIEVE_PASSWORD_FILE": None, "REPRIEVE_KEY_FILE": str(self.dir / (role + ".key"))}
              for role in ("writer", "reader")}
        answer = self.json("repo", "repair", code=7, **by["reader"])
        self.assertEqual(answer["marked_lost"], 0)
        self.assert_names_lost(answer, "1")
        answer = self.json("repo", "repair", code=7, **by["writer"])
        self.assertEqual(answer["marked_lost"], 1)
        self.assertFalse(answer["looked_through"])

    def test_without_any_index_everything_works_and_repair_makes_them_again(self):
        shutil.rmtree(self.repo / "idx")
        shutil.rmtree(self.dir / "cache")
        self.assertIn("no index knows the pack", self.reprieve("verify", "--level", "index", code=7).err)
        self.assert_restores("first", self.first)
        self.assertEqual(len(self.points()), 2)
        self.reprieve("status", code=None)
        self.reprieve("diff", "first", "second")
        made = self.backup(self.data)
        self.assertLess(made["bytes_stored"], 100_000, "trailers tell what is there")
        self.reprieve("repo", "repair")
        self.assert_clean("data")
        self.reprieve("prune", "--keep-last", "9", "--min-age", "0s")
        self.assert_restores("second", self.second)


class Verifying(World):

    def setUp(self):
        super().setUp()
        self.init()
        self.data = self.dir / "data"
        self.noise = random.Random(SEED)
        for number in range(6):
            write(self.data / "noise", self.noise.randbytes(200_000))
            age(self.data)
            self.backup(self.data)

    def test_a_share_at_a_time_comes_to_everything(self):
        runs = 0
        while True:
            answer = self.json("verify", "--percent", "20")
            self.assertGreater(answer["packs_read"], 0)
            runs += 1
            if answer["proved_since"]:
                break
            self.assertEqual({point["verified"] for point in self.points()}, {None})
        self.assertGreater(runs, 2)
        self.assertLess(runs, 9)
        self.assertEqual({point["verified"]["level"] for point in self.points()}, {"data"})
        self.assertEqual(self.json("verify", "--max-age", "1d")["packs_read"], 0)
        write(self.data / "noise", self.noise.randbytes(200_000))
        self.backup(self.data)
        self.assertGreater(self.json("verify", "--max-age", "1d")["packs_read"], 0)
        self.error("verify", "--percent", "5", "--level", "list", code=2)
        self.error("verify", "--max-age", "soon", code=2)

    def test_damage_is_found_in_turn_and_read_again_until_it_is_healed(self):
        self.reprieve("verify")
        pack = max((self.repo / "pack").glob("*/*"), key=lambda path: path.stat().st_size)
        content = bytearray(pack.read_bytes())
        content[10_000] ^= 1
        pack.chmod(0o600)
        pack.write_bytes(bytes(content))
        while not self.json("verify", "--percent", "30", code=None)["damages"]:
            pass
        self.assertGreaterEqual(self.json("verify", "--max-age", "1d", code=7)["packs_read"], 1)
        self.reprieve("repo", "repair")
        self.assertEqual(self.json("verify", "--max-age", "1d")["packs_read"], 1)
        self.assertEqual(self.json("verify", "--max-age", "1d")["packs_read"], 0)

    def test_a_point_is_proved_by_restoring_some_of_it(self):
        answer = self.json("verify", "latest", "--level", "restore")
        self.assertEqual(answer["restored"]["files"], 1)
        self.assertTrue(answer["good"])
        self.assertEqual(self.points()[-1]["verified"]["level"], "restore")
        self.assertIn("restore", self.reprieve("points").out)
        outcome = self.reprieve("verify", "latest", "--level", "restore")
        self.assertIn("restored and compared", outcome.out)
        self.reprieve("verify", "latest", "--level", "reach")
        self.assertEqual(self.points()[-1]["verified"]["level"], "restore", "a lesser look takes nothing away")
        self.error("verify", "--level", "restore", code=2)
        self.error("verify", "latest", "--level", "list", code=2)


if __name__ == "__main__":
    unittest.main()
