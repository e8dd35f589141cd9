"""A PostgreSQL 15 cluster under load is backed up by its URL, restored, started and compared."""

import os
import unittest

from harness import write
from postgres_world import PostgresWorld


class PostgreSql15(PostgresWorld):

    def setUp(self):
        super().setUp()
        self.make_primary(3)
        self.init()

    def test_under_load_it_is_backed_up_restored_started_and_whole(self):
        load = self.load(60)
        try:
            before = int(self.sql("select count(*) from pgbench_history", database="shop"))
            self.wait_for("the load", lambda: int(
                self.sql("select count(*) from pgbench_history", database="shop")) > before)
            before = int(self.sql("select count(*) from pgbench_history", database="shop"))
            point = self.backup(self.url)
            after = int(self.sql("select count(*) from pgbench_history", database="shop"))
        finally:
            load.kill()
            load.wait()
        self.assertEqual(point["problems"], [])
        self.assert_clean()
        data = self.folder("restored")
        self.restore(self.url, data, *self.owned())
        port = self.start_restored(data)
        rows = int(self.sql("select count(*) from pgbench_history", port, "shop"))
        self.assertTrue(before <= rows <= after, (before, rows, after))
        self.assert_balanced(port)
        self.assertEqual(self.sql("select count(*) from pgbench_accounts", port, "shop"), "300000")
        if (self.bin / "pg_amcheck").exists():
            self.postgres("pg_amcheck", *self.at(port), "--install-missing", "-d", "shop")
        self.refuses_what_is_in_use(data, port)

    def refuses_what_is_in_use(self, running, port):
        """A running cluster, and a folder that holds something else, are not restored over."""
        answer = self.error("restore", self.url, "--into", running, "--replace", code=8)
        self.assertEqual(answer["kind"], "conflict")
        self.error("restore", self.url, "--into", running, code=8)
        self.assertEqual(self.sql("select 1", port), "1")
        foreign = self.dir / "foreign"
        write(foreign / "thesis.txt", "precious")
        for options in ((), ("--replace",)):
            self.error("restore", self.url, "--into", foreign, *options, code=8)
            self.assertEqual((foreign / "thesis.txt").read_text(), "precious")
            self.assertEqual(os.listdir(foreign), ["thesis.txt"])

    def test_a_role_without_replication_is_denied_and_told_what_to_grant(self):
        answer = self.error("backup", f"postgres://plain@127.0.0.1:{self.port}/shop", code=6)
        self.assertEqual(answer["kind"], "denied")
        self.assertRegex(answer["error"] + answer["hint"], "(?i)replication")
        self.assertEqual(self.points(), [])

    def test_a_missing_role_is_denied_and_a_password_is_never_shown(self):
        outcome = self.reprieve("--json", "backup", f"postgres://nobody:hunter2@127.0.0.1:{self.port}/shop", code=None)
        self.assertIn(outcome.code, (2, 6), outcome)
        self.assertNotIn("hunter2", outcome.out + outcome.err)


if __name__ == "__main__":
    unittest.main()
