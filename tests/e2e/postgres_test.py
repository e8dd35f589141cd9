"""A PostgreSQL 15 cluster under load is backed up by its URL, restored, started and compared."""

import os
import pathlib
import pwd
import subprocess
import unittest

from harness import World, free_port, is_root, write

PROVIDE = pathlib.Path(__file__).resolve().parent.parent / "postgres/provide.sh"


class PostgreSql15(World):

    def setUp(self):
        super().setUp()
        found = subprocess.run([str(PROVIDE), "15"], capture_output=True, text=True, check=False)
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
        self.port = free_port()
        self.primary = self.folder("primary")
        self.postgres("initdb", "-D", self.primary, "-k", "-A", "trust", "-U", "admin", "-E", "UTF8", "--locale=C")
        self.start_cluster(self.primary, self.port)
        self.sql("create role backup login replication; create role plain login")
        self.sql("create database shop")
        self.postgres("pgbench", *self.at(self.port), "-i", "-q", "-s", "3", "shop")
        self.env["REPRIEVE_PASSWORD_FILE"] = str(self.password)
        self.init()
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
        done = subprocess.run(self.command(program, *arguments), cwd="/", capture_output=True, text=True, timeout=120,
                              check=False)
        self.assertEqual(done.returncode, 0, f"{program}: {done.stdout}{done.stderr}")
        return done.stdout

    def start_cluster(self, data, port):
        log = data.parent / f"{data.name}.log"
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        write(log, "")
        if self.owner:
            os.chown(log, self.owner.pw_uid, self.owner.pw_gid)
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

    def test_under_load_it_is_backed_up_restored_started_and_whole(self):
        load = subprocess.Popen(self.command("pgbench", *self.at(self.port), "-c", "2", "-T", "60", "-n", "shop"),
                                cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
        port = free_port()
        self.start_cluster(data, port)
        self.wait_for("the end of recovery", lambda: self.sql("select pg_is_in_recovery()", port) == "f")
        rows = int(self.sql("select count(*) from pgbench_history", port, "shop"))
        self.assertTrue(before <= rows <= after, (before, rows, after))
        # Each transaction adds its amount to an account, a teller, a branch and the history.
        sums = self.sql("select (select sum(abalance) from pgbench_accounts), (select sum(tbalance) from "
                        "pgbench_tellers), (select sum(bbalance) from pgbench_branches), "
                        "(select coalesce(sum(delta), 0) from pgbench_history)", port, "shop").split("|")
        self.assertEqual(len(set(sums)), 1, sums)
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
