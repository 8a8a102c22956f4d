"""The step before the last: recording.json beside the audio, with all that the catalogue knows of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controller import disk
from controller.catalogue.records import Settled
from controller.core.finished import Finished
from controller.core.plain import from_plain, to_plain
from controller.pipeline.task import AUDIO_NAME, PICTURE_NAME, STORY_NAME

VERSION = 1


@dataclass(frozen=True, slots=True)
class Story:
    """What recording.json says: enough to put the recording into an empty catalogue again."""

    finished: Finished
    settled: Settled


def tell(folder: Path, story: Story) -> None:
    """Write it into the recording's folder. Raises OSError."""
    row = {
        "onrecord": VERSION,
        "recording": story.finished.recording,
        "audio": AUDIO_NAME,
        "picture": PICTURE_NAME,
        **to_plain(story),
    }
    disk.write(folder / STORY_NAME, json.dumps(row, indent=1, ensure_ascii=False).encode())


def read(folder: Path) -> Story:
    """Raises OSError, ValueError, KeyError or TypeError for what is no story."""
    row: Any = json.loads((folder / STORY_NAME).read_bytes())
    if row["onrecord"] != VERSION:
        raise ValueError(f"{folder.name}: a story of version {row['onrecord']}")
    return from_plain(Story, row)
