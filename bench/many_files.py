#!/usr/bin/python3
"""many_files.py FOLDER COUNT PER_FOLDER: COUNT small files, each of other contents, PER_FOLDER in each folder.

Contents have 520 to 750 bytes: more than what stands in a tree itself, so that each becomes a chunk, and few enough for a
file system with inline data and inodes of 1 KiB to keep them in its inodes."""
import multiprocessing
import os
import sys

PER_JOB = 50_000  # Files; a multiple of no matter what, since a job makes the folders that it needs.


def make(job):
    top, first, last, per_folder = job
    folder, handle = -1, None
    for number in range(first, last):
        if number // per_folder != folder:
            folder = number // per_folder
            if handle is not None:
                os.close(handle)
            path = f"{top}/{folder // 1000:04d}/{folder % 1000:03d}"
            os.makedirs(path, exist_ok=True)
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        file = os.open(f"document-{number:09d}.txt", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=handle)
        os.write(file, (b"This is file %9d. " % number) * (23 + number % 9))
        os.close(file)
    os.close(handle)


def main():
    top, count, per_folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    jobs = [(top, first, min(first + PER_JOB, count), per_folder) for first in range(0, count, PER_JOB)]
    with multiprocessing.Pool() as pool:
        for _ in pool.imap_unordered(make, jobs):
            pass


if __name__ == "__main__":
    main()
