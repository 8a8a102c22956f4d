"""The steps of the line on one conversation, in this process and without a catalogue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from controller.core.finished import Finished
from controller.core.plain import to_plain
from controller.pipeline.join import Joined, join
from controller.pipeline.measure import Measured, measure
from controller.pipeline.task import AUDIO_NAME, Task
from controller.spool import Spool
from tests.pipeline.recordings import Samples, read


def measured(tmp_path: Path, finished: Finished) -> tuple[Task, Measured]:
    """Taken over and measured; what the next step gets went through JSON's plain values."""
    task = Task(Spool(tmp_path / "spool").take(finished), tmp_path / "store")
    found = measure(task)
    return replace(task, done={"measure": to_plain(found)}), found


def joined(tmp_path: Path, finished: Finished) -> tuple[Samples, Joined]:
    """The finished file's samples, shape (frames, channels), and what the step says of it."""
    task, _ = measured(tmp_path, finished)
    found = join(task)
    samples, rate = read(task.job.folder / AUDIO_NAME)
    assert rate == found.timeline.rate
    assert len(samples) == found.timeline.frames
    return samples, found
