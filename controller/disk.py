"""Writing that survives a power cut: nothing counts as done before the file and its folder are on the disk."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import BinaryIO

FILE_MODE, FOLDER_MODE = 0o640, 0o750
"""What people said is nobody's business but the owner's and the group's."""
PART = ".part"
"""Ending of a file that is still being written: never complete, always safe to delete."""


def before(what: str) -> None:
    """Called before every change to the disk. The durability tests put a crash here, at each change in turn."""


def is_there(path: Path) -> bool:
    """Raises PermissionError where nobody lets us look: Path.exists says False then from Python 3.14 on, and nothing
    would be told apart from what may not be seen."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def make_folder(folder: Path) -> None:
    """Make it, and whatever it stands in, on the disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    before(f"make {folder.name}")
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    sync_folder(folder.parent)


def write(path: Path, data: bytes) -> None:
    """Write a small file whole or not at all, in place of what was there."""
    part = path.with_name(path.name + PART)
    before(f"write {part.name}")
    with new_file(part) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    keep(part, path)


def new_file(path: Path) -> BinaryIO:
    """Open for writing, emptied, and closed to strangers."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    return os.fdopen(descriptor, "wb")


def keep(part: Path, path: Path) -> None:
    """Give a finished part its name; replaces what was there."""
    before(f"name {path.name}")
    part.replace(path)
    # POSIX: where both are names of the same file, as after a repeated link, rename does nothing at all.
    part.unlink(missing_ok=True)
    sync_folder(path.parent)


def bring(source: Path, target: Path) -> bool:
    """Move a file, or copy it where the target is on another file system; the caller then removes the source.

    Safe to repeat. Returns False when there is neither source nor target. Raises OSError when the disk says no;
    the source is whole then.
    """
    if not source.exists():
        return target.exists()
    if _one_disk(source, target):
        # Both there: the source is something newer of the same name, and not ours to take.
        if not target.exists():
            before(f"move {source.name}")
            source.rename(target)
            # The PBX syncs nothing: what it wrote may still be in memory only.
            sync_file(target)
            sync_folder(target.parent)
        return True
    if target.exists() and source.stat().st_size < target.stat().st_size:
        return True  # files only grow: this is something newer, too
    if not _same(source, target):
        _copy(source, target)
    return True


def copy_or_link(source: Path, target: Path) -> None:
    """A second name for the file, or a second file where that is another file system; on the disk."""
    before(f"link {source.name}")
    try:
        os.link(source, target)
    except OSError as error:
        # EPERM, ENOTSUP: a file system without hard links. EMLINK cannot happen with two names.
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP):
            raise
        copy(source, target)


def remove(path: Path) -> None:
    """Delete a file, if it is there."""
    before(f"remove {path.name}")
    path.unlink(missing_ok=True)


def remove_copied(source: Path, target: Path) -> None:
    """Delete the source of a finished copy; one that changed meanwhile stays."""
    if source.exists() and not _one_disk(source, target) and _same(source, target):
        remove(source)


def remove_folder(folder: Path) -> None:
    """Delete a folder of plain files, if it is there."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        remove(path)
    before(f"remove {folder.name}")
    folder.rmdir()
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make sure that the names in the folder are on the disk, and not only the files they name."""
    before(f"sync {folder.name}")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync a folder, and need not: they write names through.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    before(f"sync {path.name}")
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _one_disk(source: Path, target: Path) -> bool:
    return source.stat().st_dev == target.parent.stat().st_dev


def _same(source: Path, target: Path) -> bool:
    """Whether the target is a complete copy: a copy carries its source's time."""
    if not target.exists():
        return False
    one, other = source.stat(), target.stat()
    # Some file systems keep times only to 2 s.
    return one.st_size == other.st_size and abs(one.st_mtime - other.st_mtime) <= 2.0


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(target.name + PART)
    before(f"copy {source.name}")
    copy(source, part)
    shutil.copystat(source, part)
    part.chmod(FILE_MODE)
    keep(part, target)


def copy(source: Path, target: Path) -> None:
    """Copy what is in a file; on the disk when this returns."""
    with source.open("rb") as content, new_file(target) as made:
        shutil.copyfileobj(content, made, 1 << 20)
        made.flush()
        before(f"sync {target.name}")
        os.fsync(made.fileno())
