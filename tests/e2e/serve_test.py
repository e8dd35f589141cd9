"""`reprieve serve`: a plan's backups are taken when they are due and its logs received, whatever ends meanwhile."""

import json
import os
import pathlib
import signal
import time
import unittest

from harness import World, tree_of, write
from wal_world import LogWorld, Receiver


class Served(Receiver):
    """A running `reprieve --json serve`, and what it says."""

    def of(self, kind, job=""):
        return [line for line in self.lines if line["kind"] == kind and line["job"].startswith(job)]

    def children(self):
        """Process numbers of its commands."""
        listed = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for path in listed for pid in path.read_text().split()]


class ServeWorld(World):

    def plan(self, sources, backup):
        return write(self.dir / "reprieve.yaml", "\n".join([
            "reprieve: 1", "plan: shop",
            f"secrets: {{repo: {{from: \"file:{self.password}\"}}}}",
            f"storage: {{near: {{url: \"file://{self.repo}\", password: repo}}}}",
            f"sources: {sources}", f"backup: [{backup}]", ""]))

    def serve(self):
        served = Served(self.start("--json", "serve", REPRIEVE_REPO=None, REPRIEVE_PASSWORD_FILE=None))
        self.addCleanup(self.end, served)
        return served

    def end(self, served):
        if served.process.poll() is None:
            served.end(signal.SIGKILL)

    def memory(self):
        return json.loads((self.dir / "state/serve/memory.json").read_text())["backups"]


class Schedules(ServeWorld):

    def setUp(self):
        super().setUp()
        self.data = write(self.dir / "data/file", "first").parent
        self.init()

    def plan_files(self, every):
        return self.plan(f"{{data: {{type: files, path: {self.data}}}}}", f"{{sources: [data], every: {every}}}")

    def test_backups_are_taken_when_they_are_due(self):
        self.plan_files("1s")
        served = self.serve()
        self.wait_for("two backups", lambda: len(served.of("done")) >= 2)
        write(self.data / "file", "second")
        done = len(served.of("done"))
        self.wait_for("two more", lambda: len(served.of("done")) >= done + 2)
        self.assertEqual(served.end(), 0)
        self.assertEqual(served.of("trouble"), [])
        points = self.points("data")
        self.assertEqual(len(points), len(served.of("done")))
        taken = served.of("done")[0]
        self.assertEqual(taken["job"], "backup of data to near")
        self.assertEqual(taken["details"]["backups"][0]["point"], points[0]["id"])
        self.restore("data", self.dir / "out")
        self.assertEqual(tree_of(self.dir / "out"), tree_of(self.data))

    def test_each_new_point_is_proved_as_the_policy_asks_and_damage_is_told(self):
        write(self.data / "large", os.urandom(3_000_000))
        self.plan_files("1s, verify: data")
        served = self.serve()
        self.wait_for("a proof", lambda: served.of("proved"))
        self.assertEqual(served.of("trouble"), [])
        self.assertTrue(any(point["verified"] for point in self.points("data")))
        for pack in (self.repo / "pack").rglob("*"):
            if pack.is_file() and pack.stat().st_size > 2_000_000:
                pack.write_bytes(bytes(pack.stat().st_size))
        self.wait_for("the damage", lambda: any("is damaged" in line["text"] for line in served.of("trouble")))
        self.assertEqual(served.end(), 0)

    def test_what_was_taken_today_is_not_taken_again_and_what_was_missed_is(self):
        self.plan_files("daily 02:00 UTC")
        for expected in (1, 1, 2):
            served = self.serve()
            if expected > len(self.points()):
                self.wait_for("a backup", lambda served=served: served.of("done"))
            else:
                time.sleep(2)
            self.assertEqual(served.end(), 0)
            self.assertEqual(len(self.points("data")), expected)
            if len(served.of("begun")) == 0:  # Nobody served for two days.
                path = self.dir / "state/serve/memory.json"
                memory = json.loads(path.read_text())
                memory["backups"]["backup of data to near"]["begun"] = "2026-01-01T02:00:00Z"
                path.write_text(json.dumps(memory))

    def test_a_failure_is_told_with_its_remedy_and_tried_again(self):
        self.plan_files("1h")
        self.data.rename(self.dir / "away")
        served = self.serve()
        self.wait_for("the failure", lambda: served.of("trouble"))
        told = served.of("trouble")[0]
        self.assertRegex(told["text"], r"^failed: .*data.*; tried again at 20..-..-..T..:..:..Z$")
        self.assertTrue(told["hint"])
        self.assertEqual(self.memory()["backup of data to near"]["failures"], 1)
        self.assertEqual(served.end(), 0)
        (self.dir / "away").rename(self.data)
        path = self.dir / "state/serve/memory.json"
        memory = json.loads(path.read_text())
        memory["backups"]["backup of data to near"]["ended"] = "2026-01-01T02:00:00Z"
        path.write_text(json.dumps(memory))
        served = self.serve()
        self.wait_for("a backup", lambda: served.of("done"))
        self.assertEqual(self.memory()["backup of data to near"]["failures"], 0)

    def test_a_memory_that_cannot_be_read_costs_one_backup_and_is_told(self):
        self.plan_files("1h")
        write(self.dir / "state/serve/memory.json", "{")
        served = self.serve()
        self.wait_for("a backup", lambda: served.of("done"))
        self.assertIn("cannot be understood", served.of("trouble")[0]["text"])

    def test_one_that_is_stopped_in_the_middle_is_no_failure(self):
        for number in range(3000):
            write(self.data / f"{number}", os.urandom(40_000))
        self.plan_files("1h")
        served = self.serve()
        self.wait_for("it to begin", lambda: served.of("begun") and served.children())
        self.assertEqual(served.end(), 0)
        self.assertEqual(served.of("trouble"), [])

    def test_what_cannot_be_served_is_said_at_once(self):
        self.plan_files("1h")
        served = self.serve()
        self.wait_for("a backup", lambda: served.of("done"))
        self.error("serve", code=8)
        self.error("--repo", self.repo, "serve", code=2)
        self.assertEqual(served.end(), 0)
        self.plan(f"{{data: {{type: files, path: {self.data}}}}}", "{sources: [data]}")
        self.error("serve", code=2)
        (self.dir / "reprieve.yaml").unlink()
        self.error("serve", code=2)


