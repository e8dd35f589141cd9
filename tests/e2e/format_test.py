"""A repository of a format that this program does not know is refused by name, and nothing in it is touched."""

import struct
import unittest

from harness import World, age, objects_of, write
from repository_keys import HEADER, KIND_CONFIG, SIGNATURE, TWIN_ALIGNMENT, first_copy, root_seed, signed_record, twin

REPOSITORY_ID = 16


def with_version(body, version):
    assert struct.unpack_from("<I", body, REPOSITORY_ID) == (1,)
    return body[:REPOSITORY_ID] + struct.pack("<I", version) + body[REPOSITORY_ID + 4:]


def with_required_feature(body, name):
    """The list of required features follows id, version, number, previous config and time; it is empty in format 1."""
    at = REPOSITORY_ID + 4 + 8 + 32 + 8
    assert body[at] == 0
    return body[:at] + bytes((1, len(name))) + name + body[at + 1:]


class Format(World):

    def setUp(self):
        super().setUp()
        key_file = self.dir / "admin.key"
        self.reprieve("init", "--new-key-file", key_file)
        self.seed = root_seed(self.repo, key_file)
        self.data = self.dir / "data"
        write(self.data / "a", "precious")
        age(self.data)
        self.point = self.backup(self.data)
        (self.config,) = (self.repo / "config").iterdir()
        self.original = self.config.read_bytes()
        self.body = first_copy(self.original)[HEADER.size:-SIGNATURE]
        self.assertEqual(twin(signed_record(KIND_CONFIG, self.body, self.seed)), self.original)
        self.config.chmod(0o600)

    def commands(self):
        return (("backup", self.data), ("points",), ("restore", self.data, "--into", self.dir / "out"),
                ("verify", "--level", "list"), ("verify", "--level", "shards"), ("verify", "--level", "data"),
                ("verify", self.point["point"]), ("diff", "latest", self.point["point"]), ("repo", "repair"),
                ("repo", "stats"), ("repo", "keys"), ("repo", "kit"))

    def assert_every_command_refuses(self, what):
        before = objects_of(self.repo)
        for keyed in (True, False):
            # The shards are verified without a key as well.
            commands = self.commands() if keyed else (("verify", "--level", "shards"),)
            for command in commands:
                with self.subTest(command=command, keyed=keyed):
                    keys = {} if keyed else {"REPRIEVE_PASSWORD_FILE": None}
                    answer = self.error(*command, code=2, **keys)
                    self.assertEqual(answer["kind"], "invalid")
                    self.assertIn(what, answer["error"])
                    self.assertRegex(answer["hint"], "newer version of reprieve")
        self.error("init", code=8)
        self.assertEqual(objects_of(self.repo), before)
        self.assertFalse((self.dir / "out").exists())

    def assert_it_is_whole_again(self):
        self.config.write_bytes(self.original)
        self.restore(self.data, self.dir / "whole")
        self.assert_same_trees(self.data, self.dir / "whole")
        self.assert_clean()

    def test_a_newer_format_version_is_named_with_the_remedy(self):
        self.config.write_bytes(twin(signed_record(KIND_CONFIG, with_version(self.body, 2), self.seed)))
        self.assert_every_command_refuses("format 2")
        self.assert_it_is_whole_again()

    def test_a_required_feature_that_is_unknown_is_named_with_the_remedy(self):
        body = with_required_feature(self.body, b"lunar-parity")
        self.config.write_bytes(twin(signed_record(KIND_CONFIG, body, self.seed)))
        self.assert_every_command_refuses("lunar-parity")
        self.assert_it_is_whole_again()

    def test_an_upgrade_beside_the_old_config_counts(self):
        upgraded = self.config.parent / f"{int(self.config.name) + 1:08}"
        body = bytearray(with_version(self.body, 2))
        struct.pack_into("<Q", body, REPOSITORY_ID + 4, int(upgraded.name))
        upgraded.write_bytes(twin(signed_record(KIND_CONFIG, bytes(body), self.seed)))
        self.assert_every_command_refuses("format 2")
        upgraded.unlink()
        self.assert_it_is_whole_again()

    def test_flipped_bits_do_not_pass_for_a_newer_format(self):
        """In one copy they harm nobody; in both they are damage, for whoever has a key."""
        half = len(self.original) // 2
        self.assertEqual(half % TWIN_ALIGNMENT, 0)
        at = HEADER.size + REPOSITORY_ID + 1  # Makes version 257.
        for copies in ((0,), (half,), (0, half)):
            damaged = bytearray(self.original)
            for copy in copies:
                damaged[copy + at] ^= 1
            self.config.write_bytes(damaged)
            with self.subTest(copies=copies):
                if len(copies) == 2:
                    answer = self.error("points", code=7)
                    self.assertNotIn("newer", answer["hint"])
                    continue
                self.assertEqual(len(self.points()), 1)
                out = self.dir / f"out-{copies[0]}"
                self.restore(self.data, out)
                self.assert_same_trees(self.data, out)
        self.assert_it_is_whole_again()


if __name__ == "__main__":
    unittest.main()
