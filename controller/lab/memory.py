"""A folder in memory that an instance of the lab and this machine both see."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from controller.lab import root

SIZE = "64m"


def folder(home: Path) -> Path:
    """Of the instance that lives in `home`. An ordinary user cannot mount, but his PBX sees the machine's own."""
    return home / "memory" if os.geteuid() == 0 else root.MEMORY / f"onrecord-{home.name}"


def inside(home: Path, pbx_path: str) -> str:
    """The same as the PBX calls it; `pbx_path` is how it calls its home."""
    return f"{pbx_path}/memory" if os.geteuid() == 0 else str(folder(home))


def make(place: Path) -> None:
    """A tmpfs of its own, which shares nothing with others on this machine; where that is not allowed (root of some
    containers), a folder on the disk, which the controller then refuses by name."""
    place.mkdir(mode=0o770, parents=True, exist_ok=True)
    if os.geteuid() == 0 and not place.is_mount():
        # noswap is known from Linux 6.4 on.
        for options in (f"size={SIZE},mode=0770,noswap", f"size={SIZE},mode=0770"):
            command = ["mount", "-t", "tmpfs", "-o", options, "onrecord-lab", str(place)]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                return


def remove(place: Path) -> None:
    """Unmount and delete it, whoever may have left it."""
    if place.is_mount():
        subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)
    shutil.rmtree(place, ignore_errors=True)
