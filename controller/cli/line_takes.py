"""The files that `onrecord listen --record` leaves: a WAV per recording, and beside it what happened, as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from controller import disk
from hardware.audio import Capture
from hardware.line_tap import Change, State
from hardware.takes import Take


@dataclass(slots=True)
class Takes:
    folder: Path
    channels: int
    device: str
    began: datetime | None = None
    """Second 0 of the stream, on the clock."""
    _start: float = 0.0
    _marks: list[dict[str, Any]] = field(default_factory=list)

    def open(self, at: float) -> Take:
        """A new file, named after the moment it begins at. Raises OSError."""
        self._start, self._marks = at, []
        moment = self._when(at)
        name = f"{moment:%Y-%m-%dT%H-%M-%S}.{moment.microsecond // 1000:03}"
        for n in range(1000):
            try:
                return Take(self.folder / f"{name}{f'-{n}' if n else ''}.wav", self.channels)
            except FileExistsError:
                continue
        raise FileExistsError(f"{self.folder / name}.wav and 999 more of that moment")

    def hear(self, change: Change, capture: Capture) -> None:
        """Remember what was done; write it down when the recording ends."""
        if change.before is change.after or change.take is None:
            return
        asked = change.key.value if change.key else "nobody"
        self._marks.append({"at": round(change.at - self._start, 3), "state": change.after.value, "asked": asked})
        if change.after is not State.OFF:
            return
        story = {
            "file": change.take.path.name,
            "began": self._when(self._start).isoformat(timespec="milliseconds"),
            "seconds": round(change.take.frames / change.take.rate, 3),
            "rate": change.take.rate,
            "channels": self.channels,
            "device": self.device,
            "marks": self._marks,
            "overruns": capture.overruns,
            "lost_seconds": round(capture.lost, 3),
        }
        text = json.dumps(story, ensure_ascii=False, indent=1) + "\n"
        disk.write(change.take.path.with_suffix(".json"), text.encode())

    def _when(self, at: float) -> datetime:
        began = self.began or datetime.now().astimezone() - timedelta(seconds=at)
        return began + timedelta(seconds=at)
