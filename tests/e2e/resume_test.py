"""Who resumes a recovery may be killed as well, again and again; the last one brings it to its end."""

import pathlib
import time
import unittest

from recovery_world import RecoveryWorld

KILLED_RESUMES = 4


class Resume(RecoveryWorld):

    def records(self, run):
        """How many records are in a run's journal; 0 if there is none yet."""
        try:
            return (self.dir / "state/runs" / run / "journal").read_bytes().count(b"\n")
        except OSError:
            return 0

    def runs_on_disk(self):
        folder = self.dir / "state/runs"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def kill_at(self, process, count, known):
        """Kills it as soon as its run's journal has so many records; whether it came in time."""
        deadline = time.monotonic() + self.patience_s
        while process.poll() is None and time.monotonic() < deadline:
            run = [name for name in self.runs_on_disk() if name not in known]
            if run and self.records(run[-1]) >= count:
                break
        is_killed = process.poll() is None
        self.kill(process)
        return is_killed

    def test_killed_at_each_record_and_so_are_its_resumers_it_ends_well(self):
        self.destroy()
        self.reprieve("recover", "lost")
        whole = self.records(self.runs_on_disk()[-1])
        self.assertGreater(whole, 10)
        killed_runs = killed_resumes = resumed = 0
        for at in range(1, whole, 2):
            with self.subTest(killed_at=at):
                self.destroy()
                known = self.runs_on_disk()
                killed_runs += self.kill_at(self.start("recover", "lost"), at, known)
                (run,) = set(self.runs_on_disk()) - set(known)
                for more in range(1, KILLED_RESUMES + 1):
                    count = self.records(run) + more
                    killed_resumes += self.kill_at(self.start("run", "resume", run), count, known)
                self.reprieve("run", "resume", run, code=None)
                self.assertEqual(self.runs()[-1]["outcome"], "done")
                self.assert_is_back()
                resumed += self.assert_told_whole(run)
        self.assertGreater(resumed, whole // 2, "of those that were killed at their last record nothing was left")
        self.assertGreater(killed_runs, whole // 4)
        self.assertGreater(killed_resumes, whole // 2)

    def assert_told_whole(self, run):
        """One run with all its steps over, which left no copy behind; how often it was resumed."""
        report = self.json("run", "report", run)
        self.assertLessEqual({step["state"] for step in report["steps"]}, {"done", "done-observed"})
        kept = [path for path in pathlib.Path(self.dir).glob("pages*") if path != self.pages]
        self.assertEqual(kept, [], "there was nothing to keep")
        return report["resumes"]


if __name__ == "__main__":
    unittest.main()
