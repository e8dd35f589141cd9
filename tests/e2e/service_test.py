"""Services that the host's own means start and stop: systemd units (a fake systemctl) and commands."""

import os
import pathlib
import signal
import unittest
import urllib.request

from harness import World, free_port, write

FAKES = pathlib.Path(__file__).resolve().parent / "fakes"
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
services:
  web:
    rto: 5m
    rpo: 30m
    sources: [pages]
    run: @RUN@
    health: [page]
checks:
  page: {http: "http://127.0.0.1:@PORT@/index.html", contains: Welcome, timeout: 5s, tries: 60, every: 250ms}
scenarios:
  lost:
    goal: {severity: high, rto: 10m, rpo: 30m}
    steps:
      - {id: stop, do: stop, services: [web]}
      - {id: pages, do: files.restore, source: pages, at: latest, into: side-by-side}
      - {id: swap, do: switch, of: [pages], keep_old: 7d}
      - {id: up, do: start, services: [web], gate: health}
    verify: [page]
"""


class Services(World):

    def setUp(self):
        super().setUp()
        self.port = free_port()
        for name in ("REPRIEVE_REPO", "REPRIEVE_PASSWORD_FILE"):
            del self.env[name]
        self.units = self.dir / "units"
        self.pages = self.dir / "pages"
        write(self.pages / "index.html", "<h1>Welcome</h1>")
        server = ["/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(self.pages),
                  str(self.port)]
        write(self.units / "web.service", "\n".join(server))
        self.env |= {"FAKE_UNITS": str(self.units), "PATH": f"{FAKES}:{os.environ['PATH']}",
                     "REPRIEVE_PLAN": str(self.dir / "plan/reprieve.yaml")}
        self.addCleanup(self.kill_server)

    def plan(self, run):
        text = PLAN.replace("@D@", str(self.dir)).replace("@PORT@", str(self.port)).replace("@RUN@", run)
        write(self.dir / "plan/reprieve.yaml", text)
        self.init()
        self.backup()

    def server(self):
        """The server's process id, if it lives."""
        try:
            pid = int((self.units / "web.service.pid").read_text())
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            return pid if os.fsencode(str(self.pages)) in words else None
        except (OSError, ValueError):
            return None

    def kill_server(self):
        if pid := self.server():
            os.kill(pid, signal.SIGKILL)

    def assert_recovers(self):
        self.assertEqual(self.json("recover", "lost")["outcome"], "done")
        first = self.server()
        write(self.pages / "index.html", "defaced")
        self.assertEqual(self.json("recover", "lost")["outcome"], "done")
        self.assertNotEqual(self.server(), first, "it was stopped and started")
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/index.html", timeout=10) as page:
            self.assertIn("Welcome", page.read().decode())

    def calls(self):
        return (self.units / "calls").read_text()

    def test_a_systemd_unit_is_stopped_and_started(self):
        self.plan("{systemd: web.service}")
        self.assert_recovers()
        self.assertEqual(self.calls().count("start web.service"), 2)
        self.assertEqual(self.calls().count("stop web.service"), 1)

    def test_commands_stop_and_start_a_service(self):
        fake = FAKES / "systemctl"
        status = write(self.dir / "status", f"#!/bin/sh\n{fake} show web.service | grep -q =active\n")
        status.chmod(0o755)
        self.plan(f"{{argv: {{start: [{fake}, start, web.service], stop: [{fake}, stop, web.service], "
                  f"status: [{status}]}}}}")
        self.assert_recovers()

    def test_a_unit_that_is_not_there_does_not_count_as_stopped(self):
        self.plan("{systemd: wbe.service}")
        outcome = self.reprieve("recover", "lost", code=None)
        self.assertIn(outcome.code, (1, 4))
        self.assertIn("systemd has no unit wbe.service", outcome.out + outcome.err)
        self.assertEqual((self.pages / "index.html").read_text(), "<h1>Welcome</h1>")

    def test_when_systemd_cannot_be_asked_nothing_is_touched_and_the_run_goes_on_later(self):
        self.plan("{systemd: web.service}")
        write(self.pages / "index.html", "defaced")
        write(self.units / "down", "")
        outcome = self.reprieve("recover", "lost", code=None)
        self.assertIn(outcome.code, (1, 4))
        self.assertIn("not been booted with systemd", outcome.out + outcome.err)
        self.assertEqual((self.pages / "index.html").read_text(), "defaced")
        self.assertNotIn("stop", self.calls())


if __name__ == "__main__":
    unittest.main()
