#!/usr/bin/env python3
"""Compares two trees in everything that a restore must bring back; prints what differs.

    tests/oddities/compare_trees.py FIRST SECOND [--no-owners] [--no-flags] [--max N] [--jobs N]
                                    [--readable-only] [--changed-after NANOSECONDS]

Compares names, types, contents, holes, owners, modes, modification times to the nanosecond, extended
attributes (ACLs and capabilities among them), inode flags, devices, symlinks' targets and which names
are hard links to one inode. Exit status: 0 if there is no difference, 1 if there is, 2 for trouble.
Walks relative to descriptors, so depth is not limited by PATH_MAX. With --changed-after, a difference
is passed over if the name (or, when it is gone, the folder that held it) changed in FIRST since then.
"""

import argparse
import collections
import concurrent.futures
import fcntl
import os
import stat
import struct
import sys

FS_IOC_GETFLAGS = 0x80086601
# Append, compressed, directory-sync, immutable, no-atime, no copy-on-write, no-dump, sync.
KEPT_FLAGS = 0x20 | 0x4 | 0x10000 | 0x10 | 0x80 | 0x800000 | 0x40 | 0x8
# Holes may be filled up to a block by the file system that a file is restored to.
BLOCK = 64 * 1024
PIECE = 1 << 20
# What is handed to a process at once: so many files, or so many bytes of them.
BATCH_FILES = 400
BATCH_BYTES = 64 << 20
# A path that is opened by its name; deeper ones only by descriptors.
SHORT_PATH = 2000


def extents_of(fd, size):
    """Where a file has data, as (begin, end)."""
    out = []
    at = 0
    while at < size:
        try:
            begin = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            break  # ENXIO: a hole up to the end.
        at = min(os.lseek(fd, begin, os.SEEK_HOLE), size)
        out.append((begin, at))
    return out


def union_of(extents):
    out = []
    for begin, end in sorted(extents):
        if out and begin <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((begin, end))
    return out


def content_difference(files):
    """What differs in the bytes and holes of two open files; None if nothing does."""
    sizes = [os.fstat(fd).st_size for fd in files]
    if sizes[0] != sizes[1]:
        return f"size: {sizes[0]} and {sizes[1]}"
    extents = [extents_of(fd, sizes[0]) for fd in files]
    for begin, end in union_of(extents[0] + extents[1]):
        for offset in range(begin, end, PIECE):
            length = min(PIECE, end - offset)
            pieces = [os.pread(fd, length, offset) for fd in files]
            if pieces[0] != pieces[1]:
                return f"content, somewhere from byte {offset} on"
            if len(pieces[0]) != length:
                return f"content, which ends before byte {offset + length}"
    # Each hole must be there again, save for what a block's rounding fills.
    stored = [sum(end - begin for begin, end in each) for each in extents]
    slack = BLOCK * (1 + max(len(each) for each in extents))
    if abs(stored[0] - stored[1]) > slack:
        return f"holes: {stored[0]} and {stored[1]} bytes are stored"
    return None


def compare_batch(roots, paths):
    """Compares contents by name, in a process of its own; the paths that differ and how."""
    found = []
    for path in paths:
        files = []
        try:
            for root in roots:
                files.append(os.open(root + path, os.O_RDONLY | os.O_NOFOLLOW))
            what = content_difference(files)
        except OSError as error:
            what = f"cannot be read: {error.strerror}"
        finally:
            for fd in files:
                os.close(fd)
        if what:
            found.append((path, what))
    return found


