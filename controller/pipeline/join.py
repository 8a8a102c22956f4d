"""The second step: the segments of a recording as one WAV. Left the customer, right the house; mono for rooms."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from controller import disk
from controller.pipeline import cuts, timeline
from controller.pipeline.audio import BLOCK_SECONDS, Audio
from controller.pipeline.levels import Tally, tally
from controller.pipeline.measure import Measured
from controller.pipeline.task import AUDIO_NAME, Task
from controller.pipeline.timeline import Channel, Piece, Timeline
from controller.pipeline.wav import Samples, WavWriter
from controller.spool import Sound


@dataclass(frozen=True, slots=True)
class Joined:
    """What was written: `sums` one per channel, left first."""

    timeline: Timeline
    sums: tuple[Tally, ...] = ()

    @property
    def seconds(self) -> float:
        """What recorders wrote, without the gaps between segments."""
        return self.timeline.recorded / self.timeline.rate


def join(task: Task) -> Joined:
    """Write the finished file into the job's folder. Raises OSError for what the disk says."""
    measured = task.found("measure", Measured)
    plan = timeline.build(task.job.finished, measured, cuts.find(task, measured))
    if not plan.recorded:
        return Joined(plan)
    part = task.job.folder / (AUDIO_NAME + disk.PART)
    sums = [Tally() for _ in range(plan.channels)]
    disk.before(f"write {part.name}")
    with ExitStack() as files:
        sources = _Sources(task, measured, plan.rate, files)
        wav = files.enter_context(WavWriter(part, plan.rate, plan.channels, plan.frames))
        for piece in plan.pieces:
            for at in range(0, piece.frames, plan.rate * BLOCK_SECONDS):
                block = sources.block(piece, at, min(plan.rate * BLOCK_SECONDS, piece.frames - at))
                wav.write(block)
                sums = [old.plus(tally(block[:, n], plan.rate)) for n, old in enumerate(sums)]
    disk.keep(part, task.job.folder / AUDIO_NAME)
    return Joined(plan, tuple(sums))


class _Sources:
    """The raw files of a job, opened as they are needed."""

    def __init__(self, task: Task, measured: Measured, rate: int, files: ExitStack) -> None:
        self.task, self.measured, self.rate, self.files = task, measured, rate, files
        self.open: dict[tuple[int, Sound], Audio | None] = {}

    def block(self, piece: Piece, at: int, count: int) -> Samples:
        """`count` frames of a piece, from `at` on within it; shape (count, channels)."""
        made: dict[Channel, Samples] = {}
        for channel in piece.channels:
            if channel not in made:
                made[channel] = self._channel(piece, channel, at, count)
        return np.stack([made[channel] for channel in piece.channels], axis=1)

    def _channel(self, piece: Piece, channel: Channel, at: int, count: int) -> Samples:
        read = [audio.read(piece.start + at, count) for audio in self._audio(piece.segment, channel)]
        if not read:
            return np.zeros(count, np.int16)
        if len(read) == 1:
            return read[0]
        loud = np.clip(np.sum(read, axis=0, dtype=np.int32), -32768, 32767)
        summed: Samples = loud.astype(np.int16)
        return summed

    def _audio(self, segment: int, channel: Channel) -> list[Audio]:
        found = []
        for sound in channel:
            if (segment, sound) not in self.open:
                raw = self.measured.of(segment, sound)
                path = self.task.job.folder / raw.name if raw is not None else None
                audio = self.files.enter_context(Audio(path, self.rate)) if path is not None else None
                self.open[segment, sound] = audio
            known = self.open[segment, sound]
            if known is not None:
                found.append(known)
        return found
