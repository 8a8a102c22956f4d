"""A disk or a database that says no to the line: nothing is lost by waiting, but somebody must know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from controller.alarms import Alarms
from controller.catalogue.database import suspect

BACKOFF_SECONDS = (1.0, 5.0, 30.0, 120.0, 300.0)
"""Between attempts; the last one goes on for as long as it takes, where the disk or the database said no."""


def backoff(attempt: int) -> float:
    """Seconds to wait after this attempt, counted from 0."""
    return BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS) - 1)]


@dataclass(frozen=True, slots=True)
class Obstacles:
    """`catalogue`: its file; `spool`: its folder. Both are what the alarms are about."""

    alarms: Alarms
    catalogue: Path
    spool: Path
    _unread: set[Path] = field(default_factory=set)

    def met(self, error: Exception) -> None:
        """It stands in the way just now."""
        if isinstance(error, SQLAlchemyError):
            why = str(getattr(error, "orig", None) or error).splitlines()[0]
            what = f"the catalogue cannot be used ({why}): recordings wait in the spool and in the PBX's folder"
            self.alarms.on("catalogue", str(self.catalogue), what, _remedy(why))
            if _is_damage(why):
                suspect(self.catalogue)
            return
        where = getattr(error, "filename", None) or self.spool
        why = getattr(error, "strerror", None) or str(error)
        what = f"recordings cannot be worked on ({where}: {why}): they wait where they are"
        self.alarms.on("disk", str(self.spool), what, "free space, or make it reachable and writable again")

    def unread(self, folders: Mapping[Path, str]) -> None:
        """All jobs that cannot be read now, and why. Nobody would miss them before their raw files are looked for."""
        for folder in self._unread - folders.keys():
            self.alarms.off("recording", folder.name)
        for folder, why in folders.items():
            what = f"a job in the spool cannot be read: {why}"
            self.alarms.on("recording", folder.name, what, f"give {folder} to the controller's user (chown -R)")
        self._unread.clear()
        self._unread.update(folders)

    def catalogue_written(self) -> None:
        self.alarms.off("catalogue", str(self.catalogue))

    def spool_worked(self) -> None:
        self.alarms.off("disk", str(self.spool))


def _remedy(why: str) -> str:
    if "locked" in why:
        return "see which program holds the database open, and end it"
    if _is_damage(why):
        return "restart the controller: it sets the damaged file aside and makes the rows again from the store"
    return "free space on its disk and see to its rights"


def _is_damage(why: str) -> bool:
    return "malformed" in why or "not a database" in why
