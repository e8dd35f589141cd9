"""Servers whose log is received into a repository, for end-to-end tests."""

import json
import signal
import threading

from postgres_world import PostgresWorld, lsn_of


class Receiver:
    """A running `reprieve wal receive`, and what it says."""

    def __init__(self, process):
        self.process = process
        self.lines = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def last(self):
        return self.lines[-1] if self.lines else {"stored": "0/0", "durable": "0/0", "waiting_bytes": 1, "problem": ""}

    def has_stored(self, lsn):
        return lsn_of(self.last()["stored"]) >= lsn

    def events(self):
        return [line["event"] for line in self.lines if line["event"]]

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(60)
        self.thread.join(10)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


class LogWorld(PostgresWorld):

    def setUp(self):
        super().setUp()
        self.make_primary(1)
        self.sql("create table diary (id int primary key)", database="shop")
        self.init()

    def receive(self, *options):
        receiver = Receiver(self.start("--json", "wal", "receive", self.url, *options))
        self.addCleanup(self.kill, receiver)
        self.wait_for("the log to come", lambda: lsn_of(receiver.last()["stored"]) > 0)
        return receiver

    def kill(self, receiver):
        if receiver.process.poll() is None:
            receiver.end(signal.SIGKILL)

    def position(self):
        return lsn_of(self.sql("select pg_current_wal_flush_lsn()"))

    def wait_stored(self, receiver, lsn=None):
        wanted = lsn or self.position()
        self.wait_for("the log in the repository", lambda: receiver.has_stored(wanted), 120)

    def restored(self, *options, name="restored"):
        """A server on a restored cluster; its port, and what the restore said."""
        data = self.folder(name)
        answer = self.restore(self.url, data, *options, *self.owned())
        return self.start_restored(data), answer

    def rows(self, port):
        rows = [int(row) for row in self.sql("select id from diary order by id", port, "shop").split()]
        self.assertEqual(rows, list(range(1, len(rows) + 1)), "no row is missing in the middle")
        return len(rows)
