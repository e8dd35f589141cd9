#!/usr/bin/env python3
"""Compares two trees in everything that a restore must bring back; prints what differs.

    tests/oddities/compare_trees.py FIRST SECOND [--no-owners] [--no-flags] [--max N]

Compares names, types, contents, holes, owners, modes, modification times to the nanosecond, extended
attributes (ACLs and capabilities among them), inode flags, devices, symlinks' targets and which names
are hard links to one inode. Exit status: 0 if there is no difference, 1 if there is, 2 for trouble.
Walks relative to descriptors, so depth is not limited by PATH_MAX.
"""

import argparse
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


class Comparer:
    def __init__(self, options):
        self.options = options
        self.differences = 0
        self.names = 0
        self.groups = ({}, {})  # Of each side: (device, inode) -> path of the first name.

    def differ(self, path, what):
        self.differences += 1
        if self.differences <= self.options.max:
            print(f"{os.fsencode(path or '.')!r}: {what}")

    def check(self, path, what, first, second):
        if first != second:
            self.differ(path, f"{what}: {first!r} and {second!r}")

    def directory(self, path, first, second):
        """Compares what lies in two open directories."""
        listings = [sorted(os.listdir(fd)) for fd in (first, second)]
        for name in sorted(set(listings[0]) ^ set(listings[1])):
            side = "first" if name in set(listings[0]) else "second"
            self.differ(f"{path}/{name}", f"only in the {side} tree")
        for name in sorted(set(listings[0]) & set(listings[1])):
            yield name

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
        """Compares one name; the open directories if it is one."""
        kind = self.metadata(path, fds, name)
        if kind is None:
            return None
        if stat.S_ISDIR(kind):
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            return [os.open(name, flags, dir_fd=fd) for fd in fds]
        if stat.S_ISREG(kind):
            files = [os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=fd) for fd in fds]
            self.content(path, files)
            for fd in files:
                os.close(fd)
        return None

    def metadata(self, path, fds, name):
        self.names += 1
        first, second = (os.stat(name, dir_fd=fd, follow_symlinks=False) for fd in fds)
        if stat.S_IFMT(first.st_mode) != stat.S_IFMT(second.st_mode):
            self.differ(path, f"types: {first.st_mode:o} and {second.st_mode:o}")
            return None
        self.check(path, "mode", oct(first.st_mode), oct(second.st_mode))
        self.check(path, "modification time", first.st_mtime_ns, second.st_mtime_ns)
        self.check(path, "device", first.st_rdev, second.st_rdev)
        if not self.options.no_owners:
            self.check(path, "owner", (first.st_uid, first.st_gid), (second.st_uid, second.st_gid))
        if stat.S_ISLNK(first.st_mode):
            self.check(path, "target", *(os.readlink(os.fsencode(name), dir_fd=fd) for fd in fds))
        elif stat.S_ISREG(first.st_mode) or stat.S_ISDIR(first.st_mode):
            self.check(path, "inode flags", *(self.flags(fd, name) for fd in fds))
        self.check(path, "extended attributes", *(self.xattrs(fd, name) for fd in fds))
        if not stat.S_ISDIR(first.st_mode):
            leaders = [group.setdefault((each.st_dev, each.st_ino), path)
                       for group, each in zip(self.groups, (first, second))]
            self.check(path, "hard link to", *leaders)
        return first.st_mode

    @staticmethod
    def xattrs(fd, name):
        path = f"/proc/self/fd/{fd}/{name}"
        try:
            return {each: os.getxattr(path, each, follow_symlinks=False)
                    for each in os.listxattr(path, follow_symlinks=False)
                    if each != "security.selinux"}
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
        sizes = [os.fstat(fd).st_size for fd in files]
        self.check(path, "size", *sizes)
        if sizes[0] != sizes[1]:
            return
        extents = [self.extents(fd, sizes[0]) for fd in files]
        for begin, end in self.union(extents[0] + extents[1]):
            for offset in range(begin, end, PIECE):
                length = min(PIECE, end - offset)
                if os.pread(files[0], length, offset) != os.pread(files[1], length, offset):
                    self.differ(path, f"content, somewhere from byte {offset} on")
                    return
        # Each hole must be there again, save for what a block's rounding fills.
        stored = [sum(end - begin for begin, end in each) for each in extents]
        slack = BLOCK * (1 + max(len(each) for each in extents))
        if abs(stored[0] - stored[1]) > slack:
            self.differ(path, f"holes: {stored[0]} and {stored[1]} bytes are stored")

    @staticmethod
    def extents(fd, size):
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

    @staticmethod
    def union(extents):
        out = []
        for begin, end in sorted(extents):
            if out and begin <= out[-1][1]:
                out[-1] = (out[-1][0], max(end, out[-1][1]))
            else:
                out.append((begin, end))
        return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--no-owners", action="store_true", help="owners are not compared")
    parser.add_argument("--no-flags", action="store_true", help="inode flags are not compared")
    parser.add_argument("--max", type=int, default=50, help="differences to print")
    options = parser.parse_args()
    comparer = Comparer(options)
    try:
        comparer.walk(options.first, options.second)
    except OSError as error:
        print(f"compare_trees: {error}", file=sys.stderr)
        return 2
    if comparer.differences:
        print(f"{comparer.differences} differences in {comparer.names} names")
        return 1
    print(f"no difference in {comparer.names} names")
    return 0


if __name__ == "__main__":
    sys.exit(main())
