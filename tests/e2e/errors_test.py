"""What goes wrong says what, to what, and what to do; its exit code is the documented one; nothing is lost by it."""

import os
import pathlib
import shutil
import socket
import subprocess
import threading
import unittest

from harness import PROGRAM, World, age, free_port, is_root, objects_of, tree_of, write

COMMANDS = (("init",), ("backup",), ("points",), ("restore",), ("verify",), ("diff",), ("plan",), ("plan", "lint"),
            ("plan", "show"), ("recover",), ("check",), ("run",), ("run", "list"), ("run", "show"), ("run", "report"),
            ("run", "watch"), ("run", "resume"), ("run", "approve"), ("run", "answer"), ("run", "abort"),
            ("run", "key"), ("status",), ("doctor",), ("repo",), ("repo", "repair"), ("repo", "kit"),
            ("repo", "keys"), ("repo", "keys", "add"), ("repo", "keys", "revoke"), ("repo", "keys", "rotate"),
            ("repo", "keys", "generate"), ("repo", "keys", "test"), ("repo", "keys", "remove"), ("repo", "erase"),
            ("repo", "stats"), ("wal",))
AS_NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--")


class Usage(World):

    def test_wrong_usage_of_wal_fetch_never_ends_a_servers_recovery(self):
        file = "000000010000000000000001"
        for words in ((file, "there"), (file,), ("--from", "a", "--source", "b", file, "there"), ("--nonsense", file, "there")):
            for mode in ((), ("--json",)):
                with self.subTest(words=words, mode=mode):
                    self.reprieve(*mode, "wal", "fetch", *words, code=200)
        self.reprieve("wal", "receive", code=2)

    def test_every_command_explains_itself_with_an_example(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                outcome = self.reprieve(*command, "--help")
                self.assertRegex(outcome.out, r"Example")
                self.assertRegex(outcome.out, r"(?m)^  (reprieve|restore_command|export)")
        top = self.reprieve("--help").out
        self.assertIn("Exit codes", top)
        for command in {command[0] for command in COMMANDS}:
            self.assertRegex(top, rf"(?m)^  {command} ")
        self.assertRegex(self.reprieve("--version").out, r"reprieve \d+\.\d+\.\d+")

    def test_wrong_usage_exits_with_2_and_says_what_is_wrong(self):
        for words in ((), ("frob",), ("backup", "--frob"), ("restore",), ("restore", "x"), ("diff", "one"),
                      ("run",), ("run", "answer", "r", "s", "perhaps"), ("backup", "--compression", "99"),
                      ("verify", "--level", "frob"), ("restore", "x", "--into", "y", "--at", "a", "--to-time", "b")):
            with self.subTest(words=words):
                outcome = self.reprieve(*words, code=2)
                self.assertTrue(outcome.err)
                self.assertEqual(self.error(*words, code=2)["kind"], "invalid")


class Errors(World):

    def setUp(self):
        super().setUp()
        self.init()
        self.data = self.dir / "data"
        write(self.data / "a", "precious")
        write(self.data / "b", os.urandom(100_000))
        age(self.data)
        self.point = self.backup(self.data)
        self.before = objects_of(self.repo)

    def denied_error(self, *arguments, **keywords):
        return self.error(*arguments, code=6, **keywords)

    def assert_nothing_lost(self):
        now = objects_of(self.repo)
        for key, content in self.before.items():
            self.assertTrue(now.get(key) == content, f"{key} is not what it was")
        self.restore(self.data, self.dir / "whole", "--at", self.point["point"])
        self.assertEqual(tree_of(self.dir / "whole"), tree_of(self.data))
        self.assert_clean()

    def test_a_wrong_password_is_denied_and_says_so(self):
        wrong = write(self.dir / "wrong", "horse correct\n")
        for command in (("points",), ("backup", self.data), ("restore", self.data, "--into", self.dir / "out")):
            answer = self.error(*command, code=6, REPRIEVE_PASSWORD_FILE=str(wrong))
            self.assertEqual(answer["kind"], "denied")
            self.assertIn("password", answer["hint"])
            self.assertNotIn("horse", str(answer))
        self.assertFalse((self.dir / "out").exists())
        self.assert_nothing_lost()

    def test_a_missing_repository_is_not_found_and_is_not_made(self):
        for command in (("points",), ("backup", self.data), ("restore", self.data, "--into", self.dir / "out"),
                        ("verify",), ("verify", "--level", "shards"), ("repo", "repair")):
            answer = self.error(*command, code=5, REPRIEVE_REPO=str(self.dir / "nowhere"))
            self.assertEqual(answer["kind"], "not-found")
        self.assertFalse((self.dir / "nowhere").exists())

    def test_a_repository_is_not_made_over_another(self):
        answer = self.error("init", code=8)
        self.assertEqual(answer["kind"], "conflict")
        self.assert_nothing_lost()

    def test_an_unknown_point_or_source_is_not_found_and_the_newest_is_named(self):
        answer = self.error("restore", self.data, "--at", "nosuch", "--into", self.dir / "out", code=5)
        self.assertIn(self.point["point"][:8], answer["hint"])
        self.error("restore", "/no/such/source", "--into", self.dir / "out", code=5)
        self.error("verify", "0123456789abcdef", code=5)
        self.error("diff", "latest", "0123456789abcdef", code=5)
        self.error("backup", self.dir / "no-such-folder", code=5)
        self.assertFalse((self.dir / "out").exists())
        self.assert_nothing_lost()

    def test_a_plan_with_typos_names_line_column_and_the_nearest_word(self):
        write(self.dir / "reprieve.yaml", "reprieve: 1\nplan: shop\nsources:\n  data: {type: fils, path: /srv}\n"
                     "storage:\n  near: {url: \"file:///srv/repo\"}\nscenaros: {}\nservices:\n"
                     "  web: {sources: [dat], nedes: []}\n")
        outcome = self.reprieve("plan", "lint", code=2)
        for place, word in (("4:", "files"), ("7:1", "scenarios"), ("9:", "data"), ("9:", "needs")):
            self.assertRegex(outcome.err + outcome.out, rf"(?m)reprieve\.yaml:{place}.*(\n.*)?{word}")
        answer = self.json("plan", "lint", code=2)
        self.assertIn("scenarios", str(answer))
        # No other command uses half a plan.
        self.reprieve("backup", code=2)
        self.reprieve("recover", "x", code=2)

    def test_a_server_that_does_not_answer_is_worth_a_try_later(self):
        answer = self.error("backup", f"postgres://backup@127.0.0.1:{free_port()}/shop", code=1)
        self.assertEqual(answer["kind"], "transient")
        self.assertIn("runs", answer["hint"])
        self.assert_nothing_lost()

    def test_a_server_that_says_nonsense_ends_in_an_error_and_not_in_a_hang(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def talk():
                while True:
                    try:
                        client, _ = listener.accept()
                    except OSError:
                        return
                    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    client.close()
            threading.Thread(target=talk, daemon=True).start()
            outcome = self.reprieve("backup", f"postgres://u@127.0.0.1:{listener.getsockname()[1]}/d", code=None)
            self.assertIn(outcome.code, (1, 2, 7), outcome)
            listener.shutdown(socket.SHUT_RDWR)

    @unittest.skipUnless(is_root() and shutil.which("setpriv"), "needs root to become another user")
    def test_who_may_not_read_or_write_is_denied(self):
        self.dir.chmod(0o755)
        program = self.dir / "reprieve"
        shutil.copy(PROGRAM, program)
        program.chmod(0o755)
        mine = self.dir / "nobody"
        mine.mkdir()
        os.chown(mine, 65534, 65534)
        self.password.chmod(0o644)
        nobody = {"REPRIEVE_STATE_DIR": str(mine / "state"), "REPRIEVE_CACHE_DIR": str(mine / "cache"),
                  "XDG_CONFIG_HOME": str(mine / "config"), "HOME": str(mine), "prefix": AS_NOBODY, "program": program}
        # The repository is root's alone.
        self.denied_error("points", **nobody)
        self.denied_error("backup", self.data, **nobody)
        self.denied_error("init", REPRIEVE_REPO=str(self.dir / "theirs"), **nobody)
        subprocess.run(["chmod", "-R", "a+rX", str(self.repo)], check=True)
        self.denied_error("backup", self.data, **nobody)
        self.denied_error("restore", self.data, "--into", self.dir / "out", **nobody)
        self.assertFalse((self.dir / "out").exists())
        # What may be read may be restored, save for its owner.
        self.json("restore", self.data, "--into", mine / "out", "--only", "a", code=3, **nobody)
        self.assertEqual((mine / "out/a").read_text(), "precious")
        self.assert_nothing_lost()

    @unittest.skipUnless(is_root() and shutil.which("setpriv"), "needs root to become another user")
    def test_a_file_that_may_not_be_read_is_named_and_the_rest_is_kept(self):
        theirs = self.dir / "theirs"
        for name in ("open", "closed"):
            write(theirs / name, name)
        self.dir.chmod(0o755)
        program = self.dir / "reprieve"
        shutil.copy(PROGRAM, program)
        program.chmod(0o755)
        (theirs / "closed").chmod(0o600)
        repo = self.dir / "nobody/repo"
        repo.parent.mkdir()
        os.chown(repo.parent, 65534, 65534)
        self.password.chmod(0o644)
        nobody = {"REPRIEVE_REPO": str(repo), "REPRIEVE_STATE_DIR": str(repo.parent / "state"),
                  "REPRIEVE_CACHE_DIR": str(repo.parent / "cache"), "XDG_CONFIG_HOME": str(repo.parent / "config"),
                  "HOME": str(repo.parent), "prefix": AS_NOBODY, "program": program}
        self.reprieve("init", **nobody)
        point = self.backup(theirs, code=3, **nobody)
        self.assertEqual([(problem["kind"], pathlib.Path(problem["path"]).name) for problem in point["problems"]],
                         [("unreadable", "closed")])
        self.json("restore", theirs, "--into", repo.parent / "out", code=None, **nobody)
        self.assertEqual((repo.parent / "out/open").read_text(), "open")


@unittest.skipUnless(is_root(), "needs root to mount a small file system")
class FullDisk(World):

    def setUp(self):
        super().setUp()
        self.small = self.dir / "small"
        self.small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(self.small)],
                                 capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("a tmpfs cannot be mounted here: " + mounted.stderr.decode())
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.small)], check=False)
        self.data = self.dir / "data"
        write(self.data / "a", os.urandom(1_000_000))
        age(self.data)

    def test_of_the_repository_is_said_and_what_was_there_stays(self):
        self.env["REPRIEVE_REPO"] = str(self.small / "repo")
        self.init()
        first = self.backup(self.data)
        big = self.dir / "big"
        for number in range(30):
            write(big / str(number), os.urandom(1_000_000))
        answer = self.error("backup", big, code=9)
        self.assertEqual(answer["kind"], "exhausted")
        self.assertEqual([point["id"] for point in self.points()], [first["point"]])
        self.restore(self.data, self.dir / "out")
        self.assert_same_trees(self.data, self.dir / "out")
        self.assert_clean()
        # With room again, it goes on.
        subprocess.run(["mount", "-o", "remount,size=80m", str(self.small)], check=True)
        self.backup(big)
        self.restore(big, self.dir / "big-out")
        self.assert_same_trees(big, self.dir / "big-out")
        self.assert_clean()

    def test_of_the_target_is_said_and_the_restore_goes_on_with_room(self):
        self.init()
        big = self.dir / "big"
        for number in range(30):
            write(big / str(number), os.urandom(1_000_000))
        self.backup(big)
        answer = self.error("restore", big, "--into", self.small / "out", code=9)
        self.assertEqual(answer["kind"], "exhausted")
        subprocess.run(["mount", "-o", "remount,size=80m", str(self.small)], check=True)
        self.restore(big, self.small / "out")
        self.assert_same_trees(big, self.small / "out")

    def test_of_the_caches_harms_no_backup(self):
        write(self.small / "filler", bytes(19_000_000))
        subprocess.run(["dd", "if=/dev/zero", f"of={self.small}/rest", "bs=4096"], capture_output=True, check=False)
        self.init()
        self.backup(self.data, REPRIEVE_CACHE_DIR=str(self.small / "cache"))
        self.restore(self.data, self.dir / "out", REPRIEVE_CACHE_DIR=str(self.small / "cache"))
        self.assert_same_trees(self.data, self.dir / "out")


if __name__ == "__main__":
    unittest.main()
