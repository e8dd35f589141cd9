"""Keys: who gets in, who no longer does, and that a key in a safe opens on the bad day."""

import pathlib
import re
import shlex
import unittest

import harness
from harness import tree_of, write

MANUAL = pathlib.Path(__file__).resolve().parents[2] / "docs" / "lost-keys.md"


class Keys(harness.World):
    def setUp(self):
        super().setUp()
        self.init()
        self.source = self.dir / "data"
        write(self.source / "file", "before " * 1000)

    def with_key(self, path):
        return {"REPRIEVE_PASSWORD_FILE": None, "REPRIEVE_KEY_FILE": str(path)}

    def add(self, name, role):
        path = self.dir / f"{name}.key"
        self.json("repo", "keys", "add", name, "--role", role, "--new-key-file", path)
        return path

    def generate(self, name):
        path = self.dir / f"{name}.key"
        made = self.json("repo", "keys", "generate", path, REPRIEVE_REPO=None)
        self.assertEqual(made["key_file"], str(path))
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        return path, made["recipient"]

    def slots(self):
        return self.json("repo", "keys")["slots"]

    def test_a_recipient_gets_in_with_a_key_file_that_never_left_his_hands(self):
        made = self.backup(self.source)
        path, recipient = self.generate("auditor")
        stranger, _ = self.generate("stranger")
        self.json("repo", "keys", "add", "auditor", "--role", "reader", "--holder", "safe 4", "--recipient", recipient)
        self.assertIn(("recipient", "reader auditor (safe 4)"), [(slot["kind"], slot["label"]) for slot in self.slots()])
        self.restore(self.source, self.dir / "out", "--at", made["point"], **self.with_key(path))
        self.assertEqual(tree_of(self.dir / "out"), tree_of(self.source))
        self.error("points", code=6, **self.with_key(stranger))
        self.error("backup", self.source, code=6, **self.with_key(path))
        wrong = recipient[:-1] + ("0" if recipient[-1] != "0" else "1")
        self.error("repo", "keys", "add", "other", "--recipient", wrong, code=2)
        self.error("repo", "keys", "add", "other", "--recipient", recipient, "--new-key-file", "x", code=2)
        self.error("repo", "keys", "generate", path, code=8)

    def test_a_revoked_readers_thief_reads_nothing_that_is_new(self):
        thief, writer, reader = self.add("thief", "reader"), self.add("web1", "writer"), self.add("auditor", "reader")
        old = self.backup(self.source, **self.with_key(writer))
        before = tree_of(self.source)
        self.json("repo", "keys", "revoke", "thief")
        rotation = self.json("repo", "keys", "rotate")
        self.assertEqual(rotation["epoch"], 2)
        self.assertEqual(rotation["members"], ["admin", "web1", "auditor"])
        self.assertEqual((rotation["left_behind"], rotation["sessions"]), ([], 0))
        write(self.source / "file", "after " * 1000)
        new = self.backup(self.source, **self.with_key(writer))
        stolen = self.with_key(thief)
        seen = self.json("points", **stolen)
        self.assertEqual([point["id"] for point in seen["points"]], [old["point"]])
        self.assertEqual(seen["sealed_off"], 1)
        self.error("restore", self.source, "--into", self.dir / "t1", "--at", new["point"], code=5, **stolen)
        answer = self.error("restore", self.source, "--into", self.dir / "t2", code=6, **stolen)
        self.assertIn("sealed", answer["error"])
        self.error("verify", "--level", "data", code=6, **stolen)
        self.assertNotEqual(self.reprieve("doctor", code=None, **stolen).code, 0)
        self.restore(self.source, self.dir / "t3", "--at", old["point"], **stolen)
        self.assertEqual(tree_of(self.dir / "t3"), before, "what it could read it still can")
        for number, key in enumerate(({}, self.with_key(reader))):
            self.restore(self.source, self.dir / f"new{number}", **key)
            self.assertEqual(tree_of(self.dir / f"new{number}"), tree_of(self.source))
            self.restore(self.source, self.dir / f"old{number}", "--at", old["point"], **key)
            self.assertEqual(tree_of(self.dir / f"old{number}"), before)
        self.assert_clean()

    def test_only_administrators_change_who_has_access(self):
        for role in ("writer", "pruner", "reader"):
            key = self.with_key(self.add(role + "1", role))
            self.error("repo", "keys", "rotate", code=6, **key)
            self.error("repo", "keys", "add", "mallory", "--role", "admin", "--new-key-file", self.dir / "m", code=6, **key)
            self.error("repo", "keys", "revoke", "admin", code=6, **key)

    def test_a_key_is_proved_and_that_is_remembered(self):
        self.backup(self.source)
        path, recipient = self.generate("escrow")
        self.json("repo", "keys", "add", "escrow", "--role", "admin", "--recipient", recipient)
        slot = next(slot for slot in self.slots() if "escrow" in slot["label"])
        self.assertIsNone(slot["proved"])
        reminded = self.json("doctor", code=None)["findings"]
        self.assertIn(("warning", "key " + slot["id"][:12]), [(f["verdict"], f["subject"]) for f in reminded])
        proof = self.json("repo", "keys", "test", slot["id"][:8], **self.with_key(path))
        self.assertEqual((proof["slot"], proof["role"], proof["read"]), (slot["id"], "admin", str(self.source)))
        self.assertIsNotNone(next(s for s in self.slots() if s["id"] == slot["id"])["proved"])
        settled = self.json("doctor", code=None)["findings"]
        self.assertIn(("ok", "key " + slot["id"][:12]), [(f["verdict"], f["subject"]) for f in settled])
        self.error("repo", "keys", "test", slot["id"][:8], code=6)  # The password opens another slot.
        self.error("repo", "keys", "test", "ffffffffffff", code=5)
        self.error("repo", "keys", "test", code=2, REPRIEVE_PASSWORD_FILE=None)

    def test_the_manual_for_lost_keys_is_true(self):
        made = self.backup(self.source)
        web1 = self.add("web1", "writer")
        self.backup(self.source, **self.with_key(web1))
        words = {"SOURCE": str(self.source)}
        admin = {}
        for section in re.split(r"^## ", MANUAL.read_text(), flags=re.M)[1:]:
            title = section.splitlines()[0]
            if title.startswith("All keys"):
                admin = {"REPRIEVE_PASSWORD_FILE": None, "XDG_CONFIG_HOME": str(self.dir / "nowhere")}
                self.error("points", code=6, **admin)
            for command in re.findall(r"^ {4,}reprieve (.*)$", section, flags=re.M):
                arguments = [words.get(word, word) for word in shlex.split(command)]
                if arguments[-1] == "SLOT":
                    for slot in self.doomed(title):
                        self.json(*arguments[:-1], slot, **admin)
                    continue
                answer = self.json(*arguments, **admin)
                if "recipient" in answer:
                    words["RECIPIENT"] = answer["recipient"]
        self.assertEqual(tree_of(self.dir / "restored"), tree_of(self.source))
        self.error("points", code=6)  # The first password opens nothing any more.
        survivors = [slot["label"] for slot in self.json("repo", "keys", **self.with_key("escrow.key"))["slots"]]
        self.assertEqual(sorted(survivors),
                         ["admin escrow (Notary Gruber, safe 4)", "admin second-admin", "writer web1-again"])
        self.backup(self.source, **self.with_key("web1-again.key"))
        self.restore(self.source, self.dir / "all", "--at", made["point"], **self.with_key("second-admin.key"))
        self.assertEqual(tree_of(self.dir / "all"), tree_of(self.source))

    def doomed(self, title):
        """The slots that a section of the manual is about."""
        label = "first key" if title.startswith("All keys") else "writer web1"
        keys = self.with_key("escrow.key")
        return [slot["id"] for slot in self.json("repo", "keys", **keys)["slots"] if slot["label"] == label]


if __name__ == "__main__":
    unittest.main()
