"""A store that goes back, forks or loses recovery points is noticed, is still restored from, and is not written to."""

import shutil
import unittest

from harness import World, age, tree_of, write


class Rollback(World):

    def setUp(self):
        super().setUp()
        self.init()
        self.data = self.dir / "data"
        write(self.data / "first", b"one\n" * 1000)
        age(self.data)
        self.backup(self.data)

    def change(self, name):
        write(self.data / name, (name + "\n").encode() * 1000)
        age(self.data)

    def copy_store(self, name):
        copy = self.dir / name
        shutil.copytree(self.repo, copy)
        return copy

    def put_back(self, copy):
        shutil.rmtree(self.repo)
        shutil.copytree(copy, self.repo)

    def newest_snapshot(self):
        return max((self.repo / "snap").glob("*/*"))

    def assert_alarm(self, name="snap/", **keywords):
        """Whoever reads is warned; nobody writes; what is there can be restored."""
        answer = self.json("points", code=7, **keywords)
        self.assertTrue(answer["alarms"], answer)
        self.assertTrue(all(name in alarm["object"] for alarm in answer["alarms"]), answer["alarms"])
        self.assertEqual(self.error("backup", self.data, code=7, **keywords)["kind"], "corrupt")
        self.assertIn("--accept-rollback", self.error("prune", "--keep-last", "1", code=7, **keywords)["hint"])
        outcome = self.reprieve("restore", self.data, "--into", self.dir / "out", "--delete", **keywords)
        self.assertIn("ALARM", outcome.err)
        return answer["alarms"]

    def assert_quiet(self, **keywords):
        outcome = self.reprieve("points", **keywords)
        self.assertNotIn("ALARM", outcome.err)

    def test_an_older_copy_in_the_stores_place(self):
        then = tree_of(self.data)
        old = self.copy_store("old")
        self.change("second")
        self.backup(self.data)
        new = self.copy_store("new")
        self.assert_quiet()
        self.put_back(old)
        self.assert_alarm()
        self.assertEqual(tree_of(self.dir / "out"), then)
        self.reprieve("points", code=7)  # Looking does not end it.
        self.put_back(new)
        self.assert_quiet()
        self.put_back(old)
        answer = self.json("repo", "head", "--accept-rollback")
        self.assertEqual(len(answer["alarms"]), 1)
        self.assert_quiet()
        self.backup(self.data)
        self.assert_quiet()
        self.put_back(new)
        self.assert_alarm()

    def test_a_recovery_point_that_was_taken_away(self):
        self.change("second")
        self.backup(self.data)
        gone = self.newest_snapshot()
        gone.unlink()
        alarms = self.assert_alarm()
        self.assertEqual([alarm["object"] for alarm in alarms], [str(gone.relative_to(self.repo))])
        self.assertIn(gone.name, self.reprieve("doctor", code=None).out)

    def test_a_point_in_the_middle_is_missed_by_who_was_never_here(self):
        self.change("second")
        self.backup(self.data)
        gone = self.newest_snapshot()
        self.change("third")
        self.backup(self.data)
        gone.unlink()
        self.assert_alarm(REPRIEVE_STATE_DIR=str(self.dir / "fresh"))

    def test_two_hosts_that_wrote_to_two_copies(self):
        other = {"REPRIEVE_STATE_DIR": str(self.dir / "other")}
        self.assert_quiet(**other)
        copy = self.copy_store("copy")
        self.change("second")
        self.backup(self.data)
        self.change("third")
        self.backup(self.data, REPRIEVE_REPO=str(copy), **other)
        self.assert_quiet()
        self.assert_quiet(REPRIEVE_REPO=str(copy), **other)
        self.assert_alarm(REPRIEVE_REPO=str(copy))
        self.assert_alarm(**other)

    def test_without_its_memory_a_host_sees_by_other_writers_eyes(self):
        self.reprieve("repo", "keys", "add", "web", "--role", "writer", "--new-key-file", self.dir / "web.key")
        self.change("second")
        self.backup(self.data)
        gone = self.newest_snapshot()
        web = {"REPRIEVE_PASSWORD_FILE": None, "REPRIEVE_KEY_FILE": str(self.dir / "web.key"),
               "REPRIEVE_STATE_DIR": str(self.dir / "web")}
        self.backup(self.data, **web)
        gone.unlink()
        shutil.rmtree(self.dir / "state")
        self.assert_alarm()

    def test_the_memory_may_be_deleted(self):
        shutil.rmtree(self.dir / "state")
        self.assert_quiet()
        shutil.rmtree(self.dir / "cache")
        self.assert_quiet()

    def test_a_damaged_memory_is_no_empty_one(self):
        [memory] = (self.dir / "state").rglob("heads.json")
        memory.write_text("{")
        self.assert_alarm("this host")
        self.reprieve("repo", "head", "--accept-rollback")
        self.assert_quiet()

    def test_a_prune_and_a_revoked_key_are_no_alarm(self):
        self.reprieve("repo", "keys", "add", "web", "--role", "writer", "--new-key-file", self.dir / "web.key")
        web = {"REPRIEVE_PASSWORD_FILE": None, "REPRIEVE_KEY_FILE": str(self.dir / "web.key"),
               "REPRIEVE_STATE_DIR": str(self.dir / "web")}
        for name in ("second", "third", "fourth"):
            self.change(name)
            self.backup(self.data, **web)
            self.backup(self.data)
        self.assert_quiet(**web)
        for _ in range(3):
            self.reprieve("prune", "--keep-last", "1", "--min-age", "0s")
        self.assertEqual(len(self.points()), 2, "the newest of each writer's")
        self.reprieve("repo", "keys", "revoke", "web")
        self.assert_quiet()
        self.assert_quiet(REPRIEVE_STATE_DIR=str(self.dir / "fresh"))
        self.assert_clean("list")
        # The config that revokes it is taken away again: its key would count once more.
        max((self.repo / "config").iterdir()).unlink()
        self.assert_alarm("config/")

    def test_a_noted_digest_is_found_again_or_missed(self):
        noted = self.json("repo", "head")["digest"]
        self.assertEqual(len(noted), 20)
        fresh = {"REPRIEVE_STATE_DIR": str(self.dir / "fresh")}
        old = self.copy_store("old")
        self.change("second")
        self.backup(self.data)
        later = self.reprieve("repo", "head", "-q").out.strip()
        self.assertEqual(self.json("repo", "head", "--expect", later)["newer_points"], 0)
        self.assertEqual(self.json("repo", "head", "--expect", noted)["newer_points"], 1)
        self.put_back(old)
        self.assertEqual(self.json("repo", "head", "--expect", noted, **fresh)["newer_points"], 0)
        missed = self.json("repo", "head", "--expect", later, code=7, **fresh)
        self.assertFalse(missed["matches"])
        self.assertIsNone(missed["newer_points"])
        self.error("repo", "head", "--expect", "nonsense", code=2, **fresh)

    def test_a_writers_key_does_not_guess_how_old_a_point_is(self):
        self.reprieve("repo", "keys", "add", "web", "--role", "writer", "--new-key-file", self.dir / "web.key")
        web = {"REPRIEVE_PASSWORD_FILE": None, "REPRIEVE_KEY_FILE": str(self.dir / "web.key")}
        [point] = self.json("points", **web)["points"]
        self.assertIsNone(point["loss_if_used_seconds"])
        self.assertIsNone(point["data_time"])
        outcome = self.reprieve("points", **web)
        self.assertIn("unknown", outcome.out)
        self.assertNotRegex(outcome.out, r"\d{4,}d")


if __name__ == "__main__":
    unittest.main()
