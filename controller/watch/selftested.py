"""Selftested: how the last `onrecord selftest` ended, in a small file by the journal; an alarm while it failed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from controller import disk
from controller.alarms import Alarms

FILE = "selftest.json"
EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one PBX. Times in Unix seconds; `passed_at` 0: never. `what`, `remedy`: of the first step that failed."""

    at: float
    passed: bool
    passed_at: float = 0.0
    step: str = ""
    what: str = ""
    remedy: str = ""


def read(folder: Path) -> dict[str, Outcome]:
    """By PBX; {} where none was ever made, or the file cannot be read."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return {str(pbx): Outcome(**one) for pbx, one in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write(folder: Path, outcomes: dict[str, Outcome]) -> None:
    """Raises OSError."""
    disk.write(folder / FILE, json.dumps({pbx: asdict(one) for pbx, one in outcomes.items()}, indent=1).encode())


@dataclass(slots=True)
class Selftested:
    """Looks at the file, which another process writes."""

    folder: Path
    alarms: Alarms

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.look(await asyncio.to_thread(read, self.folder))
            await asyncio.sleep(EVERY_SECONDS)

    def look(self, outcomes: dict[str, Outcome]) -> None:
        """Raise and end alarms."""
        for pbx, one in outcomes.items():
            if one.passed:
                self.alarms.off("selftest", pbx)
            else:
                self.alarms.on("selftest", pbx, f"the self-test failed at {one.step}: {one.what}", one.remedy)
