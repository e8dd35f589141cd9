"""A web site with its plan, which tests destroy and recover."""

import os
import pathlib
import shutil
import signal
import urllib.request

from harness import World, age, free_port, tree_of, write

PLAN = """\
reprieve: 1
plan: site
owner: ops
secrets:
  repository: {from: "file:@D@/keys/repository.key"}
storage:
  near: {url: "file://@D@/repo", key: repository}
sources:
  pages: {type: files, path: "@D@/pages"}
backup:
  - {sources: [pages], every: 15m, keep: {within: 2d}}
services:
  web:
    rto: 5m
    rpo: 30m
    sources: [pages]
    run:
      process:
        argv: [/usr/bin/python3, "-m", http.server, "--bind", 127.0.0.1, "--directory", "@D@/pages", "@PORT@"]
        cwd: "@D@"
        log: "@D@/web.log"
    health: [page]
checks:
  page: {http: "http://127.0.0.1:@PORT@/index.html", contains: Welcome, timeout: 5s, tries: 60, every: 250ms}
  glance: {http: "http://127.0.0.1:@PORT@/index.html", timeout: 5s}
  sign: {file: "@D@/sign"}
people:
  ana: {key: "@ANA@"}
roles:
  ops: [ana]
scenarios:
  lost:
    goal: {severity: high, rto: 10m, rpo: 30m}
    steps:
      - {id: stop, do: stop, services: [web]}
      - {id: pages, do: files.restore, source: pages, at: latest, into: side-by-side}
      - {id: swap, do: switch, of: [pages], keep_old: 7d}
      - {id: up, do: start, services: [web], gate: health}
      - {id: prove, do: check, run: [page]}
    verify: [page]
  careful:
    goal: {severity: high, rto: 10m, rpo: 30m}
    steps:
      - {id: stop, do: stop, services: [web]}
      - {id: pages, do: files.restore, source: pages, at: latest, into: side-by-side}
      - {id: ok, do: approve, by: [ops], binds: [pages], text: "Switch to {pages.point}?", timeout: 10m}
      - {id: swap, do: switch, of: [pages], keep_old: 7d}
      - {id: up, do: start, services: [web], gate: health}
    verify: [page]
  doubtful:
    goal: {severity: low, rto: 10m, rpo: 30m}
    steps:
      - {id: signed, do: check, run: [sign], on_fail: ask}
      - {id: up, do: start, services: [web], gate: health}
    verify: [page]
"""


class RecoveryWorld(World):
    plan = PLAN

    def setUp(self):
        super().setUp()
        self.port = free_port()
        for name in ("REPRIEVE_REPO", "REPRIEVE_PASSWORD_FILE"):
            del self.env[name]
        self.env["REPRIEVE_PLAN"] = str(self.dir / "plan/reprieve.yaml")
        self.addCleanup(self.stop_ours)
        (self.dir / "keys").mkdir()
        self.ana = self.dir / "keys/ana.key"
        public_key = self.json("run", "key", self.ana)["public_key"]
        text = self.plan.replace("@D@", str(self.dir)).replace("@PORT@", str(self.port)).replace("@ANA@", public_key)
        write(self.dir / "plan/reprieve.yaml", text)
        self.pages = self.dir / "pages"
        write(self.pages / "index.html", "<h1>Welcome</h1>")
        for number in range(50):
            write(self.pages / f"item/{number}", os.urandom(50_000))
        age(self.pages)
        self.want = tree_of(self.pages)
        self.init()
        self.backup()

    def servers(self):
        """Process ids of our web server."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if words[:3] == [b"/usr/bin/python3", b"-m", b"http.server"] and os.fsencode(self.pages) in words:
                found.append(int(path.parent.name))
        return found

    def stop_ours(self):
        """Whatever runs with our folder in its command line."""
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if os.fsencode(str(self.dir)) in path.read_bytes() and int(path.parent.name) != os.getpid():
                    os.kill(int(path.parent.name), signal.SIGKILL)
            except (OSError, ValueError):
                continue

    def destroy(self):
        for server in self.servers():
            os.kill(server, signal.SIGKILL)
        self.wait_for("the server's end", lambda: not self.servers())
        shutil.rmtree(self.pages, ignore_errors=True)

    def page(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/index.html", timeout=10) as answer:
            return answer.read().decode()

    def assert_is_back(self):
        self.assertIn("Welcome", self.page())
        self.assertEqual(tree_of(self.pages), self.want)
        self.assertEqual(len(self.servers()), 1, "started once")

    def runs(self):
        return self.json("run", "list")["runs"]
