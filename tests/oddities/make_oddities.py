#!/usr/bin/env python3
"""Makes a tree of everything that a backup may lose: names, times, holes, links, attributes, depth.

    tests/oddities/make_oddities.py FOLDER [--depth N] [--no-flags] [--seed S]

FOLDER must not exist. What this user or file system cannot make is left out and named on standard
error. The same arguments give the same tree, save for inode change times.
"""

import argparse
import fcntl
import os
import random
import socket
import stat
import struct
import sys

FS_IOC_GETFLAGS = 0x80086601
FS_IOC_SETFLAGS = 0x40086602
NODUMP, NOATIME, APPEND, IMMUTABLE = 0x40, 0x80, 0x20, 0x10


def attempt(what, action, *arguments):
    try:
        return action(*arguments)
    except OSError as error:
        print(f"left out: {what}: {error.strerror}", file=sys.stderr)
        return None


def write(path, content, mode=0o644):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(fd, "wb") as file:
        file.write(content)
    os.chmod(path, mode)


def set_time(path, nanoseconds):
    os.utime(path, ns=(nanoseconds, nanoseconds), follow_symlinks=False)


def set_flags(path, flags):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        current = struct.unpack("i", fcntl.ioctl(fd, FS_IOC_GETFLAGS, struct.pack("i", 0))[:4])[0]
        fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("i", current | flags))
    finally:
        os.close(fd)


def contents(folder, noise):
    os.mkdir(folder)
    for size in (0, 1, 511, 512, 513, 4095, 4096, 4097, 65536, 1_000_003, 9_000_001):
        write(f"{folder}/noise-{size}", noise.randbytes(size))
    write(f"{folder}/zeros", bytes(3_000_000))
    write(f"{folder}/text", b"the same line again and again\n" * 40_000)
    os.mkdir(f"{folder}/empty")


def names(folder):
    os.mkdir(folder)
    for name in (b"\xff\xfe\x80", b"new\nline", b"tab\there", b" ", b"  lead and trail  ", b"-rf",
                 b"--help", b"*", b"?", b"[a]", b"\\", b"'", b'"', b"$(x)", b"`x`", b"~", b"#", b"...",
                 b"..a", "ü".encode(), "u\u0308".encode(), "日本".encode(), b"\x01\x1b[31m", b"a:b",
                 b".reprieve-0000000000000000.part", b"n" * 255):
        write(os.fsencode(folder) + b"/" + name, name)
    for name in (b"dir\xff", b"dir with spaces"):
        os.mkdir(os.fsencode(folder) + b"/" + name)
        write(os.fsencode(folder) + b"/" + name + b"/in", name)
    # Order: by bytes, a name sorts before what it is a prefix of, and '.' before '/'.
    for name in ("a", "a.b", "a-b", "ab", "B"):
        os.mkdir(f"{folder}/sort-{name}")
        write(f"{folder}/sort-{name}/x", name.encode())


def times(folder):
    os.mkdir(folder)
    second = 1_000_000_000
    for at in (0, -1, -2_000_000_000 * second - 1, 123_456_789_987_654_321, 2**31 * second,
               2**32 * second + 999_999_999, 9_999_999_999 * second):
        path = f"{folder}/t{at}"
        write(path, b"x")
        attempt(f"time {at}", set_time, path, at)
    os.symlink("nowhere", f"{folder}/link")
    set_time(f"{folder}/link", -5 * second + 5)
    os.mkdir(f"{folder}/dir")
    write(f"{folder}/dir/in", b"x")
    set_time(f"{folder}/dir", 77 * second + 7)


def modes(folder):
    os.mkdir(folder)
    for mode in (0o000, 0o111, 0o444, 0o640, 0o777, 0o1777, 0o2755, 0o4755, 0o7777):
        write(f"{folder}/f{mode:o}", b"x")
        attempt(f"mode {mode:o}", os.chmod, f"{folder}/f{mode:o}", mode)
        os.mkdir(f"{folder}/d{mode:o}")
        write(f"{folder}/d{mode:o}/in", b"x")
        attempt(f"mode {mode:o}", os.chmod, f"{folder}/d{mode:o}", mode)


def owners(folder):
    os.mkdir(folder)
    for uid, gid in ((1, 1), (65534, 65534), (123456, 654321), (4_000_000_000, 4_000_000_001)):
        path = f"{folder}/{uid}-{gid}"
        write(path, b"x")
        attempt(f"owner {uid}:{gid}", os.chown, path, uid, gid)
        attempt("setuid for another owner", os.chmod, path, 0o6755)
        os.symlink("x", path + "-link")
        attempt(f"owner {uid}:{gid} of a symlink", os.lchown, path + "-link", uid, gid)


def special(folder):
    os.mkdir(folder)
    os.symlink("../contents/text", f"{folder}/link")
    os.symlink("/etc", f"{folder}/link-outside")
    os.symlink("no/such/place", f"{folder}/link-dangling")
    os.symlink("link-loop", f"{folder}/link-loop")
    os.symlink("x" * 4000, f"{folder}/link-long")
    os.symlink(b"\xff\n", f"{folder}/link-bytes")
    os.mkfifo(f"{folder}/fifo", 0o640)
    # A socket's address has to be short; its name in a folder does not.
    here = os.getcwd()
    os.chdir(folder)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    os.chdir(here)
    for name, kind, device in (("null", stat.S_IFCHR, (1, 3)), ("disk", stat.S_IFBLK, (259, 1_000_000))):
        attempt(f"device {name}", os.mknod, f"{folder}/{name}", kind | 0o660, os.makedev(*device))


