"""What becomes of a server's log when recovery points go, and what is said of it."""

import shutil
import time
import unittest

from postgres_world import lsn_of
from wal_world import LogWorld


class PrunedLog(LogWorld):

    def setUp(self):
        super().setUp()
        self.receiver = self.receive()

    def insert(self, first, last):
        """Rows, and the rest of the segment that they are in."""
        self.sql(f"insert into diary select generate_series({first}, {last})", database="shop")
        self.sql("select pg_switch_wal()")

    def pieces(self, repository=None):
        """Positions of all pieces that are stored."""
        found = [path.name.split("-") for path in ((repository or self.repo) / "stream").rglob("*-*")]
        return sorted((int(start, 16), int(end, 16)) for start, end in found)

    def two_points(self):
        self.backup(self.url)
        self.insert(1, 100)
        self.insert(101, 200)
        self.backup(self.url)
        self.insert(201, 300)
        self.wait_stored(self.receiver)

    def prune(self, *options):
        return self.json("prune", "--keep-last", "1", "--min-age", "0s", *options)

    def test_log_before_the_oldest_kept_point_goes_and_the_rest_restores(self):
        self.two_points()
        ranges = self.json("points", self.url)["log"]
        self.assertEqual(len(ranges), 1, ranges)
        held = self.pieces()

        planned = self.prune("--dry-run")["log"]["streams"][0]
        told = self.reprieve("prune", "--keep-last", "1", "--min-age", "0s", "--dry-run").out
        self.assertRegex(told, r"log of .*, timeline 1: \d+ pieces \(.*\) before 0/.* would go: the oldest kept")
        self.assertTrue(set(self.pieces()) >= set(held), "the server goes on writing; nothing is gone")
        stream = self.prune()["log"]["streams"][0]
        left = self.pieces()

        self.assertEqual(stream["needed_from"], planned["needed_from"])
        self.assertEqual(stream["before"], planned["before"])
        needed_from = lsn_of(stream["needed_from"])
        self.assertGreaterEqual(stream["before"]["pieces"], 2)
        self.assertEqual([each for each in held if each[1] > needed_from and each not in left], [])
        self.assertTrue(all(end > needed_from for _, end in left), left)
        self.assertEqual(stream["before"]["pieces"] + stream["covered"]["pieces"], len(set(held) - set(left)))
        self.assertLess(lsn_of(ranges[0]["from_lsn"]), needed_from)
        ranges = self.json("points", self.url)["log"]
        self.assertEqual(len(ranges), 1, ranges)
        self.assertGreaterEqual(lsn_of(ranges[0]["from_lsn"]), needed_from)
        self.insert(301, 400)
        self.wait_stored(self.receiver)
        self.assertEqual(self.prune()["log"]["streams"][0]["before"]["pieces"], 0)
        self.destroy_primary()
        self.assertEqual(self.receiver.end(), 0)
        port, _ = self.restored("--to-latest")
        self.assertEqual(self.rows(port), 400)
        self.assert_clean()

    def test_points_say_to_which_moments_the_database_can_be_brought_back(self):
        self.backup(self.url)
        self.insert(1, 100)
        time.sleep(1)
        moment = self.sql("select to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        self.insert(101, 200)
        self.wait_stored(self.receiver)

        answer = self.json("points", self.url)

        log, = answer["log"]
        self.assertEqual(log["timeline"], 1)
        self.assertEqual(log["point"], answer["points"][0]["id"])
        self.assertEqual(log["from_time"], answer["points"][0]["data_time"])
        self.assertGreater(log["to_time"], moment)
        self.assertEqual(log["gap"], "")
        self.assertIn("Any moment from " + log["from_time"][:19], self.reprieve("points", self.url).out)
        self.assertEqual(self.json("points")["log"], [])
        port, _ = self.restored("--to-time", log["to_time"])
        self.assertEqual(self.rows(port), 200)

    def test_a_replica_loses_what_was_pruned_and_not_what_a_thief_took(self):
        replica = self.dir / "replica"
        stores = ("--repo", self.repo, "--repo", replica)
        self.two_points()
        self.json(*stores, "repo", "sync", "--new")
        self.assertEqual(self.pieces(replica), self.pieces())
        self.assertEqual(self.receiver.end(), 0)

        self.json(*stores, "prune", "--keep-last", "1", "--min-age", "0s")
        left = self.pieces()
        self.assertEqual(self.pieces(replica), left)
        self.assertEqual(self.json("verify", "--level", "data")["damages"], [])

        shutil.rmtree(self.repo / "stream")
        self.json(*stores, "prune", "--keep-last", "1", "--min-age", "0s")
        self.assertEqual(self.pieces(replica), left)
        self.json(*stores, "repo", "repair")
        self.assertEqual(self.pieces(), left, "and comes back from there, but nothing that was pruned")
        self.assert_clean()


if __name__ == "__main__":
    unittest.main()
