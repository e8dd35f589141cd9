"""A server's log is streamed into the repository; the server is lost; the cluster comes back to any moment."""

import signal
import subprocess
import time
import unittest

from harness import free_port, write
from postgres_world import lsn_of
from wal_world import LogWorld, Receiver


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
        self.assertGreaterEqual(rows, writer.until(lost_at - 1))
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

    def test_a_point_that_is_named_is_restored_as_it_is(self):
        receiver = self.receive()
        self.sql("insert into diary select generate_series(1, 5)", database="shop")
        self.backup(self.url)
        self.sql("insert into diary select generate_series(6, 9)", database="shop")
        self.wait_stored(receiver)
        for options, rows in ((("--at", "latest"), 5), (("--at", "latest", "--to-latest"), 9), ((), 9)):
            with self.subTest(options=options):
                port, _ = self.restored(*options, name=f"with-{len(options)}-options")
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
        refused = self.error("restore", self.url, "--into", data, "--to-time", "2026-11-20 14:00", code=2, TZ="CET-1")
        self.assertEqual(refused["hint"], "Write 2026-11-20T14:00:00+01:00 (CET), or 2026-11-20T14:00:00Z (UTC).")

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

    def test_log_that_the_server_removed_makes_a_gap_that_is_told_and_never_crossed(self):
        receiver = self.receive()
        self.backup(self.url)
        self.sql("insert into diary select generate_series(1, 10)", database="shop")
        self.wait_stored(receiver)
        self.assertEqual(receiver.end(), 0)
        self.sql("select pg_drop_replication_slot('reprieve')")
        for _ in range(3):
            self.sql("insert into diary select coalesce(max(id), 0) + 1 from diary; select pg_switch_wal(); checkpoint",
                     database="shop")
        receiver = self.receive()
        self.wait_for("the gap to be told", lambda: any("gap" in event for event in receiver.events()))
        self.sql("insert into diary select max(id) + 1 from diary", database="shop")
        self.wait_stored(receiver)
        port, answer = self.restored(name="before-the-gap")
        self.assertEqual(self.rows(port), 10)
        self.assertTrue(any("gap" in note for note in answer["notes"]), answer["notes"])
        self.backup(self.url)
        self.sql("insert into diary select max(id) + 1 from diary", database="shop")
        self.wait_stored(receiver)
        port, answer = self.restored(name="behind-the-gap")
        self.assertEqual(self.rows(port), 15)

    def test_a_burst_of_log_is_kept_up_with_in_little_memory(self):
        del self.env["REPRIEVE_PASSWORD_FILE"]  # A password costs 128 MiB for a moment; a key file nothing.
        receiver = self.receive()
        before = self.position()
        self.sql("create table bulk as select i, repeat(md5(i::text), 20) from generate_series(1, 400000) i",
                 database="shop")
        self.assertGreater(self.position() - before, 250_000_000)
        self.wait_stored(receiver)
        with open(f"/proc/{receiver.process.pid}/status", encoding="ascii") as status:
            peak_kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
        self.assertLess(peak_kib, 64 * 1024)

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


PLAN = """
reprieve: 1
plan: shop
owner: tests
secrets: {password: {from: "file:@D@/password"}}
storage: {near: {url: "file://@D@/repo", password: password}}
sources:
  shopdb: {type: postgres, url: "@URL@", user: "@USER@"}
backup:
  - {sources: [shopdb], every: 15m, keep: {within: 2d}}
services:
  db: {rto: 10m, rpo: 30m, sources: [shopdb], run: {process: {argv: [/bin/true]}}, health: [always]}
checks:
  always: {argv: [/bin/true]}
scenarios:
  newest:
    goal: {severity: high, rto: 10m, rpo: 30m}
    steps: [{id: db, do: db.restore, source: shopdb, at: latest, into: "@D@/newest"}]
    verify: [always]
  moment:
    goal: {severity: high, rto: 10m, rpo: 30m}
    params: {when: {type: string}}
    steps: [{id: db, do: db.restore, source: shopdb, to_time: "{params.when}", into: "@D@/moment"}]
    verify: [always]
"""


class PlannedRecovery(LogWorld):

    def test_a_plan_recovers_the_latest_commit_or_a_moment(self):
        plan = PLAN.replace("@D@", str(self.dir)).replace("@URL@", self.url).replace(
            "@USER@", self.owner.pw_name if self.owner else "")
        write(self.dir / "reprieve.yaml", plan)
        self.env.pop("REPRIEVE_REPO")
        self.env.pop("REPRIEVE_PASSWORD_FILE")
        receiver = Receiver(self.start("--json", "wal", "receive", "shopdb"))
        self.addCleanup(self.kill, receiver)
        self.wait_for("the log to come", lambda: lsn_of(receiver.last()["stored"]) > 0)
        self.json("backup", "shopdb")
        self.sql("insert into diary select generate_series(1, 30)", database="shop")
        time.sleep(0.2)
        moment = self.sql("select to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        time.sleep(0.2)
        self.sql("delete from diary where id > 20", database="shop")
        self.wait_stored(receiver)
        for scenario, rows, options in (("newest", 20, ()), ("moment", 30, ("--set", f"when={moment}"))):
            with self.subTest(scenario=scenario):
                self.json("recover", scenario, *options)
                self.assertEqual(self.rows(self.start_restored(self.dir / scenario)), rows)


class LogOfSeveralServers(LogWorld):

    def setUp(self):
        super().setUp()
        self.standby, self.standby_port = self.folder("standby"), free_port()
        self.postgres("pg_basebackup", *self.at(self.port), "-D", self.standby, "-R", "-X", "stream", "-c", "fast")
        self.start_cluster(self.standby, self.standby_port)
        self.url = (f"postgres://backup@127.0.0.1:{self.port},127.0.0.1:{self.standby_port}/shop"
                    "?target_session_attrs=read-write")

    def test_a_promoted_standby_is_followed_onto_its_timeline(self):
        receiver = self.receive()
        self.backup(self.url)
        self.sql("insert into diary select generate_series(1, 50)", database="shop")
        self.wait_stored(receiver)
        written = self.position()
        self.wait_for("the standby", lambda: lsn_of(self.sql("select pg_last_wal_receive_lsn()", self.standby_port)) >= written)
        self.destroy_primary()
        self.sql("select pg_promote()", self.standby_port)
        self.sql("insert into diary select generate_series(51, 80)", self.standby_port, "shop")
        end = lsn_of(self.sql("select pg_current_wal_flush_lsn()", self.standby_port))
        self.wait_for("the new timeline", lambda: receiver.last()["timeline"] == 2 and receiver.has_stored(end))
        self.assertEqual(receiver.end(), 0)
        port, answer = self.restored()
        self.assertEqual(answer["log"]["timeline"], 2)
        self.assertEqual(self.rows(port), 80)
        port, answer = self.restored("--timeline", "1", name="as-it-was")
        self.assertEqual(answer["log"]["timeline"], 1)
        self.assertEqual(self.rows(port), 50)
        self.assert_clean()

    def test_a_standby_is_a_source_as_well(self):
        self.url = f"postgres://backup@127.0.0.1:{self.standby_port}/shop"
        receiver = self.receive()
        self.backup(self.url)
        self.sql("insert into diary select generate_series(1, 50)", database="shop")
        self.wait_stored(receiver)
        port, _ = self.restored()
        self.assertEqual(self.rows(port), 50)


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
