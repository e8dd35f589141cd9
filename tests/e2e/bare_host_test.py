"""A machine with nothing but the C library, the repository and a key: the kit brings everything back."""

import os
import pathlib
import shutil
import subprocess
import unittest

from harness import World, age, is_root, tree_of, write

C_LIBRARY = ("ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libresolv.so.2")


class BareHost(World):

    def setUp(self):
        super().setUp()
        self.data = self.dir / "data"
        for number in range(20):
            write(self.data / f"folder/{number}", os.urandom(20_000))
        age(self.data)
        self.reprieve("init", "--new-key-file", self.dir / "kit.key")
        self.backup(self.data)

    def bare_root(self):
        """A root folder with the C library, the repository, the key, and what the kit unpacks."""
        root = self.dir / "bare"
        libraries = root / "lib/x86_64-linux-gnu"
        libraries.mkdir(parents=True)
        (root / "lib64").symlink_to("lib/x86_64-linux-gnu")
        for name in C_LIBRARY:
            shutil.copy(f"/lib/x86_64-linux-gnu/{name}", libraries / name)
        for folder in ("proc", "tmp", "usr"):
            (root / folder).mkdir()
        shutil.copytree(self.repo, root / "repo")
        shutil.copy(self.dir / "kit.key", root / "kit.key")
        program = next((self.repo / "kit").glob("reprieve-*"))
        subprocess.run(["tar", "-xzf", program, "-C", root / "usr"], check=True)
        return root

    @unittest.skipUnless(is_root(), "chroot needs root")
    def test_the_program_in_the_kit_restores_where_no_library_is_installed(self):
        root = self.bare_root()
        command = ["unshare", "--mount", "--", "sh", "-c", 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"', root,
                   "/usr/reprieve/bin/reprieve", "--repo", "/repo", "--key-file", "/kit.key", "--state-dir", "/tmp/state",
                   "--cache-dir", "/tmp/cache"]
        points = subprocess.run([*command, "points"], capture_output=True, text=True, check=False)
        self.assertEqual(points.returncode, 0, points.stderr)
        self.assertIn(str(self.data), points.stdout)
        restored = subprocess.run([*command, "restore", self.data, "--into", "/tmp/out"], capture_output=True, text=True,
                                  check=False)
        self.assertEqual(restored.returncode, 0, restored.stderr)
        self.assertEqual(tree_of(root / "tmp/out"), tree_of(self.data))

    def test_the_kit_says_how_and_names_what_is_there(self):
        text = self.reprieve("repo", "kit", "--key-file", self.dir / "kit.key").out
        program = next((self.repo / "kit").glob("reprieve-*"))
        self.assertIn(f"tar -xzf {self.repo}/kit/{program.name}", text)
        names = subprocess.run(["tar", "-tzf", program], capture_output=True, text=True, check=True).stdout.split()
        self.assertIn("reprieve/bin/reprieve", names)
        self.assertIn("libpq.so.5", [pathlib.Path(name).name for name in names])
        self.assertNotIn("libc.so.6", [pathlib.Path(name).name for name in names])


if __name__ == "__main__":
    unittest.main()
