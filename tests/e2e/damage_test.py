"""Rot in the store is found without a key, healed from parity, and what was there is there again."""

import random
import unittest

from harness import World, age, key_of, objects_of, tree_of, write

SEED = 20261120
# The kit is copied plainly, so that it can be read without the program.
HEALING_FOLDERS = ("config", "slots", "pack", "idx", "snap", "sess")


class Damage(World):

    def setUp(self):
        super().setUp()
        self.init()
        self.data = self.dir / "data"
        noise = random.Random(SEED)
        for number in range(6):
            write(self.data / f"noise/{number}", noise.randbytes(700_000))
            write(self.data / f"text/{number}", b"%d: the same again\n" % number * 5000)
        age(self.data)
        self.backup(self.data)
        write(self.data / "noise/6", noise.randbytes(700_000))
        self.backup("--name", "second", self.data)
        self.before = objects_of(self.repo)
        self.noise = noise

    def objects(self, folder):
        return sorted(key for key in self.before if key.startswith(folder + "/"))

    def put(self, key, content):
        path = self.repo / key
        path.chmod(0o600)
        path.write_bytes(content)

    def flip(self, key, places):
        content = bytearray((self.repo / key).read_bytes())
        for place in places:
            content[place] ^= self.noise.randrange(1, 256)
        self.put(key, bytes(content))

    def damaged(self, level="shards", **keywords):
        """What `verify` says is damaged."""
        answer = self.json("verify", "--level", level, code=7, **keywords)
        return {damage["object"] for damage in answer["damages"]}

    def assert_healed(self):
        self.reprieve("repo", "repair")
        now = objects_of(self.repo)
        for key in self.before:
            # An index is made anew under another name; that it does its work is seen below.
            if not key.startswith("idx/"):
                self.assertTrue(now.get(key) == self.before[key], f"{key} is not what it was")
        self.assert_clean("shards")
        self.assert_clean("data")
        self.assert_restores()

    def assert_restores(self):
        out = self.dir / "out"
        self.restore(self.data, out, "--at", "second", "--delete")
        self.assertEqual(tree_of(out), tree_of(self.data))

    NO_KEY = {"REPRIEVE_PASSWORD_FILE": None, "XDG_CONFIG_HOME": "/nonexistent"}

    def test_every_object_heals_from_two_random_places(self):
        for folder in HEALING_FOLDERS:
            for key in self.objects(folder):
                self.flip(key, self.noise.sample(range(len(self.before[key])), 2))
            with self.subTest(folder=folder):
                self.assertTrue(self.objects(folder), "there is one")
                self.assertEqual(self.damaged(**self.NO_KEY), {key_of(key) for key in self.objects(folder)})
                self.assert_healed()

    def test_every_object_that_was_cut_short_is_found(self):
        for folder in HEALING_FOLDERS:
            key = self.noise.choice(self.objects(folder))
            with self.subTest(key=key):
                self.put(key, self.before[key][:self.noise.randrange(1, len(self.before[key]))])
                self.assertEqual(self.damaged(**self.NO_KEY), {key_of(key)})
                self.put(key, self.before[key])
        self.assert_clean()

    def test_a_record_that_lost_its_second_half_heals(self):
        for folder in ("config", "slots", "snap", "sess"):
            key = self.noise.choice(self.objects(folder))
            with self.subTest(key=key):
                self.put(key, self.before[key][:len(self.before[key]) // 2])
                self.assertEqual(self.damaged(), {key_of(key)})
                self.assert_healed()

    def test_an_index_heals_whatever_becomes_of_it(self):
        for key in self.objects("idx"):
            with self.subTest(key=key):
                self.put(key, b"")
                self.assertEqual(self.damaged(), {key_of(key)})
                self.reprieve("repo", "repair")
                self.assert_clean("data")
                self.assert_restores()
                self.put_back(key)

    def test_a_lost_index_is_made_again_from_the_packs(self):
        for key in self.objects("idx"):
            (self.repo / key).unlink()
        self.reprieve("verify", "--level", "index", code=7)
        self.reprieve("repo", "repair")
        self.assert_clean("data")
        self.assert_restores()

    def test_a_lost_pack_is_reported_with_what_it_costs_and_nothing_else_is_lost(self):
        key = max(self.objects("pack"), key=lambda key: len(self.before[key]))
        (self.repo / key).unlink()
        self.reprieve("verify", "--level", "list", code=7)
        self.reprieve("verify", "--level", "data", code=7)
        self.reprieve("repo", "repair", code=7)
        now = objects_of(self.repo)
        for other, content in self.before.items():
            if other != key:
                self.assertEqual(now.get(other) == content, True, other)
        self.put_back(key)
        self.assert_clean("data")
        self.assert_restores()

    def put_back(self, key):
        (self.repo / key).parent.mkdir(parents=True, exist_ok=True)
        (self.repo / key).write_bytes(self.before[key])

    def test_a_dry_run_of_a_repair_changes_nothing(self):
        key = self.objects("pack")[0]
        self.flip(key, [100])
        before = objects_of(self.repo)
        answer = self.json("repo", "repair", "--dry-run")
        self.assertEqual(answer["healed"], [key_of(key)])
        self.assertEqual(objects_of(self.repo), before)

    def test_a_restore_reads_past_healable_damage_or_says_that_it_cannot(self):
        for key in self.objects("pack"):
            self.flip(key, self.noise.sample(range(len(self.before[key])), 2))
        out = self.dir / "out"
        outcome = self.reprieve("restore", self.data, "--into", out, code=None)
        if outcome.code == 0:
            self.assertEqual(tree_of(out), tree_of(self.data))
        else:
            self.assertIn(outcome.code, (3, 7))
            self.assertIn("repair", outcome.err)
            wrong = [path for path, (_, _, content) in tree_of(out).items()
                     if path in tree_of(self.data) and content and content != tree_of(self.data)[path][2]]
            self.assertEqual(wrong, [], "no wrong byte is passed on as good")

    def test_damage_is_said_to_the_point_that_it_touches(self):
        answer = self.json("verify", "second")
        self.assertTrue(answer["good"])
        for key in self.objects("pack"):
            self.put(key, self.before[key][:100])
        answer = self.json("verify", "second", code=None)
        self.assertFalse(answer.get("good", False))


if __name__ == "__main__":
    unittest.main()
