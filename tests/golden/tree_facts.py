"""What a golden repository's manifest says of a restored tree: all that needs no root to be brought back."""

import hashlib
import os
import stat


def facts_of(folder):
    """Relative name, quoted -> what is there. Names of one inode carry the first of them."""
    found, first_names = {}, {}
    for base, folders, files in os.walk(os.fsencode(folder)):
        folders.sort()
        for name in sorted(folders + files):
            path = os.path.join(base, name)
            key = repr(os.path.relpath(path, os.fsencode(folder)))
            state = os.lstat(path)
            facts = {"mode": oct(state.st_mode), "modified_ns": state.st_mtime_ns,
                     "attributes": {each: os.getxattr(path, each, follow_symlinks=False).hex()
                                    for each in sorted(os.listxattr(path, follow_symlinks=False))
                                    if each.startswith("user.")}}
            if stat.S_ISLNK(state.st_mode):
                facts["target"] = repr(os.readlink(path))
            elif stat.S_ISREG(state.st_mode):
                facts["size"] = state.st_size
                with open(path, "rb") as file:
                    facts["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
            if state.st_nlink > 1 and not stat.S_ISDIR(state.st_mode):
                facts["same_as"] = first_names.setdefault(state.st_ino, key)
            found[key] = facts
    return found
