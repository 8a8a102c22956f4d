"""Folders in memory: whether a folder is one, and the places in it that the PBX is to fill."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

KINDS = frozenset({"tmpfs", "ramfs"})
PLACE_MODE = 0o660
"""The PBX writes (it is of the folder's group), we read and free what was read (it is our file)."""
_ESCAPED = re.compile(r"\\([0-7]{3})")
_PLACE = b"\0"
"""What a place holds until a recorder empties it: nothing that a recorder writes is as short."""


@dataclass(frozen=True, slots=True)
class Mount:
    """The file system that a folder is on, or will be. `kind` such as ext4 or tmpfs; "": nobody tells."""

    kind: str = ""
    options: frozenset[str] = frozenset()

    @property
    def in_memory(self) -> bool:
        return self.kind in KINDS

    @property
    def may_be_swapped(self) -> bool:
        """Whether its pages can come to a swap device (ramfs never; tmpfs unless mounted noswap, Linux 6.4)."""
        return self.kind == "tmpfs" and "noswap" not in self.options


def mount_of(folder: Path) -> Mount:
    """Blocks, and never raises."""
    there = next((one for one in (folder, *folder.parents) if one.exists()), Path("/")).resolve()
    best, found = "", Mount()
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            left, _, right = line.partition(" - ")
            mount = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), left.split()[4])
            if len(mount) >= len(best) and (there == Path(mount) or Path(mount) in there.parents):
                kind, _, more = right.split(" ", 2)
                best, found = mount, Mount(kind, frozenset((*left.split()[5].split(","), *more.split(","))))
    return found


def trouble(folder: Path) -> str:
    """Why audio that nobody has asked to keep cannot go to this folder; "" where it can. Blocks."""
    if not folder.is_dir():
        return f"{folder} is not there"
    if not (mount := mount_of(folder)).in_memory:
        return f"{folder} is on a disk ({mount.kind or 'unknown'}), and what nobody keeps must never come to one"
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        return f"{folder} cannot be written by uid {os.geteuid()}"
    return ""


def remedy(folder: Path) -> str:
    """How to come by such a folder."""
    return (
        f"mount a file system in memory there (`mount -t tmpfs -o noswap,size=1g tmpfs {folder}`, and a line in "
        f"/etc/fstab), then `install -d -o onrecord -g asterisk -m 2770 {folder}`; see docs/guides/record-keys.md"
    )


def make_place(path: Path) -> None:
    """A file of ours that the PBX may empty and fill: what it made itself we could not free again while it writes.

    Raises FileExistsError, OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PLACE_MODE)
    try:
        os.fchmod(descriptor, PLACE_MODE)
        os.write(descriptor, _PLACE)
    finally:
        os.close(descriptor)


def is_place(path: Path) -> bool:
    """Whether nobody has filled it yet. Raises OSError where there is no file."""
    return path.stat().st_size == len(_PLACE)


def is_written(path: Path) -> bool:
    """Whether a recorder has this file: it is there, and no mere place."""
    with suppress(OSError):
        return not is_place(path)
    return False
