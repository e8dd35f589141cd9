"""Object lock: what a thief with the key of the store's administrator cannot take away."""

import datetime
import re
import time
import unittest
import urllib.error

from harness import age, write
from s3_world import S3World


class Lock(S3World):
    """A bucket made with object lock."""

    def setUp(self):
        super().setUp()
        self.bucket = f"locked-{self.gateway.buckets}"
        self.gateway.request("PUT", f"/{self.bucket}", headers={"x-amz-bucket-object-lock-enabled": "true"})
        self.repo = self.url(lock="1h", lock_mode="compliance", writers="one")
        self.env |= {"REPRIEVE_REPO": self.repo}
        self.data = self.dir / "data"
        for number in range(6):
            write(self.data / f"noise/{number}", b"%d" % number * 150_000)
        age(self.data)

    def versions(self):
        """(name, version, is a delete marker) of all that there ever was, the newest of a name first."""
        page = self.gateway.request("GET", f"/{self.bucket}", [("versions", ""), ("max-keys", "1000")]).decode()
        self.assertIn("<IsTruncated>false<", page)
        return [(re.search("<Key>([^<]*)<", body).group(1), re.search("<VersionId>([^<]*)<", body).group(1),
                 kind == "DeleteMarker") for kind, body in re.findall("<(Version|DeleteMarker)>(.*?)</\\1>", page)]

    def refused(self, method, path, query=(), **keywords):
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.gateway.request(method, path, query, **keywords)
        caught.exception.close()
        self.assertEqual(caught.exception.code, 403)

    def assert_restores(self, name="back"):
        self.restore(self.data, self.dir / name)
        self.assert_same_trees(self.data, self.dir / name)

    def steal(self):
        """All that the administrator's key can do: every version, every lock, every name."""
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=10)
        shorter = (f"<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>{now:%Y-%m-%dT%H:%M:%SZ}</RetainUntilDate>"
                   "</Retention>").encode()
        bypass = {"x-amz-bypass-governance-retention": "true"}
        kept = 0
        for key, version, is_marker in self.versions():
            if is_marker or key.split("/")[2] in ("sess", "_probe"):
                continue
            path = f"/{self.bucket}/{key}"
            self.refused("DELETE", path, [("versionId", version)], headers=bypass)
            self.refused("PUT", path, [("retention", ""), ("versionId", version)], body=shorter, headers=bypass)
            kept += 1
        self.assertGreater(kept, 5)
        for number, key in enumerate(self.keys()):
            if number % 2:
                self.put_object(key, b"garbage")
            if number % 3:
                self.gateway.request("DELETE", f"/{self.bucket}/{key}")

    def test_a_thief_with_the_administrators_key_takes_nothing(self):
        self.init()
        self.backup(self.data)
        write(self.data / "more", b"tuesday" * 50_000)
        age(self.data)
        self.backup(self.data)
        # Indexes are made again, and a slot that is gone may have been removed for good reason.
        before = {key: self.object(key) for key in self.keys()
                  if key.split("/")[2] in ("config", "pack", "snap", "gc", "tomb", "hold")}
        self.steal()
        self.assertNotEqual(self.reprieve("points", code=None).code, 0)
        healed = self.json("repo", "repair", "--from-versions")
        self.assertEqual(healed["left"], [])
        self.assertEqual({key: self.object(key) for key in before}, before)
        self.assertEqual(len(self.points()), 2)
        self.assert_clean("data")
        self.assert_restores()

    def test_locks_are_extended_in_time(self):
        self.init()
        self.backup(self.data)
        fresh = self.json("repo", "extend-locks")
        self.assertEqual((fresh["extended"], fresh["uncovered"], fresh["failed"]), (0, 0, []))
        self.assertGreater(fresh["objects"], 5)
        longer = self.url(lock="5h", lock_mode="compliance", writers="one")
        told = self.json("--repo", longer, "repo", "extend-locks", "--dry-run")
        self.assertEqual(told["extended"], told["objects"])
        self.assertEqual(told["first_end"], fresh["first_end"])
        done = self.json("--repo", longer, "repo", "extend-locks")
        self.assertEqual(done["extended"], told["extended"])
        self.assertGreater(done["first_end"], fresh["first_end"])
        self.assertEqual(self.json("--repo", longer, "repo", "extend-locks")["extended"], 0)

    def test_covers_what_was_written_without_a_lock(self):
        self.reprieve("--repo", self.url(writers="one"), "init")
        self.json("--repo", self.url(writers="one"), "backup", self.data)
        found = self.json("repo", "extend-locks")
        self.assertEqual(found["uncovered"], found["objects"])
        self.assertEqual(self.json("repo", "extend-locks")["uncovered"], 0)

    def test_prune_waits_for_locks_to_end(self):
        short = self.url(lock="12s", lock_mode="compliance", writers="one")
        self.reprieve("--repo", short, "init")
        self.json("--repo", short, "backup", self.data)
        for path in (self.data / "noise").iterdir():
            path.write_bytes(b"x" * 100_000)
        age(self.data)
        self.json("--repo", short, "backup", self.data)
        prune = ("--repo", short, "prune", "--keep-last", "1", "--min-age", "0s")
        first = self.json(*prune)
        self.assertEqual(first["points_removed"], 1)
        self.assertGreater(first["packs_refused"], 0)
        self.assertIn("locked until", first["refusal"])
        self.assertIn("locked until", self.reprieve(*prune).out)
        time.sleep(14)
        second = self.json(*prune)
        self.assertEqual(second["packs_refused"], 0)
        self.assertGreater(second["packs_deleted"], 0)
        hidden = [key for key, _, _ in self.versions() if "/pack/" in key and key not in self.keys()]
        self.assertEqual(hidden, [], "the versions are gone, and their space with them")
        self.json("--repo", short, "verify", "--level", "data")

    def test_probe_tells_what_the_bucket_can(self):
        # Ceph 16 creates conditionally in buckets without versions only; whoever asks is told.
        answer = self.json("repo", "probe", code=2)
        self.assertEqual([each["promise"] for each in answer["promises"] if not each["kept"]], ["conditional-create"])
        self.assertEqual((answer["facts"]["versioning"], answer["facts"]["object_lock"]), (True, True))
        self.assertEqual([key for key in self.keys() if "/probe/" in key], [])
        self.bucket = f"bucket-{self.gateway.buckets}"
        answer = self.json("--repo", self.url(), "repo", "probe")
        self.assertTrue(answer["sound"], answer)
        self.assertEqual((answer["facts"]["versioning"], answer["facts"]["object_lock"]), (False, False))


if __name__ == "__main__":
    unittest.main()
