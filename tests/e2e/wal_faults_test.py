"""What goes wrong between a server and its receiver: nothing is lost, or what is missing is said."""

import time
import unittest

from harness import free_port
from postgres_world import lsn_of
from severable_proxy import SeverableProxy
from wal_world import LogWorld


class FaultWorld(LogWorld):

    def insert_until_stored(self, receiver, first, last):
        self.sql(f"insert into diary select generate_series({first}, {last})", database="shop")
        self.wait_stored(receiver)


class Faults(FaultWorld):

    def assert_a_cut_line_costs_nothing(self, how):
        proxy = SeverableProxy(self.port, b'SLOT "reprieve" ', 300_000, how, False)
        self.addCleanup(proxy.close)
        self.url = f"postgres://backup@127.0.0.1:{proxy.port}/shop"
        self.backup(self.url)
        receiver = self.receive()
        writer = self.writer()
        self.wait_for("rows", lambda: len(writer.acknowledged) > 20)
        self.sql("create table more as select repeat('x', 500) from generate_series(1, 3000)", database="shop")
        self.assertTrue(proxy.was_cut.wait(30), "the line was never cut")
        self.wait_for("a word about it", lambda: receiver.events(), 150)
        writer.stop()
        self.wait_stored(receiver)
        self.assertEqual(receiver.end(), 0)
        self.destroy_primary()
        port, _ = self.restored()
        self.assertEqual(self.rows(port), len(writer.acknowledged))

    def test_a_line_that_is_reset_is_made_again(self):
        self.assert_a_cut_line_costs_nothing("reset")

    def test_a_silent_line_is_given_up_and_made_again(self):
        self.assert_a_cut_line_costs_nothing("silence")

    def test_damage_in_the_log_itself_is_told_when_it_comes_and_when_it_is_restored(self):
        receiver = self.receive()
        self.backup(self.url)
        self.insert_until_stored(receiver, 1, 10)
        self.assertEqual(receiver.end(), 0)
        self.sql("select pg_switch_wal()")
        self.sql("insert into diary select generate_series(11, 20)", database="shop")
        segment = self.sql("select pg_walfile_name(pg_current_wal_lsn())")
        offset = int(self.sql("select file_offset from pg_walfile_name_offset(pg_current_wal_insert_lsn())"))
        self.sql("insert into diary select generate_series(21, 30)", database="shop")
        with open(self.primary / "pg_wal" / segment, "r+b") as file:  # In the records of 11 to 20.
            file.seek(offset - 300)
            damaged = bytes(byte ^ 0xFF for byte in file.read(8))
            file.seek(offset - 300)
            file.write(damaged)
        receiver = self.receive()
        self.wait_stored(receiver)
        self.assertTrue(receiver.last()["doubt"])
        data = self.folder("restored")
        answer = self.restore(self.url, data, *self.owned())
        self.assertTrue(any("damaged" in note and "ends there" in note for note in answer["notes"]), answer["notes"])
        self.assertLess(self.rows(self.start_restored(data)), 30)


class SmallSegments(FaultWorld):
    initdb = ("--wal-segsize=1",)

    def test_segments_of_a_mebibyte_are_received_and_restored(self):
        receiver = self.receive()
        self.backup(self.url)
        self.insert_until_stored(receiver, 1, 40_000)
        port, _ = self.restored()
        self.assertEqual(self.rows(port), 40_000)
        self.assert_clean()


class LargeSegments(FaultWorld):
    initdb = ("--wal-segsize=64",)

    def test_segments_of_64_mebibytes_are_received_in_pieces_and_restored(self):
        receiver = self.receive()
        self.backup(self.url)
        self.insert_until_stored(receiver, 1, 400_000)
        self.assertEqual(receiver.end(), 0)
        receiver = self.receive()  # In the middle of a segment.
        self.insert_until_stored(receiver, 400_001, 400_100)
        port, _ = self.restored()
        self.assertEqual(self.rows(port), 400_100)


class LostTail(LogWorld):

    def test_rows_that_a_failover_lost_are_still_there_on_the_old_timeline(self):
        standby, standby_port = self.folder("standby"), free_port()
        self.postgres("pg_basebackup", *self.at(self.port), "-D", standby, "-R", "-X", "stream", "-c", "fast")
        self.url = (f"postgres://backup@127.0.0.1:{self.port},127.0.0.1:{standby_port}/shop"
                    "?target_session_attrs=read-write")
        receiver = self.receive()
        self.backup(self.url)
        self.start_cluster(standby, standby_port)
        self.sql("insert into diary select generate_series(1, 50)", database="shop")
        written = self.position()
        self.wait_for("the standby", lambda: lsn_of(self.sql("select pg_last_wal_receive_lsn()", standby_port)) >= written)
        self.stop_cluster(standby)
        self.sql("insert into diary select generate_series(51, 60)", database="shop")  # The standby never hears of them.
        self.wait_stored(receiver)
        self.destroy_primary()
        self.start_cluster(standby, standby_port)
        self.sql("select pg_promote()", standby_port)
        self.sql("insert into diary select generate_series(51, 55)", standby_port, "shop")
        end = lsn_of(self.sql("select pg_current_wal_flush_lsn()", standby_port))
        self.wait_for("the new timeline", lambda: receiver.last()["timeline"] == 2 and receiver.has_stored(end))
        self.assertEqual(receiver.end(), 0)
        for options, rows, name in (((), 55, "as-it-is"), (("--timeline", "1"), 60, "as-it-was")):
            port, _ = self.restored(*options, name=name)
            self.assertEqual(self.rows(port), rows)
        self.assert_clean()


class OfVersion13(LogWorld):
    version = "13"

    def test_the_log_is_received_and_restored_to_a_moment_and_the_latest(self):
        receiver = self.receive()
        self.backup(self.url)
        self.sql("insert into diary select generate_series(1, 10)", database="shop")
        time.sleep(0.1)
        moment = self.sql("select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        time.sleep(0.1)
        self.sql("insert into diary select generate_series(11, 20)", database="shop")
        self.wait_stored(receiver)
        for options, rows, name in ((("--to-time", moment), 10, "moment"), ((), 20, "latest")):
            port, _ = self.restored(*options, name=name)
            self.assertEqual(self.rows(port), rows)


class OfVersion17(OfVersion13):
    version = "17"


if __name__ == "__main__":
    unittest.main()