class Logs(ServeWorld, LogWorld):

    def setUp(self):
        super().setUp()
        self.plan(f"{{shopdb: {{type: postgres, url: \"{self.url}\"}}}}",
                  "{sources: [shopdb], every: 1h}, {sources: [shopdb], every: continuous}")

    def receiver_of(self, served):
        for pid in served.children():
            if b"receive" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        return None

    def started(self):
        served = self.serve()
        self.wait_for("the receiver", lambda: served.of("begun", "log") and self.receiver_of(served))
        return served

    def test_a_receiver_that_dies_is_started_again_and_no_acknowledged_row_is_lost(self):
        served = self.started()
        self.wait_for("the backup", lambda: served.of("done"))
        writer = self.writer()
        self.wait_for("rows", lambda: len(writer.acknowledged) > 50)
        os.kill(self.receiver_of(served), signal.SIGKILL)
        self.wait_for("another receiver", lambda: len(served.of("begun", "log")) == 2)
        self.assertIn("the receiver ended and is started again", served.of("trouble")[0]["text"])
        done = len(writer.acknowledged)
        self.wait_for("more rows", lambda: len(writer.acknowledged) > done + 50)
        writer.stop()
        # The server is asked for what it has yet to send when the receiver ends.
        wanted = self.position()
        self.wait_for("the log", lambda: self.is_held(wanted))
        self.assertEqual(served.end(), 0)
        self.destroy_primary()
        data = self.folder("restored")
        self.restore("shopdb", data, *self.owned())
        self.assertEqual(self.rows(self.start_restored(data)), len(writer.acknowledged))

    def is_held(self, lsn):
        ends = [int(path.name.split("-")[1], 16) for path in (self.repo / "stream").rglob("*-*")]
        return ends and max(ends) >= lsn

    def test_when_it_is_killed_its_receivers_end_and_a_new_one_goes_on(self):
        served = self.started()
        receiver = self.receiver_of(served)
        served.end(signal.SIGKILL)
        self.wait_for("the receiver to end", lambda: not pathlib.Path(f"/proc/{receiver}/cmdline").exists()
                      or not pathlib.Path(f"/proc/{receiver}/cmdline").read_bytes())
        self.sql("insert into diary values (1)", database="shop")
        wanted = self.position()
        self.started()
        self.wait_for("the log", lambda: self.is_held(wanted))
        self.assertEqual(len(list((self.repo / "stream").iterdir())), 1, "one stream")


if __name__ == "__main__":
    unittest.main()
