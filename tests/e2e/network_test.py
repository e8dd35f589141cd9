"""The line to a PostgreSQL server is cut, or falls silent, in the middle of its backup."""

import concurrent.futures
import json
import time
import unittest

from harness import objects_of
from postgres_world import PostgresWorld
from severable_proxy import SeverableProxy

BASE, WAL = b"BASE_BACKUP", b"START_REPLICATION"
MIDDLE = {BASE: 40_000_000, WAL: 100_000}  # Bytes of the stream after which it is cut.
RESET_BOUND_S = 30
SILENCE_BOUND_S = 200  # The program's limits are one and two minutes.


class Network(PostgresWorld):
    patience_s = 300

    def setUp(self):
        super().setUp()
        # The server drops its half of a silent stream after this time.
        self.make_primary(10, "wal_sender_timeout=10s", "max_wal_senders=20", "max_replication_slots=20")
        self.init()
        self.load(600)

    def cut_backup(self, word, how, is_cutting_all):
        """A backup through a line of its own that is cut; the outcome, how long it took, and the proxy."""
        proxy = SeverableProxy(self.port, word, MIDDLE[word], how, is_cutting_all)
        self.addCleanup(proxy.close)
        cache = str(self.dir / f"cache-{proxy.port}")
        process = self.start("--json", "backup", f"postgres://backup@127.0.0.1:{proxy.port}/shop",
                             REPRIEVE_CACHE_DIR=cache)
        self.addCleanup(process.kill)
        started = time.monotonic()
        outcome = self.finish(process)
        return outcome, time.monotonic() - started, proxy

    def assert_failed_well(self, outcome, took, proxy, bound_s):
        self.assertTrue(proxy.was_cut.is_set(), f"the line was never cut: {outcome}")
        self.assertEqual(outcome.code, 1, outcome)
        answer = json.loads(outcome.out)
        self.assertEqual((answer["schema"], answer["kind"]), ("reprieve.error/1", "transient"))
        self.assertIn(f"127.0.0.1:{proxy.port}", answer["error"], "the error names the server")
        self.assertRegex(answer["hint"], r"^[A-Z`].*[.;]$")
        self.assertLess(took, bound_s)

    def assert_nothing_is_left(self):
        """No recovery point, and on the server no slot that would make it keep WAL for ever."""
        self.assertEqual(self.points(), [])
        self.assertEqual(objects_of(self.repo / "snap"), {})
        self.wait_for("the end of all slots", lambda: self.sql("select count(*) from pg_replication_slots") == "0")
        self.wait_for("the end of all senders", lambda: self.sql("select count(*) from pg_stat_replication") == "0")

    def assert_the_next_backup_works(self):
        before = int(self.sql("select count(*) from pgbench_history", database="shop"))
        point = self.backup(self.url)
        self.assertEqual(point["problems"], [])
        self.assert_clean()
        data = self.folder("restored")
        self.restore(self.url, data, *self.owned())
        port = self.start_restored(data)
        self.assertGreaterEqual(int(self.sql("select count(*) from pgbench_history", port, "shop")), before)
        self.assert_balanced(port)

    def test_a_reset_in_the_middle_of_either_stream_ends_the_backup_at_once(self):
        for word, is_cutting_all in ((BASE, True), (BASE, False), (WAL, False)):
            with self.subTest(stream=word, all=is_cutting_all):
                outcome, took, proxy = self.cut_backup(word, "reset", is_cutting_all)
                self.assert_failed_well(outcome, took, proxy, RESET_BOUND_S)
                self.assert_nothing_is_left()
        self.assert_the_next_backup_works()

    def test_silence_in_the_middle_of_either_stream_ends_the_backup_in_bounded_time(self):
        cases = ((BASE, "silence", True), (BASE, "silence", False), (WAL, "silence", False))
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
            cut = list(pool.map(lambda case: self.cut_backup(*case), cases))
        for (word, _, is_cutting_all), (outcome, took, proxy) in zip(cases, cut):
            with self.subTest(stream=word, all=is_cutting_all):
                self.assert_failed_well(outcome, took, proxy, SILENCE_BOUND_S)
                self.assertIn("said nothing", outcome.out)
        for _, _, proxy in cut:
            proxy.close()
        self.assert_nothing_is_left()
        self.assert_the_next_backup_works()


if __name__ == "__main__":
    unittest.main()
