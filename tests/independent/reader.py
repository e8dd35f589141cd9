#!/usr/bin/python3
"""Reads a repository of reprieve without reprieve: written from docs/format.md, sharing no code with the program.

    reader.py REPOSITORY KEY points                          recovery points, newest first
    reader.py REPOSITORY KEY list POINT [PATH]               names below PATH
    reader.py REPOSITORY KEY restore POINT INTO [PATH]       everything, or PATH alone, into the new folder INTO
    reader.py REPOSITORY KEY check                           every shard of every pack, and every chunk in it

KEY is --password-file FILE or --key-file FILE. REPOSITORY is a folder, for instance one that `aws s3 sync` filled.
POINT is the beginning of an id, or `latest`, the newest of all sources. Nothing is ever written to REPOSITORY; idx/ is never read.

Needs Python 3.9 and the Debian packages python3-cryptography, python3-zstandard and, for passphrases,
python3-argon2. Exit status: 0 done; 3 restored, and something could not be set or brought back (said on
standard error); 7 damage that could not be healed; 1 anything else.

docs/recovery-without-us.md says how to use it. The sections (§) are those of docs/format.md.
"""

import argparse
import datetime
import fcntl
import os
import pathlib
import stat
import struct
import sys

sys.dont_write_bytecode = True  # Where this lies, nothing of ours is to stay behind.

from repository_objects import DATA, TREE, Damaged, Input, Refused, Repository, Store, key_file_secret, tell  # noqa: E402


# ---- trees (§9) ---------------------------------------------------------------------------------------------------

FILE, DIRECTORY, LINK, FIFO, SOCKET, CHARACTER, BLOCK = range(1, 8)
TYPES = {FILE: "file", DIRECTORY: "directory", LINK: "symbolic link", FIFO: "fifo", SOCKET: "socket",
         CHARACTER: "device", BLOCK: "device"}


class Entry:
    """One name of a tree. What its type does not have is None."""

    target = size = inline = content = holes = below = device = None
    group, flags, is_inconsistent, is_incomplete = 0, 0, False, False


def parse_tree(plain):
    fields = Input(plain)
    if fields.u8() != 1:
        raise Refused("a tree is of a newer version")
    owners = fields.times(lambda: (fields.varint(), fields.varint(), fields.text(), fields.text()))
    attributes = fields.times(lambda: fields.times(lambda: (fields.bytes(), fields.bytes())))
    entries = fields.times(lambda: parse_entry(fields, owners, attributes))
    fields.finish()
    return entries


def parse_entry(fields, owners, attributes):
    entry = Entry()
    entry.name, entry.type, entry.mode = fields.bytes(), fields.u8(), fields.varint()
    entry.owner = owners[fields.varint()]
    number = fields.varint()
    entry.attributes = attributes[number - 1] if number else []
    entry.modified_ns = fields.zigzag() * 10**9 + fields.varint()
    has = fields.varint()
    if has & ~31:
        raise Refused("an entry has fields of a newer version")
    if has & 1:
        fields.zigzag(), fields.varint()  # The time of birth, which nobody can set.
    if has & 2:
        entry.group = fields.varint()
    if has & 4:
        entry.flags = fields.varint()
    entry.is_inconsistent, entry.is_incomplete = bool(has & 8), bool(has & 16)
    if entry.type == FILE:
        parse_file(fields, entry)
    elif entry.type == DIRECTORY:
        entry.below = (fields.take(32), fields.u8()) if fields.u8() else None
    elif entry.type == LINK:
        entry.target = fields.bytes()
    elif entry.type in (CHARACTER, BLOCK):
        entry.device = os.makedev(fields.varint(), fields.varint())
    elif entry.type not in (FIFO, SOCKET):
        raise Refused(f"an entry is of the unknown type {entry.type}")
    return entry


def parse_file(fields, entry):
    entry.size = fields.varint()
    if fields.u8() not in (1, 2):
        raise Refused("a file was cut by an unknown chunker")
    form = fields.u8()
    if form == 0:
        entry.inline = fields.bytes()
    elif form == 1:
        entry.content = [(chunk, length, 0) for chunk, length in
                         fields.times(lambda: (fields.take(32), fields.varint()))]
    elif form == 2:
        entry.content = [(fields.take(32), None, fields.u8())]
    else:
        raise Refused("a file's content has an unknown form")
    entry.holes = fields.times(lambda: (fields.varint(), fields.varint()))


def extents_of(entry):
    """Where a file has data, as (begin, end): what lies between its holes."""
    at = 0
    for gap, length in entry.holes:
        if gap:
            yield at, at + gap
        at += gap + length
    if at < entry.size:
        yield at, entry.size


