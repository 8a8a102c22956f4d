"""An event loop in which nobody waits: when all that is left is to sleep, the clock jumps."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class StuckForEver(Exception):
    """Nothing is left to do and no timer is set: whoever waits now would wait for ever."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` begins at 0 and moves only when every task waits for it. An hour passes in a millisecond."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Impatient(self))

    def time(self) -> float:
        return self.now


class _Impatient(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._of = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise StuckForEver
        self._of.now += max(timeout, 0.0)
        return super().select(0)
