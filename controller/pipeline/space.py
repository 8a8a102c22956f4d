"""How much room is left on the disks that recordings pass through: for doctor and the metrics."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

RAW_BYTES = 3 * 16_000
"""Per second of one call: MixMonitor's three files at 8 kHz."""
STORED_BYTES = 2 * 16_000
LOW_HOURS = 24.0
LOW_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Space:
    """One folder's disk, in bytes. `names` is how many files can still be made; -1 where the disk does not say."""

    folder: Path
    disk: int  # two folders with the same number share their room
    total: int
    free: int
    names: int

    def hours(self, per_second: int = STORED_BYTES) -> float:
        """How many hours of conversation fit."""
        return self.free / per_second / 3600

    @property
    def low(self) -> bool:
        return self.free < LOW_SHARE * self.total or self.hours() < LOW_HOURS or 0 <= self.names < 10_000


def space(folder: Path) -> Space:
    """Of the disk that the folder is on, or will be on once it is made. Raises OSError."""
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    found = os.statvfs(there)
    # Not f_bfree: a part is for root alone, and the controller does not run as root.
    names = found.f_favail if found.f_files else -1
    return Space(folder, there.stat().st_dev, found.f_frsize * found.f_blocks, found.f_frsize * found.f_bavail, names)