def links(folder, noise):
    os.mkdir(folder)
    for sub in ("a", "b"):
        os.mkdir(f"{folder}/{sub}")
    write(f"{folder}/b/file", noise.randbytes(200_000))
    write(f"{folder}/b/small", b"small")
    os.symlink("target", f"{folder}/b/symlink")
    os.mkfifo(f"{folder}/b/fifo")
    attempt("device", os.mknod, f"{folder}/b/null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    for name in os.listdir(f"{folder}/b"):
        for other in (f"{folder}/a/{name}", f"{folder}/z-{name}"):
            attempt(f"link to {name}", lambda other=other, name=name: os.link(
                f"{folder}/b/{name}", other, follow_symlinks=False))


def holes(folder, noise):
    os.mkdir(folder)
    for name, size, data in (("all", 1 << 30, ()), ("start", 1 << 20, ((900_000, 1000),)),
                             ("end", 5 << 20, ((0, 5000),)),
                             ("many", 64 << 20, tuple((i << 20, 4096) for i in range(0, 64, 2))),
                             ("huge", 1 << 42, ((1 << 41, 100_000),))):
        fd = os.open(f"{folder}/{name}", os.O_RDWR | os.O_CREAT, 0o644)

        def fill(fd=fd, size=size, data=data):
            os.ftruncate(fd, size)
            for offset, length in data:
                os.pwrite(fd, noise.randbytes(length), offset)

        attempt(f"sparse file {name}", fill)
        os.close(fd)


def attributes(folder):
    os.mkdir(folder)
    # Version 2: user::rwx, user:1234:r--, group::r-x, mask::r-x, other::---.
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in (
        (1, 7, 0xffffffff), (2, 4, 1234), (4, 5, 0xffffffff), (16, 5, 0xffffffff), (32, 0, 0xffffffff)))
    capability = bytes((1, 0, 0, 2, 0, 0x20)) + bytes(14)  # cap_net_raw+ep
    for name in ("file", "dir"):
        path = f"{folder}/{name}"
        os.mkdir(path) if name == "dir" else write(path, b"x")
        for xattr, value in (("user.text", b"value"), ("user.bytes", bytes(range(256))),
                             ("user.empty", b""), ("user.long", b"v" * 3000),
                             ("trusted.t", b"root's"), ("system.posix_acl_access", acl)):
            attempt(f"{xattr} of a {name}", os.setxattr, path, xattr, value)
    attempt("default list", os.setxattr, f"{folder}/dir", "system.posix_acl_default", acl)
    write(f"{folder}/dir/inheriting", b"x")
    write(f"{folder}/program", b"x", 0o755)
    attempt("capability", os.setxattr, f"{folder}/program", "security.capability", capability)
    os.symlink("x", f"{folder}/link")
    attempt("attribute of a symlink", lambda: os.setxattr(
        f"{folder}/link", "trusted.l", b"of the link", follow_symlinks=False))


def flags(folder):
    os.mkdir(folder)
    for name, value in (("nodump", NODUMP), ("noatime", NOATIME), ("append", APPEND),
                        ("immutable", IMMUTABLE)):
        write(f"{folder}/{name}", name.encode())
        set_time(f"{folder}/{name}", 1_500_000_000_000_000_001)
        attempt(f"flag {name}", set_flags, f"{folder}/{name}", value)


def deep(folder, depth):
    """Far below PATH_MAX, so step by step."""
    os.mkdir(folder)
    fd = os.open(folder, os.O_RDONLY)
    name = "d" * 200
    for level in range(depth):
        os.mkdir(name, dir_fd=fd)
        file = os.open("file", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd)
        os.write(file, f"level {level}\n".encode())
        os.close(file)
        os.symlink("up", "link", dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)


def wide(folder):
    """Large enough to be stored in several parts."""
    os.mkdir(folder)
    for number in range(5000):
        write(f"{folder}/a rather long name of a small file, number {number:06}", b"%d" % number)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--depth", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-flags", action="store_true",
                        help="no immutable and append-only files: rm cannot remove those")
    options = parser.parse_args()
    os.umask(0o022)
    noise = random.Random(options.seed)
    top = options.folder
    os.mkdir(top)
    contents(f"{top}/contents", noise)
    names(f"{top}/names")
    times(f"{top}/times")
    modes(f"{top}/modes")
    owners(f"{top}/owners")
    special(f"{top}/special")
    links(f"{top}/links", noise)
    holes(f"{top}/holes", noise)
    attributes(f"{top}/attributes")
    if not options.no_flags:
        flags(f"{top}/flags")
    deep(f"{top}/deep", options.depth)
    wide(f"{top}/wide")
    for index, name in enumerate(sorted(os.listdir(top))):
        set_time(f"{top}/{name}", (1_400_000_000 + index) * 1_000_000_000 + 42)
    set_time(top, 1_300_000_000_000_000_007)


if __name__ == "__main__":
    main()
