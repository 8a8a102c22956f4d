"""Where a pause is to be cut out: only digital silence on every side, and only where the marks say it was paused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import numpy as np

from controller.core.finished import Finished, FinishedSegment
from controller.pipeline.audio import BLOCK_SECONDS, Audio
from controller.pipeline.measure import Measured
from controller.pipeline.task import Task
from controller.pipeline.timeline import SLACK_SECONDS, Cut, pauses, rate_of, sources

LEAST_SECONDS = 0.02
"""One frame: shorter silence is no pause."""


def find(task: Task, measured: Measured) -> dict[int, tuple[Cut, ...]]:
    """What to leave out of each segment, in frames of the finished file's rate."""
    finished: Finished = task.job.finished
    return {segment.number: _of_segment(task, segment, measured) for segment in finished.segments}


def _of_segment(task: Task, segment: FinishedSegment, measured: Measured) -> tuple[Cut, ...]:
    spans = pauses(task.job.finished, segment)
    rate = rate_of(measured)
    pieces, _ = sources(segment, measured, rate)
    if not spans or not pieces:
        return ()
    sounds = {sound for piece in pieces for channel in piece.channels for sound in channel}
    found: list[Cut] = []
    with ExitStack() as files:
        sides = []
        for sound in sounds:
            raw = measured.of(segment.number, sound)
            if raw is not None:
                sides.append(files.enter_context(Audio(task.job.folder / raw.name, rate)))
        end = max(side.frames for side in sides)
        for begin, until in spans:
            window = (round((begin - SLACK_SECONDS) * rate), round((until + SLACK_SECONDS) * rate))
            runs = _silent_runs(sides, max(0, window[0]), min(end, window[1]), rate)
            found.extend(run for run in runs if run[1] > begin * rate and run[0] < until * rate)
    return _apart(found)


def _silent_runs(sides: Sequence[Audio], start: int, end: int, rate: int) -> Iterator[Cut]:
    """The stretches between start and end in which every sample of every side is silence, block by block."""
    since: int | None = None
    least, size = round(LEAST_SECONDS * rate), rate * BLOCK_SECONDS
    for at in range(start, end, size):
        count = min(size, end - at)
        silent = np.ones(count, bool)
        for side in sides:
            # In 32 bits: -32768 has no positive counterpart in 16.
            silent &= np.abs(side.read(at, count).astype(np.int32)) <= side.silence
        if since is not None and not silent[0]:
            if at - since >= least:
                yield since, at
            since = None
        edges = np.flatnonzero(silent[1:] != silent[:-1]) + 1
        if silent[0] and since is None:
            since = at
        for edge in edges:
            if silent[edge]:
                since = at + int(edge)
            elif since is not None:
                if at + int(edge) - since >= least:
                    yield since, at + int(edge)
                since = None
    if since is not None and end - since >= least:
        yield since, end


def _apart(found: Sequence[Cut]) -> tuple[Cut, ...]:
    """In order and not overlapping: two pauses close to each other share their slack."""
    merged: list[Cut] = []
    for begin, until in sorted(found):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        else:
            merged.append((begin, until))
    return tuple(merged)
