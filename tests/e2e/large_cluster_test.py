"""A cluster of a few GiB under continuous load is backed up in bounded memory, and not one acknowledged row is lost."""

import json
import os
import shutil
import subprocess
import unittest

from postgres_world import PostgresWorld, lsn_of

SCALE = 150  # About 2.3 GB.
MEMORY_MAX_KIB = 300 * 1024
SPACE = 12_000_000_000


class LargeCluster(PostgresWorld):
    patience_s = 400

    def setUp(self):
        super().setUp()
        room = shutil.disk_usage(self.dir).free
        if room < SPACE:
            self.skipTest(f"{self.dir} has {room / 1e9:.1f} GB free; this takes {SPACE / 1e9:.0f} GB")
        self.make_primary(SCALE, "fsync=off", "max_wal_size=4GB", "shared_buffers=256MB")
        self.archive = self.folder("archive")
        self.sql(f"create tablespace archive location '{self.archive}'")
        self.sql("alter table pgbench_tellers set tablespace archive; alter index pgbench_tellers_pkey set tablespace "
                 "archive; create table diary (id int primary key) tablespace archive", database="shop")
        self.oid = self.sql("select oid from pg_tablespace where spcname = 'archive'")
        # The load meets a server that is as careful as a real one.
        self.postgres("pg_ctl", "-D", self.primary, "-m", "fast", "-w", "-t", "300", "stop")
        self.start_cluster(self.primary, self.port, "max_wal_size=4GB", "shared_buffers=256MB")
        self.init()

    def measured(self, *arguments):
        """Runs the program; its JSON, its lines of progress, and its peak of memory in KiB."""
        with (self.dir / "stdout").open("w+") as out, (self.dir / "stderr").open("w+") as err:
            process = subprocess.Popen([os.environ["REPRIEVE"], "--json", *map(str, arguments)], cwd=self.dir,
                                       env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            text, progress = out.read(), err.read()
        self.assertEqual(process.returncode, 0, text + progress[-2000:])
        self.assertLess(usage.ru_maxrss, MEMORY_MAX_KIB, f"{arguments[0]}: peak memory in KiB")
        return json.loads(text), [json.loads(line) for line in progress.splitlines()]

    def assert_told_well(self, answer, progress, size):
        """What it says while it works, and at its end, is what happened."""
        point = answer["backups"][0]
        self.assertEqual(point["problems"], [])
        # Beside the files lie the write-ahead log, and zeros that were not stored.
        self.assertGreater(point["bytes"], 0.9 * size)
        self.assertLess(point["bytes_stored"], point["bytes_new"])
        self.assertGreater(len(progress), 2)
        self.assertEqual({line["schema"] for line in progress}, {"reprieve.progress/1"})
        done = [line["bytes"] for line in progress]
        self.assertEqual(done, sorted(done))
        self.assertGreater(progress[-1]["bytes_total"], 0.9 * size)
        self.assertTrue(any(0 < line["bytes"] < line["bytes_total"] for line in progress), "in the middle, it says so")

    def test_under_load_it_comes_back_with_every_acknowledged_row(self):
        size = int(self.sql("select sum(pg_database_size(oid)) from pg_database"))
        self.assertGreater(size, 2_000_000_000)
        load = self.load(600, clients=4)
        writer = self.writer()
        self.wait_for("acknowledged rows", lambda: len(writer.acknowledged) > 10)
        rows_at_begin = len(writer.acknowledged)
        answer, progress = self.measured("backup", self.url)
        rows_at_end = len(writer.acknowledged)
        self.assert_told_well(answer, progress, size)
        self.wait_for("rows after the end", lambda: len(writer.acknowledged) > rows_at_end)
        load.kill()
        writer.stop()
        self.postgres("pg_ctl", "-D", self.primary, "-m", "immediate", "-w", "stop")

        data, spaces = self.folder("restored"), self.folder("spaces")
        answer, _ = self.measured("restore", self.url, "--into", data, "--tablespace", f"{self.oid}={spaces}",
                                  *self.owned())
        self.assertEqual(os.readlink(data / "pg_tblspc" / self.oid), str(spaces))
        self.assertTrue(os.listdir(spaces), "the tablespace lies where it was mapped to")
        # The server's own judgement, against its own manifest; the map and the settings are for the new place.
        self.postgres("pg_verifybackup", "-n", "-i", "postgresql.auto.conf", "-i", "recovery.signal",
                      "-i", "reprieve_wal", "-i", "tablespace_map", data)
        port = self.start_restored(data)
        rows_before_end = writer.before(lsn_of(answer["cluster"]["end_lsn"]))
        self.assertGreater(rows_before_end, rows_at_begin, "rows were acknowledged while it was backed up")
        self.assert_holds_what_it_must(port, rows_before_end, rows_at_end)

    def assert_holds_what_it_must(self, port, rows_before_end, rows_at_end):
        ids = [int(each) for each in self.sql("select id from diary order by id", port, "shop").split()]
        self.assertEqual(ids, list(range(1, len(ids) + 1)), "the rows are those up to one moment, without a gap")
        self.assertGreaterEqual(len(ids), rows_before_end, "every row acknowledged before the end is there")
        self.assertLessEqual(len(ids), rows_at_end + 1, "none is there from after the end")
        self.assert_balanced(port)
        self.assertEqual(self.sql("select count(*) from pgbench_accounts", port, "shop"), str(SCALE * 100_000))
        self.postgres("pg_amcheck", *self.at(port), "--all", "--install-missing", "--heapallindexed", "-j", "2")


if __name__ == "__main__":
    unittest.main()
