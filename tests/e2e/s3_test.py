"""A repository in a bucket: what a folder can do, and what only a network can do to it."""

import json
import random
import time
import unittest

from harness import age, write
from s3_world import S3World
from severable_proxy import SeverableProxy

SEED = 20261121


class S3(S3World):

    def setUp(self):
        super().setUp()
        self.data = self.dir / "data"
        noise = random.Random(SEED)
        for number in range(4):
            write(self.data / f"noise/{number}", noise.randbytes(900_000))
            write(self.data / f"text/{number}", b"%d: the same again\n" % number * 5000)
        age(self.data)

    def assert_restores(self, name="back", data=None, **keywords):
        data = data or self.data
        self.restore(data, self.dir / name, **keywords)
        self.assert_same_trees(data, self.dir / name)

    def test_keeps_and_gives_back_what_a_folder_would(self):
        made = self.reprieve("init")
        first = self.backup(self.data)
        again = self.backup(self.data)
        self.assertEqual(len(self.points(self.data)), 2)
        self.assertNotEqual(first, again)
        self.assert_clean("shards")
        self.assert_clean("data")
        self.assert_restores()
        self.assertIn(self.bucket, made.out, "the kit says where the repository is")
        for secret in (self.gateway.secret_key, "correct horse"):
            self.assertNotIn(secret, made.out + made.err)
        self.assertTrue(all(key.startswith("deep/repo/") for key in self.keys("")), self.keys(""))

    def test_works_from_a_machine_that_has_only_the_bucket(self):
        self.init()
        self.backup(self.data)
        fresh = {"REPRIEVE_STATE_DIR": str(self.dir / "state2"), "REPRIEVE_CACHE_DIR": str(self.dir / "cache2"),
                 "XDG_CONFIG_HOME": str(self.dir / "config2")}
        self.assert_restores(**fresh)

    def test_takes_the_account_from_the_plan_or_from_a_profile(self):
        write(self.dir / "plan.yaml",
              f'reprieve: 1\nplan: x\nsecrets: {{p: {{from: "file:{self.password}"}}, a: {{from: "env:A_KEY"}}, '
              f's: {{from: "env:S_KEY"}}}}\nsources: {{d: {{type: files, path: {self.data}}}}}\n'
              f'storage: {{s: {{url: "{self.repo}", password: p, access_key: a, secret_key: s}}}}\n'
              "backup: [{sources: [d]}]\n")
        nobody = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "REPRIEVE_REPO": None}
        by_plan = nobody | {"A_KEY": self.gateway.access_key, "S_KEY": self.gateway.secret_key}
        self.reprieve("--plan", self.dir / "plan.yaml", "init", **by_plan)
        self.reprieve("--plan", self.dir / "plan.yaml", "backup", **by_plan)
        write(self.dir / ".aws/credentials", f"[dr]\naws_access_key_id = {self.gateway.access_key}\n"
              f"aws_secret_access_key = {self.gateway.secret_key}\n")
        self.json("--repo", self.url(profile="dr"), "points", **nobody)
        answer = self.error("--repo", self.repo, "points", code=6, **nobody)
        self.assertIn("AWS_ACCESS_KEY_ID", answer["hint"])

    def test_heals_damage(self):
        self.init()
        self.backup(self.data)
        packs = [key for key in self.keys() if "/pack/" in key]
        self.assertTrue(packs)
        before = self.object(packs[0])
        broken = bytearray(before)
        broken[len(broken) // 3] ^= 1
        self.put_object(packs[0], bytes(broken))
        answer = self.json("verify", "--level", "shards", code=7)
        self.assertEqual([damage["object"] for damage in answer["damages"]], [packs[0].removeprefix("deep/repo/")])
        self.reprieve("repo", "repair")
        self.assertEqual(self.object(packs[0]), before)
        self.assert_clean("data")
        self.assert_restores()

    def test_goes_on_after_being_killed(self):
        self.init()
        packs = len([key for key in self.keys() if "/pack/" in key])
        slow = self.start("--repo", self.url(limit_up="1M"), "backup", self.data)
        time.sleep(1.5)
        self.assertIsNone(slow.poll(), "it was too fast to be killed")
        self.kill(slow)
        self.assertEqual(self.points(), [])
        self.backup(self.data)
        self.assertGreater(len([key for key in self.keys() if "/pack/" in key]), packs)
        self.assert_clean("data")
        self.assert_restores()

    def test_takes_two_writers_at_once(self):
        self.init()
        other = self.dir / "other"
        for number in range(3):
            write(other / str(number), random.Random(number).randbytes(500_000))
        age(other)
        running = [self.start("--json", "backup", data, REPRIEVE_CACHE_DIR=str(self.dir / f"cache-{data.name}"))
                   for data in (self.data, other)]
        for process in running:
            outcome = self.finish(process)
            self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(len(self.points()), 2)
        self.assert_clean("data")
        self.assert_restores()
        self.assert_restores("back2", other)

    def test_survives_a_line_that_is_cut_before_the_answer(self):
        """The store has the object, the writer does not know: the second try must find it."""
        self.init()
        proxy = SeverableProxy(self.gateway.port, b"/pack/", 0, "reset", False)
        self.addCleanup(proxy.close)
        self.json("--repo", self.url(port=proxy.port), "backup", self.data)
        self.assertTrue(proxy.was_cut.is_set())
        self.assert_clean("data")
        self.assert_restores()

    def test_says_that_nobody_answers(self):
        self.init()
        proxy = SeverableProxy(self.gateway.port, b"GET ", 0, "reset", True)
        self.addCleanup(proxy.close)
        answer = self.error("--repo", self.url(port=proxy.port), "points", code=1)
        self.assertIn("tried", answer["error"])

    def test_says_that_the_secret_is_wrong(self):
        self.init()
        answer = self.error("points", code=6, AWS_SECRET_ACCESS_KEY="geheim")
        self.assertIn("SignatureDoesNotMatch", answer["error"])
        self.assertNotIn("geheim", json.dumps(answer))

    def test_says_that_the_bucket_is_missing(self):
        missing = self.repo.replace(self.bucket, "never-made")
        for command in (["init"], ["points"]):
            answer = self.error("--repo", missing, *command, code=5)
            self.assertIn("NoSuchBucket", answer["error"])

    def test_leaves_alone_what_is_not_its_own(self):
        self.put_object("deep/repo/letters/mine", b"hello")
        before = self.keys("")
        self.error("init", code=8)
        self.assertEqual([key for key in self.keys("") if "/_probe/" not in key], before)
        self.assertEqual(self.object("deep/repo/letters/mine"), b"hello")

    def test_makes_no_second_repository(self):
        self.init()
        self.error("init", code=8)


if __name__ == "__main__":
    unittest.main()
