"""Task: what a step of the line gets. Steps run in child processes, so all of it can be sent there and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from controller.core.plain import from_plain
from controller.spool import Job

Result = TypeVar("Result")

AUDIO_NAME = "recording.wav"
PICTURE_NAME = "picture.png"
STORY_NAME = "recording.json"


@dataclass(frozen=True, slots=True)
class Task:
    """A job, where its result is to be stored, and what the steps before this one found (as plain values)."""

    job: Job
    store: Path
    done: Mapping[str, Any] = field(default_factory=dict)

    def found(self, step: str, kind: type[Result]) -> Result:
        """The result of an earlier step. Raises KeyError if it has not been done."""
        return from_plain(kind, self.done[step])
