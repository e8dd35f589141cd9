"""The Debian package is installed, used, upgraded, removed and purged, on a system whose changes are thrown away.

That system is this machine's own, below an overlay: the real package database and libraries, with every change in a
memory file system that nobody else sees.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness import PROGRAM, is_root

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
OLDER, NEWER = "0.0.9", "0.1.0~next"
# What dpkg and those who listen to it write: its database, its log, the index of manuals.
OF_THE_SYSTEM = ("var/lib/dpkg/", "var/log/dpkg.log", "var/cache/man/", "var/cache/debconf/", "etc/ld.so.cache", "dev/")
OF_THE_USER = ("srv/", "etc/reprieve/keys/")
IN_PRIVATE = ["unshare", "--mount", "--propagation", "private"]
OVERLAY = """set -eu
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --bind /dev "$1/root/dev"
"""


class Package(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        if not shutil.which("dpkg-shlibdeps"):
            raise unittest.SkipTest("dpkg-shlibdeps is not installed (package dpkg-dev)")
        folder = tempfile.mkdtemp(prefix="reprieve-package.")
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        cls.dir = pathlib.Path(folder)
        cls.older, cls.newer = (cls.build(version) for version in (OLDER, NEWER))

    @classmethod
    def build(cls, version, out="."):
        made = subprocess.run([SOURCE / "tools/package", "--version", version, "--program", PROGRAM, "--out", cls.dir / out],
                              capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
        return pathlib.Path(made.stdout.split()[-1])

    def field(self, name):
        asked = subprocess.run(["dpkg-deb", "--field", self.newer, name], capture_output=True, text=True, check=True)
        return asked.stdout.strip()

    def test_it_depends_on_the_libraries_that_the_program_loads(self):
        depends = self.field("Depends")
        for library in ("libc6 (>= ", "libsodium23", "libisal2", "libssl3", "libpq5", "libcurl4", "libzstd1"):
            self.assertIn(library, depends)
        self.assertEqual(self.field("Version"), NEWER)

    def test_the_same_tree_gives_the_same_bytes(self):
        again = self.build(NEWER, "again")
        self.assertEqual(again.read_bytes(), self.newer.read_bytes())

    def test_it_is_installed_used_upgraded_removed_and_purged_and_leaves_the_users_data_alone(self):
        if not is_root():
            self.skipTest("mounting an overlay needs root")
        commands = f"""
        in_it() {{ chroot "$1/root" "${{@:2}}"; }}
        cp "{self.older}" "{self.newer}" "$1/root/root/"
        find "$1/upper" -mindepth 1 ! -type d -printf '%P\\n' | sort >"$1/before"
        export HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive REPRIEVE_REPO=/srv/repo
        export REPRIEVE_PASSWORD_FILE=/srv/pass REPRIEVE_STATE_DIR=/srv/state REPRIEVE_CACHE_DIR=/srv/cache
        echo secret >"$1/root/srv/pass"; mkdir "$1/root/srv/data"; echo precious >"$1/root/srv/data/letter"
        in_it "$1" dpkg --install "/root/{self.older.name}"
        test "$(in_it "$1" dpkg-query -W -f '${{Version}}' reprieve)" = "{OLDER}"
        in_it "$1" /usr/bin/reprieve -q init
        in_it "$1" /usr/bin/reprieve -q backup /srv/data
        in_it "$1" dpkg --install "/root/{self.newer.name}"
        test "$(in_it "$1" dpkg-query -W -f '${{Version}}' reprieve)" = "{NEWER}"
        in_it "$1" dpkg --verify reprieve
        in_it "$1" /usr/bin/reprieve -q restore /srv/data --into /srv/out
        test "$(cat "$1/root/srv/out/letter")" = precious
        in_it "$1" /usr/share/doc/reprieve/examples/reader.py --help >/dev/null
        in_it "$1" man -P cat reprieve | grep -q 'REPRIEVE RESTORE'
        in_it "$1" bash -c '. /usr/share/bash-completion/completions/reprieve
          COMP_WORDS=(reprieve repo ke) COMP_CWORD=2; _reprieve; test "${{COMPREPLY[*]}}" = keys'
        in_it "$1" dpkg --remove reprieve
        in_it "$1" dpkg --purge reprieve
        test ! -e "$1/root/usr/bin/reprieve"
        test "$(cat "$1/root/srv/out/letter")" = precious
        echo LEFT BEHIND
        find "$1/upper" -mindepth 1 ! -type d -printf '%P\\n' | sort | comm -13 "$1/before" -
        """
        with tempfile.TemporaryDirectory(prefix="reprieve-overlay.") as mount:
            done = subprocess.run([*IN_PRIVATE, "bash", "-c", OVERLAY + commands, "overlay", mount],
                                  capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                                  env={"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
        if "overlay" in done.stderr and "mount:" in done.stderr:
            self.skipTest("no overlay can be mounted here: " + done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
        left = done.stdout.split("LEFT BEHIND\n")[1].splitlines()
        surprising = [path for path in left if not path.startswith((*OF_THE_USER, *OF_THE_SYSTEM))]
        self.assertEqual(surprising, [])
        for kept in ("srv/repo/snap/", "etc/reprieve/keys/"):
            self.assertTrue(any(path.startswith(kept) for path in left), f"{kept} stays")


if __name__ == "__main__":
    unittest.main()
