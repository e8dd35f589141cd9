"""Real PostgreSQL servers for end-to-end tests: each test starts its own, and none outlives it."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import threading
import time

from harness import World, free_port, is_root, write

PROVIDE = pathlib.Path(__file__).resolve().parent.parent / "postgres/provide.sh"
# Each transaction of pgbench adds its amount to an account, a teller, a branch and the history.
SUMS = """select (select sum(abalance) from pgbench_accounts), (select sum(tbalance) from pgbench_tellers),
    (select sum(bbalance) from pgbench_branches), (select coalesce(sum(delta), 0) from pgbench_history)"""


def lsn_of(text):
    high, low = text.strip().split("/")
    return int(high, 16) << 32 | int(low, 16)


class Writer:
    """Inserts rows one by one into the table diary; keeps of each when its commit was acknowledged, and where the
    server's log was then."""

    def __init__(self, command):
        self.session = subprocess.Popen(command, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, bufsize=1)
        self.acknowledged = []
        self.times = []
        self.is_over = False
        self.thread = threading.Thread(target=self._write, daemon=True)
        self.thread.start()

    def _write(self):
        while not self.is_over:
            number = len(self.acknowledged) + 1
            try:
                self.session.stdin.write(f"insert into diary values ({number}) returning id;\n")
                if self.session.stdout.readline() != f"{number}\n":
                    return
                acknowledged = time.monotonic()
                self.session.stdin.write("select pg_current_wal_flush_lsn();\n")
                self.acknowledged.append(lsn_of(self.session.stdout.readline()))
                self.times.append(acknowledged)
            except (OSError, ValueError):
                return

    def stop(self):
        self.is_over = True
        self.thread.join(30)
        self.session.kill()
        self.session.communicate()

    def before(self, lsn):
        return sum(each <= lsn for each in self.acknowledged)

    def until(self, moment):
        """How many were acknowledged at that moment of time.monotonic()."""
        return sum(each <= moment for each in self.times)


class PostgresWorld(World):
    """Its subclasses call make_primary() in setUp()."""
    version = "15"
    initdb = ()  # More options of a new cluster.

    def setUp(self):
        super().setUp()
        found = subprocess.run([str(PROVIDE), self.version], capture_output=True, text=True, check=False)
        if found.returncode != 0:
            self.skipTest(found.stderr.strip())
        self.bin = pathlib.Path(found.stdout.strip())
        self.owner = None  # PostgreSQL does not run as root.
        if is_root():
            try:
                self.owner = pwd.getpwnam("postgres")
            except KeyError:
                self.owner = pwd.getpwnam("nobody")
            self.dir.chmod(0o755)
        self.running = []
        self.addCleanup(self.stop_all)

    def make_primary(self, scale, *settings):
        """A running cluster with pgbench's tables in the database shop, and a role that may back it up."""
        self.port = free_port()
        self.primary = self.folder("primary")
        self.postgres("initdb", "-D", self.primary, "-k", "-A", "trust", "-U", "admin", "-E", "UTF8", "--locale=C",
                      *self.initdb)
        self.start_cluster(self.primary, self.port, *settings)
        self.sql("create role backup login replication; create role plain login")
        self.sql("create database shop")
        self.postgres("pgbench", *self.at(self.port), "-i", "-q", "-s", str(scale), "shop")
        self.url = f"postgres://backup@127.0.0.1:{self.port}/shop"

    def folder(self, name):
        path = self.dir / name
        path.mkdir(mode=0o700)
        if self.owner:
            os.chown(path, self.owner.pw_uid, self.owner.pw_gid)
        return path

    def at(self, port):
        return ("-h", "127.0.0.1", "-p", str(port), "-U", "admin")

    def command(self, program, *arguments):
        prefix = ["runuser", "-u", self.owner.pw_name, "--"] if self.owner else []
        return [*prefix, str(self.bin / program), *map(str, arguments)]

    def postgres(self, program, *arguments):
        done = subprocess.run(self.command(program, *arguments), cwd="/", capture_output=True, text=True,
                              timeout=self.patience_s, check=False)
        self.assertEqual(done.returncode, 0, f"{program}: {done.stdout}{done.stderr}")
        return done.stdout

    def start_cluster(self, data, port, *settings):
        log = data.parent / f"{data.name}.log"
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        options += "".join(f" -c {setting}" for setting in settings)
        write(log, "")
        if self.owner:
            os.chown(log, self.owner.pw_uid, self.owner.pw_gid)
        if data not in self.running:
            self.running.append(data)
        # The server keeps pg_ctl's pipes open, so its output must not go there.
        done = subprocess.run(self.command("pg_ctl", "-D", data, "-w", "-t", "90", "-l", log, "-o", options, "start"),
                              cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 0, log.read_text())

    def stop_cluster(self, data):
        subprocess.run(self.command("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"), cwd="/",
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def stop_all(self):
        for data in self.running:
            self.stop_cluster(data)

    def sql(self, statement, port=None, database="postgres"):
        return self.postgres("psql", *self.at(port or self.port), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database,
                             "-c", statement).strip()

    def owned(self):
        return ("--owner", self.owner.pw_name) if self.owner else ()

    def load(self, seconds, clients=2):
        """pgbench in the background, to be killed when it is no longer needed."""
        process = subprocess.Popen(self.command("pgbench", *self.at(self.port), "-c", str(clients), "-T", str(seconds),
                                                "-n", "shop"), cwd="/", stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def writer(self):
        """A client that logs what was acknowledged; the database shop has a table diary for it."""
        writer = Writer(self.command("psql", *self.at(self.port), "-XqAt", "-d", "shop"))
        self.addCleanup(writer.stop)
        return writer

    def destroy_primary(self):
        """Every process of the server dies at once, and its disk is gone."""
        pid = int((self.primary / "postmaster.pid").read_text().split()[0])
        family = [pid, *map(int, subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True,
                                                check=False).stdout.split())]
        for each in family:
            try:
                os.kill(each, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.running.remove(self.primary)
        shutil.rmtree(self.primary)

    def assert_balanced(self, port=None):
        sums = self.sql(SUMS, port, "shop").split("|")
        self.assertEqual(len(set(sums)), 1, sums)

    def start_restored(self, data):
        """Starts a restored cluster and waits for the end of its recovery; its port."""
        port = free_port()
        self.start_cluster(data, port)
        self.wait_for("the end of recovery", lambda: self.sql("select pg_is_in_recovery()", port) == "f", 120)
        return port
