"""A cluster goes back to a point, or to a moment, in the directory where it is: only what differs is written."""

import datetime
import random
import signal
import time
import unittest

from harness import write
from wal_world import LogWorld


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


class Delta(LogWorld):

    def setUp(self):
        super().setUp()
        space = self.folder("space")
        self.sql(f"create tablespace aside location '{space}'")
        self.sql("create table ballast tablespace aside as select g, repeat(md5(g::text), 30) as v"
                 " from generate_series(1, 60000) g", database="shop")
        self.sql("checkpoint")
        self.sums = self.all_rows(self.port)

    def all_rows(self, port):
        return [self.sql(f"select count(*), md5(string_agg(t::text, ',' order by t::text)) from {table} t", port, "shop")
                for table in ("ballast", "pgbench_accounts", "pgbench_tellers", "diary")]

    def make_a_mess(self):
        self.sql("update ballast set v = 'wrong' where g % 7000 = 0; create table extra as select 1;"
                 " drop table pgbench_tellers; truncate diary", database="shop")
        write(self.primary / "base/rubbish", "left by somebody")

    def delta(self, *options, code=0):
        return self.json("restore", self.url, "--into", self.primary, "--delta", *options, *self.owned(), code=code)

    def stop_primary(self):
        self.postgres("pg_ctl", "-D", self.primary, "-m", "fast", "-w", "stop")

    def assert_small(self, outcome):
        log = outcome["cluster"]["wal_segments"] << 24
        self.assertLess(outcome["bytes_written"], log + outcome["bytes"] // 4)
        self.assertGreater(outcome["bytes_kept"], 0)
        self.assertGreater(outcome["files_unchanged"], outcome["files"] // 2)
        self.assertGreater(outcome["deleted"], 0)

    def test_it_goes_back_to_a_moment_though_it_is_killed_on_the_way(self):
        receiver = self.receive()
        self.backup(self.url)
        self.sql("insert into diary select generate_series(1, 100)", database="shop")
        expected = self.all_rows(self.port)
        moment = now()
        time.sleep(0.1)
        self.make_a_mess()
        end = self.position()
        self.wait_for("the log in the repository", lambda: receiver.has_stored(end))
        receiver.end()
        answer = self.error("restore", self.url, "--into", self.primary, "--delta", code=8)
        self.assertIn("running", answer["error"])
        self.stop_primary()
        would = self.delta("--to-time", moment, "--dry-run")
        self.assertTrue((self.primary / "base/rubbish").exists())
        for delay in (0.3, 0.5, 0.7, 0.9, 1.1, 1.4):
            process = self.start("restore", self.url, "--into", self.primary, "--delta", "--to-time", moment,
                                 *self.owned())
            time.sleep(delay * random.uniform(0.8, 1.2))
            process.send_signal(signal.SIGKILL)
            if self.finish(process).code == 0:
                break  # Quicker than the signal.
            if (self.primary / "reprieve.restoring").exists():
                self.assertFalse((self.primary / "global/pg_control").exists(), "it could be started")
        outcome = self.delta("--to-time", moment)
        self.assert_small(would)
        self.assertEqual(outcome["files"], would["files"])
        self.assertEqual(would["cluster"]["old_wal"]["folder"], str(self.primary / "pg_wal/before-restore"))
        self.assertFalse((self.primary / "base/rubbish").exists())
        port = self.start_restored(self.primary)
        self.assertEqual(self.all_rows(port), expected)
        self.assertEqual(self.sql("select to_regclass('extra') is null", port, "shop"), "t")
        self.assertTrue(any((self.primary / "pg_wal/before-restore").iterdir()))

    def test_it_goes_back_to_a_point_and_refuses_what_is_not_its_own(self):
        point = self.backup(self.url)["point"]
        self.make_a_mess()
        self.stop_primary()
        other = self.folder("other")
        self.postgres("initdb", "-D", other, "-A", "trust", "-U", "admin", "--locale=C")
        answer = self.error("restore", self.url, "--into", other, "--delta", code=8)
        self.assertIn("another cluster", answer["error"])
        self.error("restore", self.url, "--into", self.primary, "--delta", "--replace", code=2)
        self.assert_small(self.delta("--at", point))
        port = self.start_restored(self.primary)
        self.assertEqual(self.all_rows(port), self.sums)

    def test_where_nothing_is_it_is_a_full_restore(self):
        self.backup(self.url)
        self.stop_primary()
        oid = self.json("restore", self.url, "--into", self.dir / "new", "--delta", "--dry-run", "--tablespace",
                        f"{self.oid_of_space()}={self.dir / 'new space'}", *self.owned())
        self.assertEqual(oid["files_written"], oid["files"])
        outcome = self.json("restore", self.url, "--into", self.dir / "new", "--delta", "--tablespace",
                            f"{self.oid_of_space()}={self.dir / 'new space'}", *self.owned())
        self.assertEqual((outcome["bytes_written"], outcome["bytes_kept"]), (outcome["bytes"], 0))
        self.assertEqual(self.all_rows(self.start_restored(self.dir / "new")), self.sums)

    def oid_of_space(self):
        return next((self.primary / "pg_tblspc").iterdir()).name

    def test_files_are_restored_by_what_differs_anyway(self):
        write(self.dir / "data/letter", "dear")
        self.backup(self.dir / "data")
        answer = self.error("restore", self.dir / "data", "--into", self.dir / "out", "--delta", code=2)
        self.assertIn("--delta", answer["error"])


if __name__ == "__main__":
    unittest.main()