class Tree:
    """A recovery point's files, read through its repository."""

    def __init__(self, repository, point):
        self.repository = repository
        self.root = (point.root, point.depth)

    def entries(self, below):
        """What lies in a directory, given as its tree's id and depth."""
        if below is None:
            return
        for chunk, _ in self.repository.leaves(below[0], None, below[1]):
            yield from parse_tree(self.repository.chunk(chunk, TREE))

    def pieces(self, entry):
        """A file's content without its holes."""
        if entry.inline is not None:
            yield entry.inline
            return
        for chunk, length, depth in entry.content:
            for leaf, size in self.repository.leaves(chunk, length, depth):
                piece = self.repository.chunk(leaf, DATA)
                if len(piece) != size:
                    raise Damaged("a chunk has another length than its file says")
                yield piece

    def find(self, path):
        """The entry of a path: a captured one's whole name, then names below it."""
        for entry in self.entries(self.root):
            if path == entry.name:
                return entry
            if path.startswith(entry.name.rstrip(b"/") + b"/"):
                for name in path[len(entry.name.rstrip(b"/")) + 1:].split(b"/"):
                    entry = next((each for each in self.entries(entry.below) if each.name == name), None)
                    if entry is None:
                        break
                if entry is not None:
                    return entry
        raise Refused(f"{os.fsdecode(path)} is not in this point")


# ---- restoring ----------------------------------------------------------------------------------------------------

FS_IOC_GETFLAGS, FS_IOC_SETFLAGS = 0x80086601, 0x40086602