class Comparer:
    def __init__(self, options):
        self.options = options
        self.differences = []  # (path below the roots, what differs)
        self.names = 0
        self.groups = ({}, {})  # Of each side: (device, inode) -> path of the first name.
        self.roots = (options.first, options.second)
        self.pool = concurrent.futures.ProcessPoolExecutor(options.jobs) if options.jobs > 1 else None
        self.batch = []
        self.batch_bytes = 0
        self.running = collections.deque()

    def differ(self, path, what):
        self.differences.append((path, what))

    def check(self, path, what, first, second):
        if first != second:
            self.differ(path, f"{what}: {first!r} and {second!r}")

    def directory(self, path, first, second):
        """Compares what lies in two open directories."""
        listings = [sorted(os.listdir(fd)) for fd in (first, second)]
        for name in sorted(set(listings[0]) ^ set(listings[1])):
            side = "first" if name in set(listings[0]) else "second"
            if self.options.readable_only and side == "first" and not self.is_reachable(first, name):
                continue
            self.differ(f"{path}/{name}", f"only in the {side} tree")
        for name in sorted(set(listings[0]) & set(listings[1])):
            yield name

    @staticmethod
    def is_reachable(folder, name):
        """False in a folder that may be listed but not searched."""
        try:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except PermissionError:
            return False
        except OSError:
            pass
        return True

    def walk(self, first_root, second_root):
        roots = [os.open(root, os.O_RDONLY | os.O_DIRECTORY) for root in (first_root, second_root)]
        self.metadata("", roots, ".")
        # A stack of open pairs, each with what is left of its names.
        stack = [("", roots, self.directory("", *roots))]
        while stack:
            path, fds, names = stack[-1]
            name = next(names, None)
            if name is None:
                for fd in fds:
                    os.close(fd)
                stack.pop()
                continue
            below = self.entry(f"{path}/{name}", fds, name)
            if below:
                stack.append((f"{path}/{name}", below, self.directory(f"{path}/{name}", *below)))

    def entry(self, path, fds, name):
        """Compares one name; open descriptors of both, if it is a folder."""
        try:
            kind = self.metadata(path, fds, name)
            if kind is None:
                return None
            if stat.S_ISDIR(kind):
                return self.opened(fds, name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            if stat.S_ISREG(kind):
                files = self.opened(fds, name, os.O_RDONLY | os.O_NOFOLLOW)
                self.content(path, files)
                for fd in files:
                    os.close(fd)
        except OSError as error:
            if not (self.options.readable_only and isinstance(error, PermissionError)):
                self.differ(path, f"cannot be read: {error.strerror}")
        return None

    @staticmethod
    def opened(fds, name, flags):
        first = os.open(name, flags, dir_fd=fds[0])
        try:
            return [first, os.open(name, flags, dir_fd=fds[1])]
        except OSError:
            os.close(first)
            raise

    def metadata(self, path, fds, name):
        self.names += 1
        first, second = (os.stat(name, dir_fd=fd, follow_symlinks=False) for fd in fds)
        if stat.S_IFMT(first.st_mode) != stat.S_IFMT(second.st_mode):
            self.differ(path, f"types: {first.st_mode:o} and {second.st_mode:o}")
            return None
        # Who may not give files away may not give them their owner's powers either.
        kept = 0o171777 if self.options.no_owners else 0o177777
        self.check(path, "mode", oct(first.st_mode & kept), oct(second.st_mode & kept))
        self.check(path, "modification time", first.st_mtime_ns, second.st_mtime_ns)
        self.check(path, "device", first.st_rdev, second.st_rdev)
        if not self.options.no_owners:
            self.check(path, "owner", (first.st_uid, first.st_gid), (second.st_uid, second.st_gid))
        if stat.S_ISLNK(first.st_mode):
            self.check(path, "target", *(os.readlink(os.fsencode(name), dir_fd=fd) for fd in fds))
        elif stat.S_ISREG(first.st_mode) or stat.S_ISDIR(first.st_mode):
            self.check(path, "inode flags", *(self.flags(fd, name) for fd in fds))
        self.check(path, "extended attributes", *(self.xattrs(fd, name, self.options.no_owners) for fd in fds))
        if not stat.S_ISDIR(first.st_mode):
            leaders = [group.setdefault((each.st_dev, each.st_ino), path)
                       for group, each in zip(self.groups, (first, second))]
            self.check(path, "hard link to", *leaders)
        return first.st_mode

    @staticmethod
    def xattrs(fd, name, is_without_powers):
        path = f"/proc/self/fd/{fd}/{name}"
        try:
            return {each: os.getxattr(path, each, follow_symlinks=False)
                    for each in os.listxattr(path, follow_symlinks=False)
                    if each != "security.selinux" and not (is_without_powers and each == "security.capability")}
        except OSError:
            return {}

    def flags(self, fd, name):
        if self.options.no_flags:
            return 0
        opened = None
        try:
            opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=fd)
            return struct.unpack("i", fcntl.ioctl(opened, FS_IOC_GETFLAGS, bytes(4)))[0] & KEPT_FLAGS
        except OSError:
            return 0
        finally:
            if opened is not None:
                os.close(opened)

    def content(self, path, files):
        if self.pool and len(os.fsencode(path)) < SHORT_PATH:
            self.batch.append(path)
            self.batch_bytes += os.fstat(files[0]).st_size
            if len(self.batch) >= BATCH_FILES or self.batch_bytes >= BATCH_BYTES:
                self.hand_over()
            return
        what = content_difference(files)
        if what:
            self.differ(path, what)

    def hand_over(self):
        """Gives the batch away; results are taken in as they come."""
        if self.batch:
            self.running.append(self.pool.submit(compare_batch, self.roots, self.batch))
        self.batch, self.batch_bytes = [], 0
        while self.running and self.running[0].done():
            self.differences += self.running.popleft().result()

    def finish(self):
        """All that differs, without what changed since the moment given."""
        if self.pool:
            self.hand_over()
            for each in self.running:
                self.differences += each.result()
            self.pool.shutdown()
        since = self.options.changed_after
        return [(path, what) for path, what in self.differences if since is None or not self.changed(path, since)]

    def changed(self, path, since):
        """Whether the name in the first tree, or the nearest folder above that is still there, changed."""
        at = os.fsencode(self.roots[0] + path)
        while True:
            try:
                return os.lstat(at).st_ctime_ns >= since
            except FileNotFoundError:
                at = os.path.dirname(at)
            except OSError:
                return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--no-owners", action="store_true", help="owners, set-id bits and capabilities are not compared")
    parser.add_argument("--no-flags", action="store_true", help="inode flags are not compared")
    parser.add_argument("--max", type=int, default=50, help="differences to print")
    parser.add_argument("--jobs", type=int, default=1, help="processes that compare contents")
    parser.add_argument("--readable-only", action="store_true", help="pass over what this user may not read")
    parser.add_argument("--changed-after", type=int, metavar="NANOSECONDS", help="pass over what changed since")
    options = parser.parse_args()
    comparer = Comparer(options)
    try:
        comparer.walk(options.first, options.second)
        differences = comparer.finish()
    except OSError as error:
        print(f"compare_trees: {error}", file=sys.stderr)
        return 2
    for path, what in differences[:options.max]:
        print(f"{os.fsencode(path or '.')!r}: {what}")
    if differences:
        print(f"{len(differences)} differences in {comparer.names} names")
        return 1
    passed = len(comparer.differences)
    if passed:
        print(f"passed over {passed} differences of what changed meanwhile")
    print(f"no difference in {comparer.names} names")
    return 0


if __name__ == "__main__":
    sys.exit(main())
