"""What a command writes is kept as a file; a command that fails leaves no recovery point behind."""

import signal
import unittest

from harness import World, write


class FromCommand(World):

    def setUp(self):
        super().setUp()
        self.init()

    def back_up(self, *command, name="dump", code=0):
        return self.json("backup", "--stdin-from-command", name, "--", *command, code=code)

    def test_the_output_comes_back_as_it_was(self):
        made = self.back_up("seq", "1", "300000")["backups"][0]
        self.assertEqual(made["source"], "dump")
        self.restore("dump", self.dir / "out")
        want = "".join(f"{number}\n" for number in range(1, 300_001))
        self.assertEqual((self.dir / "out/dump").read_text(), want)
        self.assertEqual(self.points("dump")[0]["kind"], "command")

    def test_of_the_same_output_nothing_is_stored_twice(self):
        self.back_up("seq", "1", "300000")
        again = self.back_up("seq", "1", "300000")["backups"][0]
        self.assertEqual(again["bytes_new"] // 4096, 0)

    def test_arguments_reach_the_command_as_they_are(self):
        self.back_up("printf", "%s", "--json -q $HOME 'x'")
        self.restore("dump", self.dir / "out")
        self.assertEqual((self.dir / "out/dump").read_text(), "--json -q $HOME 'x'")

    def test_an_empty_output_is_kept_too(self):
        self.back_up("true")
        self.restore("dump", self.dir / "out")
        self.assertEqual((self.dir / "out/dump").read_bytes(), b"")

    def test_a_command_that_fails_after_it_wrote_fails_the_backup(self):
        script = write(self.dir / "half", "#!/bin/sh\nseq 1 100000\nexit 3\n")
        script.chmod(0o755)
        told = self.error("backup", "--stdin-from-command", "dump", "--", script, code=2)
        self.assertIn("exit code 3", told["error"])
        self.assertEqual(self.points(), [])

    def test_a_command_that_is_killed_fails_the_backup(self):
        told = self.error("backup", "--stdin-from-command", "dump", "--", "sh", "-c", "echo x; kill -9 $$", code=2)
        self.assertIn("signal 9", told["error"])
        self.assertEqual(self.points(), [])

    def test_what_is_missing_is_said(self):
        self.error("backup", "--stdin-from-command", "dump", "--", "/no/such/program", code=5)
        self.error("backup", "--stdin-from-command", "dump", code=2)
        self.error("backup", "--stdin-from-command", "a/b", "--", "true", code=2)

    def test_a_silent_command_ends_when_the_backup_is_stopped(self):
        marker = self.dir / "ended"
        script = write(self.dir / "silent", f"#!/bin/sh\ntrap 'touch {marker}; exit' TERM\ntouch {marker}.begun\nwhile :; do sleep 0.1; done\n")
        script.chmod(0o755)
        process = self.start("backup", "--stdin-from-command", "dump", "--", script)
        self.wait_for("the command", (self.dir / "ended.begun").exists)
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).code, 130)
        self.assertTrue(marker.exists(), "it was told to end, and waited for")


if __name__ == "__main__":
    unittest.main()
