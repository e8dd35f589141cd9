"""What a recovery takes is chosen on the command line: `--at` a recovery point, `--set` an input of the scenario."""

import os
import time
import unittest

from harness import age, tree_of, write
from recovery_world import PLAN, RecoveryWorld

SCENARIOS = """\
  chosen:
    goal: {severity: high, rto: 10m, rpo: 30m}
    params:
      point: {type: recovery-point, of: pages, default: latest}
      greeting: {type: string, default: nothing}
      proof: {type: boolean, default: true}
    steps:
      - {id: stop, do: stop, services: [web]}
      - {id: pages, do: files.restore, source: pages, at: "{params.point}", into: side-by-side}
      - {id: swap, do: switch, of: [pages], keep_old: 7d}
      - {id: greet, do: run, argv: [/usr/bin/touch, "@D@/greeting-{params.greeting}"], idempotent: true}
      - {id: up, do: start, services: [web], gate: health}
      - {id: prove, do: check, run: [page], when: "{params.proof}"}
    verify: [page]
"""


class Choice(RecoveryWorld):
    plan = PLAN + SCENARIOS

    def setUp(self):
        super().setUp()
        first = self.points()[0]
        self.states = [(first["data_time"], first["id"], self.want)]
        for number in (2, 3):
            time.sleep(1.1)  # So that a time in seconds lies between two points.
            write(self.pages / "index.html", f"<h1>Welcome, number {number}</h1>")
            write(self.pages / f"only-in-{number}", os.urandom(1000))
            age(self.pages)
            point = self.backup()
            self.states.append((point["data_time"], point["point"], tree_of(self.pages)))

    def assert_recovers(self, state, *options):
        self.destroy()
        self.json("recover", "chosen", *options)
        self.want = self.states[state][2]
        self.assert_is_back()
        report = self.json("run", "report", self.runs()[-1]["id"])
        outputs = next(step["outputs"] for step in report["steps"] if step["id"] == "pages")
        self.assertEqual(outputs["point"], self.states[state][1])

    def test_without_a_word_it_is_the_newest(self):
        self.assert_recovers(2)

    def test_a_time_takes_the_last_point_before_it(self):
        for state in (0, 1, 2):
            at = self.states[state][0]
            with self.subTest(at=at):
                self.assert_recovers(state, "--at", at)
        between = self.states[1][0].split(".")[0].rstrip("Z") + "Z"
        # Whole seconds: before the second point, and after the first.
        self.assertLess(self.states[0][0], between)
        self.assert_recovers(0, "--at", between)

    def test_an_id_its_beginning_and_before_a_time_are_points(self):
        second = self.states[1]
        self.assert_recovers(1, "--at", second[1])
        self.assert_recovers(1, "--at", second[1][:12])
        self.assert_recovers(0, "--at", "before " + second[0])

    def test_set_overrides_an_input_and_is_the_longer_word_for_at(self):
        self.assert_recovers(0, "--set", f"point={self.states[0][1]}", "--set", "greeting=moin", "--set", "proof=false")
        self.assertTrue((self.dir / "greeting-moin").exists())
        report = self.json("run", "report", self.runs()[-1]["id"])
        self.assertEqual(report["params"]["greeting"], "moin")
        self.assertIn("skipped", next(step["state"] for step in report["steps"] if step["id"] == "prove"))
        # What the command line chose, the dry run shows.
        dry = self.json("recover", "chosen", "--dry-run", "--set", "greeting=servus", "--at", self.states[1][0])
        self.assertIn("greeting-servus", str(dry))
        self.assertIn(self.states[1][1], str(dry))

    def test_a_time_before_all_points_is_not_found_and_nothing_is_touched(self):
        before = tree_of(self.pages)
        for command in (("recover", "chosen", "--at", "2001-01-01T00:00:00Z"),
                        ("recover", "chosen", "--set", "point=2001-01-01T00:00:00Z")):
            with self.subTest(command=command):
                answer = self.error(*command, code=5)
                self.assertEqual(answer["kind"], "not-found")
                self.assertRegex(answer["hint"], "points")
                self.assertEqual(tree_of(self.pages), before)
                self.assertEqual(self.servers(), [])
                self.assertEqual(self.runs(), [])

    def test_what_cannot_be_chosen_is_refused_before_anything_happens(self):
        before = tree_of(self.pages)
        for code, *options in ((2, "--set", "greting=moin"), (2, "--set", "greeting"), (2, "--set", "proof=perhaps"),
                               (2, "--at", "the day before yesterday, perhaps"), (5, "--at", "no-such-point")):
            with self.subTest(options=options):
                self.assertTrue(self.error("recover", "chosen", *options, code=code)["hint"])
        self.error("recover", "lost", "--at", self.states[0][0], code=2)
        self.assertEqual(self.runs(), [])
        self.assertEqual(tree_of(self.pages), before)


if __name__ == "__main__":
    unittest.main()
