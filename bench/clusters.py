"""PostgreSQL clusters for bench/postgres and bench/loss: each below a folder of the bench, and none outlives it."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

import measure

BIN = pathlib.Path(os.environ.get("BENCH_PG_BIN", "/usr/lib/postgresql/15/bin"))
TOP = pathlib.Path(__file__).resolve().parent.parent
OWNER = pwd.getpwnam("postgres") if os.geteuid() == 0 else None  # PostgreSQL does not run as root.
IDENTITY = {"user": OWNER.pw_uid, "group": OWNER.pw_gid, "extra_groups": []} if OWNER else {}


class Failure(Exception):
    """The bench cannot go on, or what was restored is wrong."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def folder(path):
    """An empty folder of the servers' user."""
    remove(path)
    path.mkdir(mode=0o700, parents=True)
    if OWNER:
        os.chown(path, OWNER.pw_uid, OWNER.pw_gid)
    return path


def remove(path):
    shutil.rmtree(path, ignore_errors=True)


def place(name):
    """The bench's own folder, which the servers' user can reach, with a copy of the program that it can run; both removed
    and made anew."""
    bench = pathlib.Path(os.environ.get("BENCH_DIR", "/var/tmp/reprieve-bench"))
    bench.mkdir(parents=True, exist_ok=True)
    for left in (bench / name).glob("**/postmaster.pid"):  # Of a run that was killed.
        run([BIN / "pg_ctl", "-D", left.parent, "-m", "immediate", "-w", "stop"], check=False)
    own = folder(bench / name)
    program = pathlib.Path(os.environ.get("REPRIEVE", TOP / "build/release/reprieve")).absolute()
    if not program.exists():
        raise Failure(f"{program} is not there: run `make build`, or name it in REPRIEVE")
    if not (BIN / "postgres").exists():
        raise Failure(f"{BIN} has no PostgreSQL 15: apt install postgresql-15, or name its folder in BENCH_PG_BIN")
    shutil.copy(program, own / "reprieve")
    (own / "reprieve").chmod(0o755)
    if run([own / "reprieve", "--version"], check=False).returncode != 0:
        raise Failure(f"the servers' user cannot run {own / 'reprieve'}: choose another BENCH_DIR")
    return bench, own


def environment(own):
    """For the program and the servers: nothing of the user's own, everything below the bench's folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("REPRIEVE", "PG"))}
    return env | {"REPRIEVE_CACHE_DIR": str(own / "cache"), "REPRIEVE_STATE_DIR": str(own / "state"),
                  "XDG_CONFIG_HOME": str(own / "config"), "HOME": str(own), "LC_ALL": "C"}


def run(command, env=None, check=True, timeout=3600):
    """A command as the servers' user; its output."""
    done = subprocess.run(list(map(str, command)), cwd="/", env=env, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=timeout, **IDENTITY)
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


SPAWNED = []


def spawn(command, env=None, **keywords):
    """A command as the servers' user, in the background; killed when the bench ends."""
    process = subprocess.Popen(list(map(str, command)), cwd="/", env=env, stdin=subprocess.DEVNULL, **keywords, **IDENTITY)
    SPAWNED.append(process)
    return process


def wait_for(what, condition, timeout_s=120, pause_s=0.02):
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"waited {timeout_s} s for {what}")
        time.sleep(pause_s)


def end(process, how=signal.SIGTERM, patience_s=120):
    """Ends a process that was started here; its exit code."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        return process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise Failure(f"{process.args[0]} did not end in {patience_s} s") from None


def lsn_of(text):
    high, low = text.strip().split("/")
    return int(high, 16) << 32 | int(low, 16)


class Cluster:
    """A data directory, and the server on it."""
    running = []

    def __init__(self, data, sockets, port=None):
        self.data, self.sockets = data, sockets
        self.port = port or free_port()
        self.log = data.parent / f"{data.name}.log"

    def create(self, settings=()):
        folder(self.data)
        run([BIN / "initdb", "-D", self.data, "-k", "-A", "trust", "-U", "admin", "-E", "UTF8", "--locale=C", "--no-sync"])
        with open(self.data / "postgresql.conf", "a", encoding="ascii") as conf:
            conf.write("".join(f"{line}\n" for line in settings))

    def start_command(self, *settings):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.sockets}"
        options += "".join(f" -c {setting}" for setting in settings)
        return [BIN / "pg_ctl", "-D", self.data, "-w", "-t", "600", "-l", self.log, "-o", options, "start"]

    def start(self, *settings):
        self.log.unlink(missing_ok=True)
        Cluster.running.append(self)
        # The server keeps pg_ctl's output open, so it must not be a pipe.
        if spawn(self.start_command(*settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait() != 0:
            raise Failure(f"the server on {self.data} did not start:\n{self.end_of_log()}")

    def end_of_log(self):
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def wait_writable(self):
        wait_for("the end of recovery", lambda: self.sql("select pg_is_in_recovery()") == "f", 1800, 0.1)

    def stop(self, how="fast"):
        run([BIN / "pg_ctl", "-D", self.data, "-m", how, "-w", "-t", "600", "stop"], check=False)
        if self in Cluster.running:
            Cluster.running.remove(self)

    def sql(self, statement, database="postgres", check=True):
        done = run([BIN / "psql", "-h", "127.0.0.1", "-p", self.port, "-U", "admin", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d",
                    database, "-c", statement], check=check)
        return done.stdout.strip()

    def position(self):
        return lsn_of(self.sql("select pg_current_wal_flush_lsn()"))

    def processes(self):
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        return [postmaster, *measure.below(postmaster)]

    def died(self):
        """Its processes were killed."""
        Cluster.running.remove(self)

    @classmethod
    def stop_all(cls):
        for each in list(cls.running):
            each.stop("immediate")


class Receiver:
    """A running `reprieve wal receive`; what it says goes to a file of JSON lines."""

    def __init__(self, program, repo, url, env, says):
        self.says = says
        with open(says, "wb") as out:
            self.process = spawn([program, "--repo", repo, "--json", "wal", "receive", url], env=env, stdout=out, stderr=out)

    def stored(self):
        """How far the log is in the repository."""
        lines = self.says.read_bytes().split(b"\n")[:-1]
        for line in reversed(lines):
            before, found, after = line.partition(b'"stored":"')
            if found:
                return lsn_of(after.split(b'"')[0].decode())
        return 0

    def wait_stored(self, lsn):
        def is_there():
            if self.process.poll() is not None:
                raise Failure(f"`wal receive` ended with {self.process.returncode}: {self.says.read_text()[-2000:]}")
            return self.stored() >= lsn
        wait_for("the log in the repository", is_there, 900, 0.1)


def main_of(bench):
    """Runs a bench; whatever happens, nothing that it started stays."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        bench()
    except Failure as failure:
        print(f"failed: {failure}", file=sys.stderr)
        sys.exit(1)
    finally:
        for process in SPAWNED:
            if process.poll() is None:
                process.kill()
        Cluster.stop_all()
