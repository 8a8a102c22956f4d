"""A crash at any change to the disk: the n-th one is not made, and none after it."""

from __future__ import annotations

import pytest

from controller import disk


class Crash(BaseException):
    """The process is gone. No `except Exception` may save it."""


class Crashes:
    """Counts the changes to the disk, and dies at number `at` (1 is the first; 0: never)."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.changes: list[str] = []

    def before(self, what: str) -> None:
        self.changes.append(what)
        if self.at and len(self.changes) >= self.at:
            raise Crash(f"{len(self.changes)}: {what}")

    @property
    def crashed(self) -> bool:
        return bool(self.at) and len(self.changes) >= self.at


def install(patch: pytest.MonkeyPatch, at: int) -> Crashes:
    crashes = Crashes(at)
    patch.setattr(disk, "before", crashes.before)
    return crashes
