"""A plan's scenario brings a destroyed service back: through crashes, questions, approvals and failures."""

import pathlib
import random
import shutil
import time
import unittest

from harness import write
from recovery_world import RecoveryWorld

KILLS = 10


class Recovery(RecoveryWorld):

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
        self.assertEqual([row["run"] for row in status["scenarios"]], [run["id"], None, None])
        self.assertIsNotNone(status["plan"])

    def test_a_recovery_of_what_is_not_lost_keeps_the_old_state_aside(self):
        write(self.pages / "index.html", "Welcome, but defaced")
        self.json("recover", "lost")
        self.assert_is_back()
        kept = [path for path in self.dir.rglob("index.html") if "defaced" in path.read_text()]
        self.assertEqual(len(kept), 1, "what was switched away is kept")
        copy = self.json("run", "clean")["copies"][0]
        self.assertIn("kept until", copy["fate"])
        self.assertTrue(kept[0].exists(), "its seven days are not over")

    def test_an_old_copy_goes_once_its_time_is_over_and_nothing_else_does(self):
        plan = self.dir / "plan/reprieve.yaml"
        plan.write_text(plan.read_text().replace("keep_old: 7d", "keep_old: 1s"))
        self.json("recover", "lost")
        time.sleep(1.1)
        path = pathlib.Path(self.json("run", "clean", "--dry-run")["copies"][0]["path"])
        aside = path.rename(self.dir / "aside")
        write(path / "mine", "somebody else's")
        self.assertIn("left alone", self.json("run", "clean")["copies"][0]["fate"])
        self.assertTrue((path / "mine").exists())
        shutil.rmtree(path)
        aside.rename(path)
        self.assertTrue(self.json("run", "clean")["copies"][0]["removed"])
        self.assertFalse(path.exists())
        self.assertEqual(self.json("run", "clean")["copies"], [])
        self.assert_is_back()

    def bytes_journalled(self):
        return sum(path.stat().st_size for path in (self.dir / "state").rglob("journal"))

    def test_killed_at_any_moment_it_resumes_to_the_end_and_starts_nothing_twice(self):
        moments = random.Random(5)
        self.destroy()
        self.reprieve("recover", "lost")
        whole = self.bytes_journalled()
        cut = 0
        for _ in range(KILLS):
            self.destroy()
            known = len(self.runs())
            moment = self.bytes_journalled() + moments.uniform(0, whole)
            process = self.start("recover", "lost")
            while process.poll() is None and self.bytes_journalled() < moment:
                time.sleep(0.001)
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
        self.error("recover", "nosuch", code=5)


if __name__ == "__main__":
    unittest.main()
