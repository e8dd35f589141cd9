"""A server's log is streamed into the repository; the server is lost; the cluster comes back to any moment."""

import signal
import subprocess
import time
import unittest

from wal_world import LogWorld


class ContinuousLog(LogWorld):

    def test_a_lost_server_costs_less_than_a_second_of_commits(self):
        receiver = self.receive()
        self.backup(self.url)
        load, writer = self.load(60), self.writer()
        self.wait_for("acknowledged rows", lambda: len(writer.acknowledged) > 300)
        lost_at = time.monotonic()
        self.destroy_primary()
        writer.stop()
        load.wait()
        # What a repository elsewhere holds a second after the loss, though the receiver dies with the server.
        time.sleep(1)
        self.assertEqual(receiver.end(signal.SIGKILL), -signal.SIGKILL)
        port, answer = self.restored()
        self.assertIsNotNone(answer["log"]["last_commit"])
        rows = self.rows(port)
        self.assertGreaterEqual(rows, writer.until(lost_at - 0.1))
        self.assertLessEqual(rows, len(writer.acknowledged) + 1)
        self.assert_balanced(port)
        self.assert_clean()

    def test_rows_deleted_by_mistake_come_back_at_the_moment_before(self):
        receiver = self.receive()
        self.backup(self.url)
        self.sql("insert into diary select generate_series(1, 100)", database="shop")
        time.sleep(0.2)
        moment = self.sql("select to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        time.sleep(0.2)
        self.sql("delete from diary where id > 10", database="shop")
        self.wait_stored(receiver)
        port, answer = self.restored("--to-time", moment)
        self.assertEqual(self.rows(port), 100)
        self.assertEqual(answer["log"]["target"][:19], moment[:19])
        port, answer = self.restored(name="latest")
        self.assertEqual(self.rows(port), 10)
        self.assertIsNone(answer["log"]["target"])

    def test_recovery_stops_at_a_position_a_name_or_a_transaction(self):
        receiver = self.receive()
        self.backup(self.url)
        self.sql("insert into diary select generate_series(1, 5)", database="shop")
        position = self.sql("select pg_create_restore_point('before the upgrade')")
        transaction = self.sql("with i as (insert into diary select generate_series(6, 7) returning 1) "
                               "select distinct pg_current_xact_id() from i", database="shop").splitlines()[-1]
        self.sql("insert into diary values (8)", database="shop")
        self.wait_stored(receiver)
        for rows, options in ((5, ("--to-name", "before the upgrade")), (5, ("--to-lsn", position)),
                              (7, ("--to-xid", transaction)), (5, ("--to-xid", transaction, "--exclusive"))):
            with self.subTest(options=options):
                port, _ = self.restored(*options, name=f"to-{options[0][2:]}-{len(options)}")
                self.assertEqual(self.rows(port), rows)

    def test_what_cannot_be_reached_is_refused_before_anything_is_written(self):
        receiver = self.receive()
        self.backup(self.url)
        self.wait_stored(receiver)
        data = self.folder("refused")
        for options in (("--to-time", "2099-01-01T00:00:00Z"), ("--to-lsn", "FF/0"), ("--to-name", "never made"),
                        ("--to-time", "1999-01-01T00:00:00Z")):
            answer = self.error("restore", self.url, "--into", data, *options, code=5)
            self.assertEqual(list(data.iterdir()), [], answer)
        self.error("restore", self.url, "--into", data, "--to-time", "2026-11-20 14:00", code=2)

    def test_a_killed_receiver_goes_on_where_it_was(self):
        receiver = self.receive()
        self.backup(self.url)
        writer = self.writer()
        for _ in range(4):
            done = len(writer.acknowledged)
            self.wait_for("acknowledged rows", lambda done=done: len(writer.acknowledged) > done + 100)
            receiver.end(signal.SIGKILL)
            receiver = self.receive()
        writer.stop()
        acknowledged = len(writer.acknowledged)
        self.wait_stored(receiver)
        self.assertEqual(receiver.end(), 0)
        self.assertEqual(len(list((self.repo / "stream").iterdir())), 1, "one stream")
        self.destroy_primary()
        port, _ = self.restored()
        self.assertGreaterEqual(self.rows(port), acknowledged)

    def test_while_the_repository_takes_nothing_the_log_waits_on_the_disk(self):
        receiver = self.receive()
        self.backup(self.url)
        writer = self.writer()
        stream, = (self.repo / "stream").iterdir()
        if subprocess.run(["chattr", "+i", stream], capture_output=True, check=False).returncode != 0:
            self.skipTest("no file can be made immutable here")
        self.wait_for("the receiver to notice", lambda: receiver.last()["problem"])
        done = len(writer.acknowledged)
        self.wait_for("acknowledged rows", lambda: len(writer.acknowledged) > done + 100)
        writer.stop()
        subprocess.run(["chattr", "-i", stream], check=True)
        self.wait_stored(receiver)
        self.assertEqual(receiver.last()["problem"], "")
        self.assertEqual(receiver.end(), 0)
        self.destroy_primary()
        port, _ = self.restored()
        self.assertGreaterEqual(self.rows(port), len(writer.acknowledged))

    def test_a_second_receiver_and_another_server_are_refused(self):
        self.receive()
        answer = self.error("wal", "receive", self.url, code=8)
        self.assertEqual(answer["kind"], "conflict")

    def test_what_is_held_is_listed_and_only_proven_absence_ends_a_recovery(self):
        receiver = self.receive()
        self.sql("select pg_switch_wal()")
        self.wait_stored(receiver)
        segment = self.sql("select pg_walfile_name(pg_current_wal_lsn() - 16777216)")
        timeline, number = segment[:8], int(segment[16:], 16)
        target = self.dir / "fetched"

        def fetch(name, code, **changes):
            target.unlink(missing_ok=True)
            self.reprieve("wal", "fetch", "--source", self.url, name, target, code=code, **changes)
            return target.exists()

        self.assertTrue(fetch(segment, 0))
        self.assertEqual(target.read_bytes(), (self.primary / "pg_wal" / segment).read_bytes())
        self.assertFalse(fetch(f"{timeline}00000000{number + 9:08X}", 1))
        self.assertFalse(fetch("00000002.history", 1))
        self.assertFalse(fetch("000000010000000000000000", 200), "before what is held is no end")
        self.assertFalse(fetch(f"{timeline}00000000{number + 9:08X}", 200, REPRIEVE_REPO=str(self.dir / "nowhere")))


class SynchronousLog(LogWorld):
    """As a synchronous standby, the receiver holds every commit before its client hears of it."""

    def test_no_acknowledged_commit_is_lost(self):
        receiver = self.receive()
        self.sql("alter system set synchronous_standby_names = 'reprieve_wal'")
        self.sql("select pg_reload_conf()")
        self.wait_for("the receiver to be synchronous",
                      lambda: self.sql("select sync_state from pg_stat_replication "
                                       "where application_name = 'reprieve_wal'") == "sync")
        self.backup(self.url)
        writer = self.writer()
        self.wait_for("acknowledged rows", lambda: len(writer.acknowledged) > 300)
        self.destroy_primary()
        writer.stop()
        self.wait_for("what is on the receiver's disk to be stored", lambda: receiver.last()["waiting_bytes"] == 0)
        self.assertEqual(receiver.end(), 0)
        data = self.folder("restored")
        self.restore(self.url, data, "--drill", *self.owned())
        port = self.start_restored(data)
        self.assertGreaterEqual(self.rows(port), len(writer.acknowledged))


if __name__ == "__main__":
    unittest.main()
