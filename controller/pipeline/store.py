"""The finished recording's place in the store: `<yyyy>/<mm>/<dd>/<recording>/`, with audio, picture and story."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from controller import disk
from controller.core.finished import Finished, is_recording_id
from controller.pipeline.task import AUDIO_NAME, PICTURE_NAME, Task
from controller.spool import NotARecording


def place(finished: Finished) -> str:
    """The folder of a recording, relative to the store: by the day (UTC) its call began."""
    recording = finished.recording
    if recording is None or not is_recording_id(recording):
        raise NotARecording(f"{recording!r} is no safe name for a recording")
    return datetime.fromtimestamp(finished.began_at, UTC).strftime("%Y/%m/%d/") + recording


def store(task: Task) -> str:
    """Bring audio and picture into the store; returns the folder, relative to it. Raises OSError.

    The job's own copies stay until the stored ones are verified, so that this can be done again.
    """
    where = place(task.job.finished)
    folder = task.store / where
    disk.make_folder(folder)
    for name in (AUDIO_NAME, PICTURE_NAME):
        source = task.job.folder / name
        if source.exists():
            _bring(source, folder / name)
    return where


def _bring(source: Path, target: Path) -> None:
    part = target.with_name(target.name + disk.PART)
    part.unlink(missing_ok=True)
    disk.copy_or_link(source, part)
    disk.keep(part, target)