class Restore:
    """Writes entries below a new folder. Paths are lists of names, opened step by step: depth has no limit."""

    def __init__(self, tree, into):
        self.tree = tree
        os.mkdir(into, 0o700)
        self.base = os.open(into, os.O_RDONLY | os.O_DIRECTORY)
        self.groups = {}   # Link group -> path of its first name.
        self.flagged = []  # Set last: what is immutable cannot get a second name or a time.
        self.problems = 0

    def problem(self, path, what):
        self.problems += 1
        tell(f"{os.fsdecode(b'/'.join(path))}: {what}")

    def opened(self, path):
        """A descriptor of the folder at `path`; the caller closes it."""
        folder = os.dup(self.base)
        for name in path:
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = below
        return folder

    def everything(self):
        """One captured directory becomes the new folder itself; several lie in it by their whole names."""
        entries = list(self.tree.entries(self.tree.root))
        if len(entries) == 1 and entries[0].type == DIRECTORY:
            self.into_base(entries[0])
        else:
            for entry in entries:
                *above, name = [part for part in entry.name.split(b"/") if part]
                for depth in range(len(above)):
                    self.attempt(above[:depth + 1], self.made_folder, above[:depth], above[depth])
                self.entry(above, self.base if not above else None, entry, name)
        self.finish()

    def one(self, entry):
        if entry.type == DIRECTORY:
            self.into_base(entry)
        else:
            self.entry([], self.base, entry, entry.name.split(b"/")[-1])
        self.finish()

    def into_base(self, entry):
        self.children([], self.base, entry)
        self.metadata([], self.base, b".", entry)

    def made_folder(self, above, name):
        folder = self.opened(above)
        try:
            os.mkdir(name, 0o755, dir_fd=folder)
        except FileExistsError:
            pass
        finally:
            os.close(folder)

    def finish(self):
        for path, flags in reversed(self.flagged):
            self.attempt(path, self.set_flags, path, flags)
        os.close(self.base)

    def attempt(self, path, action, *arguments):
        try:
            action(*arguments)
            return True
        except (OSError, Damaged) as error:
            self.problem(path, error)
            return False

    def children(self, path, folder, entry):
        try:
            for child in self.tree.entries(entry.below):
                if child.name in (b"", b".", b"..") or b"/" in child.name or b"\0" in child.name:
                    raise Damaged(f"{child.name!r} is no name of a file")
                self.entry(path, folder, child, child.name)
        except Damaged as error:
            self.problem(path, f"the rest of this folder is lost: {error}")

    def entry(self, above, folder, entry, name):
        if folder is None:
            folder = self.opened(above)
            try:
                self.entry(above, folder, entry, name)
            finally:
                os.close(folder)
            return
        path = above + [name]
        if entry.is_inconsistent or entry.is_incomplete:
            self.problem(path, "it changed, or could not be read wholly, while it was backed up")
        if entry.group and entry.group in self.groups:
            self.attempt(path, self.link, self.groups[entry.group], folder, name)
            return
        if self.attempt(path, self.made, path, folder, name, entry):
            self.metadata(path, folder, name, entry)
            if entry.group:
                self.groups[entry.group] = path

    def link(self, first, folder, name):
        there = self.opened(first[:-1])
        try:
            os.link(first[-1], name, src_dir_fd=there, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            os.close(there)

    def made(self, path, folder, name, entry):
        """Creates an entry with its content and whatever is below it."""
        if entry.type == DIRECTORY:
            os.mkdir(name, 0o700, dir_fd=folder)
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            try:
                self.children(path, below, entry)
            finally:
                os.close(below)
        elif entry.type == FILE:
            self.file(folder, name, entry)
        elif entry.type == LINK:
            os.symlink(entry.target, name, dir_fd=folder)
        else:
            kind = {FIFO: stat.S_IFIFO, SOCKET: stat.S_IFSOCK, CHARACTER: stat.S_IFCHR, BLOCK: stat.S_IFBLK}
            os.mknod(name, kind[entry.type] | 0o600, entry.device or 0, dir_fd=folder)

    def file(self, folder, name, entry):
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
        with open(fd, "wb") as out:
            extents = extents_of(entry)
            at = end = 0
            for piece in self.tree.pieces(entry):
                while piece:
                    if at == end:
                        at, end = next(extents, (0, 0))
                        out.seek(at)
                    size = min(len(piece), end - at)
                    if size == 0:
                        raise Damaged("its content is longer than its size")
                    out.write(piece[:size])
                    at, piece = at + size, piece[size:]
            if at != end or next(extents, None):
                raise Damaged("its content is shorter than its size")
            out.truncate(entry.size)

    def metadata(self, path, folder, name, entry):
        """Owner before mode, which a change of owner would narrow; times after what changes them; flags at the end."""
        self.attempt(path, lambda: os.chown(name, *entry.owner[:2], dir_fd=folder, follow_symlinks=False))
        for attribute, value in entry.attributes:
            self.attempt(path, lambda a=attribute, v=value: os.setxattr(
                b"/proc/self/fd/%d/%s" % (folder, name), a, v, follow_symlinks=False))
        if entry.type != LINK:
            self.attempt(path, lambda: os.chmod(name, entry.mode & 0o7777, dir_fd=folder))
        self.attempt(path, lambda: os.utime(name, ns=(entry.modified_ns, entry.modified_ns), dir_fd=folder,
                                            follow_symlinks=False))
        if entry.flags:
            self.flagged.append((path, entry.flags))

    def set_flags(self, path, flags):
        folder = self.opened(path[:-1])
        try:
            fd = os.open(path[-1] if path else b".", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        finally:
            os.close(folder)
        try:
            already = struct.unpack("i", fcntl.ioctl(fd, FS_IOC_GETFLAGS, bytes(4)))[0]
            fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("i", already | flags))
        finally:
            os.close(fd)


# ---- the command line ---------------------------------------------------------------------------------------------

def chosen(points, prefix):
    living = [point for point in points if point.is_final and point.note != "deleted"]
    found = living[:1] if prefix == "latest" else [each for each in points if each.id.hex().startswith(prefix)]
    if len(found) != 1:
        raise Refused(f"{len(found)} points are called {prefix}")
    return found[0]


def show(points):
    for point in points:
        when = datetime.datetime.fromtimestamp(point.time // 10**9, datetime.timezone.utc).strftime("%FT%TZ")
        words = [point.id.hex()[:16], when, point.description.get("source", "?"), point.note,
                 "" if point.is_final else "interrupted"]
        print("  ".join(word for word in words if word))


def check(repository):
    """Every shard of every pack and every chunk; the number of things that cannot be brought back."""
    lost = repository.load_packs()
    packs = {place.pack.name: place.pack for places in repository.chunks.values() for place in places}
    for pack in packs.values():
        try:
            pack.heal()
        except Damaged as error:
            tell(str(error))
            lost += 1
    for chunk, places in repository.chunks.items():
        try:
            repository.chunk(chunk, places[0].type)
        except Damaged as error:
            tell(str(error))
            lost += 1
    print(f"{len(packs)} packs, {len(repository.chunks)} chunks, {lost} of them lost")
    return lost


def run(options):
    passphrase = key_file = None
    if options.key_file:
        key_file = key_file_secret(options.key_file)
    else:
        passphrase = pathlib.Path(options.password_file).read_bytes().replace(b"\r", b"\n").split(b"\n")[0]
    repository = Repository(Store(options.repository), passphrase, key_file)
    if options.command == "check":
        return 7 if check(repository) else 0
    points = repository.points()
    if options.command == "points":
        show(points)
        return 0
    tree = Tree(repository, chosen(points, options.point))
    if options.command == "list":
        below = tree.find(os.fsencode(options.path)).below if options.path else tree.root
        for entry in tree.entries(below):
            print(os.fsdecode(entry.name), TYPES[entry.type], entry.size if entry.type == FILE else "", sep="\t")
        return 0
    entry = tree.find(os.fsencode(options.path)) if options.path else None
    restore = Restore(tree, options.into)
    restore.one(entry) if entry else restore.everything()
    return 3 if restore.problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository")
    key = parser.add_mutually_exclusive_group(required=True)
    key.add_argument("--password-file")
    key.add_argument("--key-file")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("points")
    commands.add_parser("check")
    for name in ("list", "restore"):
        command = commands.add_parser(name)
        command.add_argument("point")
        if name == "restore":
            command.add_argument("into")
        command.add_argument("path", nargs="?")
    options = parser.parse_args()
    try:
        return run(options)
    except (Refused, OSError) as error:
        tell(str(error))
        return 1
    except Damaged as error:
        tell(str(error))
        return 7


if __name__ == "__main__":
    sys.exit(main())
