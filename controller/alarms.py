"""Alarms: what somebody must know, with its cause and its remedy; the one place where every part reports it.

A fault that lasts is one alarm that is counted, not a thousand lines in the log; one that is over is told as over.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import structlog

from controller import disk
from controller.core.commands import Alarm

log = structlog.get_logger("alarm")

REPEAT_SECONDS = 60.0
"""How often an alarm that goes on is said again."""
MOST_ACTIVE = 1000
MOST_PAST = 200
FILE = "alarms.jsonl"
MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Standing:
    """One alarm. Times in Unix seconds; `until` None: it goes on. `about`: a call, a PBX, a folder; "" for all of it.

    What happens once, such as a start that the PBX refused, is over as soon as it is told."""

    key: str
    what: str
    remedy: str
    about: str
    since: float
    last: float
    count: int = 1
    until: float | None = None


@dataclass(slots=True)
class Alarms:
    """The alarms of one controller. `folder`: where each is written down, a line when it begins and one when it ends.

    Never raises and never waits: it is called from where calls are handled."""

    folder: Path | None = None
    clock: Callable[[], float] = time.time
    raised: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)
    past: deque[Standing] = field(default_factory=lambda: deque(maxlen=MOST_PAST))
    watchers: set[Callable[[Standing], None]] = field(default_factory=set)
    _active: dict[str, Standing] = field(default_factory=dict)
    _said: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """What an earlier life left standing ends with it: what still is so is told again."""
        with suppress(OSError):
            left = read(self.folder) if self.folder is not None else []
            for standing in left:
                if standing.until is None:
                    self._write(replace(standing, until=self.clock()))

    def active(self) -> list[Standing]:
        """What goes on now, oldest first."""
        return sorted(self._active.values(), key=lambda each: each.since)

    def told(self, alarm: Alarm) -> None:
        """Something happened to a call, once."""
        self._raise(f"call {alarm.call} {alarm.what}", alarm.what, alarm.remedy, alarm.call, "call", lasting=False)

    def on(self, kind: str, about: str, what: str, remedy: str) -> None:
        """Something is wrong until off() is called with the same kind and about."""
        self._raise(f"{kind} {about}", what, remedy, about, kind, lasting=True)

    def off(self, kind: str, about: str) -> None:
        """It is well again; nothing happens if it was."""
        key = f"{kind} {about}"
        over = self._active.pop(key, None)
        if over is None:
            return
        self._said.pop(key, None)
        over = replace(over, until=self.clock())
        self.past.append(over)
        log.info(
            "alarm over", about=about, what=over.what, seconds=round(over.last - over.since, 1), times=over.count
        )
        self._write(over)

    def over_for(self, kind: str, still: set[str]) -> None:
        """All of this kind are over, except about these."""
        for each in [one for one in self._active.values() if one.key.startswith(f"{kind} ")]:
            if each.about not in still:
                self.off(kind, each.about)

    def _raise(self, key: str, what: str, remedy: str, about: str, kind: str, lasting: bool) -> None:
        now = self.clock()
        self.raised += 1
        self.by_kind[kind] = self.by_kind.get(kind, 0) + 1
        known = self._active.get(key)
        if known is not None:
            standing = replace(known, what=what, remedy=remedy, last=now, count=known.count + 1)
        else:
            standing = Standing(key, what, remedy, about, now, now, until=None if lasting else now)
        if lasting and (known is not None or len(self._active) < MOST_ACTIVE):
            self._active[key] = standing
        if not lasting:
            self.past.append(standing)
        if known is None or now - self._said.get(key, 0.0) >= REPEAT_SECONDS:
            if key in self._active:
                self._said[key] = now
            log.error("alarm", about=about, what=what, remedy=remedy, times=standing.count)
        if known is None:
            self._write(standing)
            for watcher in self.watchers:
                watcher(standing)

    def _write(self, standing: Standing) -> None:
        """Beside the journal, for `onrecord alarms` and whoever looks later. A full disk is an alarm of its own."""
        if self.folder is None:
            return
        with suppress(OSError):
            path = self.folder / FILE
            if path.exists() and path.stat().st_size > MOST_BYTES:
                path.replace(path.with_suffix(".old"))
            with path.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(standing)) + "\n")


def read(folder: Path) -> list[Standing]:
    """What was written down, oldest first; lines that cannot be read are left out. Raises OSError."""
    found: dict[tuple[str, float], Standing] = {}
    path = folder / FILE
    if not disk.is_there(path):
        return []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError, TypeError):
            standing = Standing(**json.loads(line))
            found[standing.key, standing.since] = standing
    return sorted(found.values(), key=lambda each: each.since)
