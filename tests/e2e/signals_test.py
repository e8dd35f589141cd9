"""Signals: what nohup protects goes on, what a parent ignores harms nobody, and who is stopped can go on later."""

import os
import signal
import time
import unittest

from harness import World, age, write
from postgres_world import PostgresWorld
from recovery_world import RecoveryWorld

IGNORING_HUP = ("/usr/bin/env", "--ignore-signal=HUP")  # As nohup starts a program.
IGNORING_CHLD = ("/usr/bin/env", "--ignore-signal=CHLD")  # As some supervisors do.


def ignored_signals(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        mask = next(int(line.split()[1], 16) for line in status if line.startswith("SigIgn"))
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


class SignalledBackup(World):

    def setUp(self):
        super().setUp()
        self.init()
        self.data = self.dir / "data"
        for number in range(200):
            write(self.data / str(number), os.urandom(1_000_000))
        age(self.data)

    def hang_up(self, *arguments, **keywords):
        """Sends SIGHUP once the program has stored something; whether it was still at work then, and its outcome."""
        process = self.start(*arguments, **keywords)
        self.wait_for("the first pack", lambda: process.poll() is not None or any((self.repo / "pack").rglob("*")))
        is_at_work = process.poll() is None
        process.send_signal(signal.SIGHUP)
        return is_at_work, self.finish(process)

    def test_under_nohup_the_end_of_the_terminal_does_not_stop_a_backup(self):
        is_at_work, outcome = self.hang_up("backup", self.data, prefix=IGNORING_HUP)
        self.assertTrue(is_at_work, "the signal came in the middle")
        self.assertEqual(outcome.code, 0, outcome)
        self.restore(self.data, self.dir / "out")
        self.assert_same_trees(self.data, self.dir / "out")

    def test_without_it_the_end_of_the_terminal_stops_a_backup_as_the_user_does(self):
        is_at_work, outcome = self.hang_up("backup", self.data)
        self.assertTrue(is_at_work, "the signal came in the middle")
        self.assertEqual(outcome.code, 130, outcome)
        self.assertEqual(self.points(), [])
        self.backup(self.data)
        self.restore(self.data, self.dir / "out")
        self.assert_same_trees(self.data, self.dir / "out")


class SignalledRecovery(RecoveryWorld):

    def test_under_nohup_the_end_of_the_terminal_does_not_stop_a_recovery(self):
        self.destroy()
        process = self.start("recover", "lost", prefix=IGNORING_HUP)
        # Before it has become the program, nothing is ignored yet.
        self.wait_for("the program", lambda: signal.SIGHUP in ignored_signals(process.pid))
        while process.poll() is None:  # At every moment.
            process.send_signal(signal.SIGHUP)
            time.sleep(0.02)
        self.assertEqual(self.finish(process).code, 0)
        self.assert_is_back()
        self.assert_clean_signals()

    def test_a_parent_that_ignores_its_children_does_not_confuse_a_recovery(self):
        self.destroy()
        self.reprieve("recover", "lost", prefix=IGNORING_CHLD)
        self.assert_is_back()
        self.assert_clean_signals()
        self.reprieve("check", "page", prefix=IGNORING_CHLD)

    def assert_clean_signals(self):
        """What was started meets signals as a program expects, whatever its starter's parent had ignored."""
        (server,) = self.servers()
        self.assertFalse(ignored_signals(server) & {signal.SIGHUP, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT})

    def test_a_recovery_that_the_user_stops_says_130_and_is_resumed(self):
        stopped = 0
        for delay in (0.15, 0.3, 0.6):
            with self.subTest(delay=delay):
                self.destroy()
                known = len(self.runs())
                process = self.start("recover", "lost")
                time.sleep(delay)
                process.send_signal(signal.SIGINT)
                outcome = self.finish(process)
                self.assertIn(outcome.code, (0, 130), outcome)
                stopped += outcome.code == 130
                if outcome.code == 130:
                    # It may have been stopped before there was a run.
                    self.reprieve(*(("run", "resume") if len(self.runs()) > known else ("recover", "lost")))
                self.assert_is_back()
        self.assertGreater(stopped, 0, "none was stopped in its middle")


class SignalledPostgres(PostgresWorld):

    def test_a_parent_that_ignores_its_children_does_not_confuse_a_database_backup(self):
        self.make_primary(1)
        self.init()
        self.reprieve("backup", self.url, prefix=IGNORING_CHLD)
        data = self.folder("restored")
        self.reprieve("restore", self.url, "--into", data, *self.owned(), prefix=IGNORING_CHLD)
        port = self.start_restored(data)
        self.assertEqual(self.sql("select count(*) from pgbench_accounts", port, "shop"), "100000")


if __name__ == "__main__":
    unittest.main()
