"""The first step: what is in each raw file, how long, how loud, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import reduce
from pathlib import Path

from controller.pipeline.audio import BLOCK_SECONDS, Audio
from controller.pipeline.levels import Tally, tally
from controller.pipeline.task import Task
from controller.pipeline.wav import Unreadable
from controller.spool import JOB, Sound


class Condition(Enum):
    """Of a raw file."""

    GOOD = "good"
    REPAIRED = "repaired"  # never closed by its PBX: the lengths were taken from the file
    EMPTY = "empty"  # no sound in it
    MISSING = "missing"
    UNREADABLE = "unreadable"

    @property
    def sounds(self) -> bool:
        return self in (Condition.GOOD, Condition.REPAIRED)


@dataclass(frozen=True, slots=True)
class RawMeasure:
    """One raw file: `frames` at `rate`, and the sums of its sound."""

    segment: int
    sound: Sound
    name: str
    condition: Condition
    frames: int = 0
    rate: int = 0
    note: str = ""
    sums: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True)
class Measured:
    raws: tuple[RawMeasure, ...] = ()

    def of(self, segment: int, sound: Sound) -> RawMeasure | None:
        """The measure of this file, if there is any sound in it."""
        return next((m for m in self.raws if (m.segment, m.sound) == (segment, sound) and m.condition.sounds), None)


def measure(task: Task) -> Measured:
    """Read every raw file once. Raises OSError for what the disk says."""
    if not (task.job.folder / JOB).exists():
        raise FileNotFoundError(f"{task.job.folder} is not there: its disk is gone, and not just a file of it")
    found = []
    for raw in task.job.raws:
        condition, frames, rate, note, sums = _file(task.job.path(raw))
        found.append(RawMeasure(raw.segment, raw.sound, raw.name, condition, frames, rate, note, sums))
    return Measured(tuple(found))


def _file(path: Path) -> tuple[Condition, int, int, str, Tally]:
    if not path.exists():
        return Condition.MISSING, 0, 0, "the PBX left no file", Tally()
    try:
        with Audio(path) as audio:
            if not audio.frames:
                return Condition.EMPTY, 0, audio.rate, "no sound in it", Tally()
            size = audio.rate * BLOCK_SECONDS
            blocks = (audio.read(at, min(size, audio.frames - at)) for at in range(0, audio.frames, size))
            sums = reduce(Tally.plus, (tally(block, audio.rate) for block in blocks), Tally())
            if audio.repaired:
                note = "never closed by the PBX: the last 2 s may be missing"
                return Condition.REPAIRED, audio.frames, audio.rate, note, sums
            return Condition.GOOD, audio.frames, audio.rate, "", sums
    except Unreadable as error:
        return Condition.UNREADABLE, 0, 0, str(error), Tally()
