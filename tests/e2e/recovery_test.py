"""A plan's scenario brings a destroyed service back: through crashes, questions, approvals and failures."""

import os
import pathlib
import random
import shutil
import signal
import time
import unittest
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
KILLS = 10


class Recovery(World):

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
        text = PLAN.replace("@D@", str(self.dir)).replace("@PORT@", str(self.port)).replace("@ANA@", public_key)
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

    def test_a_dry_run_shows_the_calls_and_changes_nothing(self):
        self.destroy()
        before = {path for path in self.dir.rglob("*") if "cache" not in path.parts}
        answer = self.json("recover", "lost", "--dry-run")
        self.assertEqual([step["step"] for step in answer["steps"]][:5], ["stop", "pages", "swap", "up", "prove"])
        self.assertIn("http.server", str(answer))
        self.assertEqual({path for path in self.dir.rglob("*") if "cache" not in path.parts}, before)
        self.assertEqual(self.runs(), [])

    def test_a_lost_site_is_back_and_the_report_says_how_long_it_took(self):
        self.reprieve("check", "glance", code=1)
        self.destroy()
        answer = self.json("recover", "lost", "--reason", "a <script> test")
        self.assertEqual(answer["outcome"], "done")
        self.assertEqual(answer["measures"]["recovery_time"]["verdict"], "met")
        self.assert_is_back()
        run = self.runs()[0]
        self.assertEqual((run["scenario"], run["outcome"]), ("lost", "done"))
        self.assertIn("lost", self.reprieve("run", "list").out)
        for command in ("show", "report", "watch"):
            self.assertIn("swap", self.reprieve("run", command, run["id"]).out)
        page = self.reprieve("run", "report", run["id"], "--html").out
        self.assertIn("<html", page.lower())
        self.assertNotIn("<script> test", page)
        self.assertNotIn("http://", page.replace(f"http://127.0.0.1:{self.port}", ""), "the page needs no network")
        self.error("run", "show", "r1999", code=5)
        self.reprieve("check", "page", "glance")
        status = self.json("status", code=None)
        self.assertTrue(status)

    def test_a_recovery_of_what_is_not_lost_keeps_the_old_state_aside(self):
        write(self.pages / "index.html", "Welcome, but defaced")
        self.json("recover", "lost")
        self.assert_is_back()
        kept = [path for path in self.dir.rglob("index.html") if "defaced" in path.read_text()]
        self.assertEqual(len(kept), 1, "what was switched away is kept")

    def test_killed_at_any_moment_it_resumes_to_the_end_and_starts_nothing_twice(self):
        moments = random.Random(5)
        self.destroy()
        started = time.monotonic()
        self.reprieve("recover", "lost")
        whole = time.monotonic() - started
        cut = 0
        for _ in range(KILLS):
            self.destroy()
            known = len(self.runs())
            process = self.start("recover", "lost")
            time.sleep(moments.uniform(0.05, whole))
            cut += process.poll() is None
            self.kill(process)
            if len(self.runs()) == known:
                self.reprieve("recover", "lost")  # It was killed before there was a run.
            elif self.runs()[-1]["outcome"] != "done":
                self.reprieve("run", "resume")
            self.assertEqual(self.runs()[-1]["outcome"], "done")
            self.assert_is_back()
        self.assertGreater(cut, KILLS // 3)

    def test_what_was_started_survives_the_one_who_started_it(self):
        self.destroy()
        process = self.start("recover", "lost")
        self.wait_for("the server", self.servers)
        self.kill(process)
        server = self.servers()
        self.reprieve("run", "resume")
        self.assertEqual(self.servers(), server)
        self.assert_is_back()

    def test_it_waits_for_an_approval_and_takes_only_a_right_one(self):
        self.destroy()
        self.reprieve("recover", "careful", code=4)
        run = self.runs()[-1]["id"]
        self.assertFalse(self.pages.exists(), "nothing is switched before somebody said so")
        self.assertIn("approve", self.reprieve("run", "resume", run, code=4).out)
        stranger = self.dir / "keys/stranger.key"
        self.json("run", "key", stranger)
        self.reprieve("run", "approve", run, "ok", "--as", "ana", "--key", stranger, code=None)
        self.reprieve("run", "resume", run, code=4)
        self.assertFalse(self.pages.exists(), "a wrong key opens nothing")
        self.error("run", "approve", run, "swap", "--as", "ana", "--key", self.ana, code=5)
        self.reprieve("run", "approve", run, "ok", "--as", "ana", "--key", self.ana, "--reason", "looked at it")
        self.reprieve("run", "resume", run)
        self.assert_is_back()
        self.assertIn("looked at it", str(self.json("run", "report", run)["people"]))

    def test_who_says_no_ends_it_with_nothing_switched(self):
        self.destroy()
        self.reprieve("recover", "careful", code=4)
        run = self.runs()[-1]["id"]
        self.reprieve("run", "approve", run, "ok", "--as", "ana", "--key", self.ana, "--reject")
        self.reprieve("run", "resume", run, code=1)
        self.assertFalse(self.pages.exists())

    def test_a_failed_check_asks_and_an_answer_goes_on(self):
        self.reprieve("recover", "doubtful", code=4)
        run = self.runs()[-1]["id"]
        self.assertEqual(self.servers(), [])
        self.reprieve("run", "answer", run, "signed", "retry", "--reason", "signing now")
        self.reprieve("run", "resume", run, code=4)
        write(self.dir / "sign", "signed")
        self.reprieve("run", "answer", run, "signed", "retry")
        self.reprieve("run", "resume", run)
        self.assert_is_back()

    def test_checks_lint_show_status_and_doctor_speak_to_machines(self):
        self.assertEqual(self.json("check", "glance", code=1)["schema"], "reprieve.check/1")
        self.error("check", "nosuch", code=5)
        lint = self.json("plan", "lint", code=None)
        self.assertIn("switch-without-check", str(lint))
        self.assertRegex(str(self.json("plan", "show")), r"[0-9a-f]{64}")
        self.assertIn("pages", str(self.json("status", code=None)))
        self.json("doctor", code=None)
        self.error("recover", "nosuch", code=2)


if __name__ == "__main__":
    unittest.main()
