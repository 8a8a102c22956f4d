"""Strays: files of ours in a PBX's folder that belong to no call; told, never touched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from controller.alarms import Alarms
from controller.spool import Spool, monitor_name

FIRST_SECONDS = 150.0
"""After a start everything that is taken over has left the folder by then."""
EVERY_SECONDS = 600.0
OLD_SECONDS = 120.0
"""What changed so recently may be at work."""


@dataclass(slots=True)
class Strays:
    """`monitors`: PBX -> its folder, as this process sees it. `live` tells the recordings of calls that go on."""

    monitors: Mapping[str, Path]
    spool: Spool
    alarms: Alarms
    live: Callable[[], Collection[str]]

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            await self.look()
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Look through every folder once."""
        live = frozenset(self.live())
        for pbx, folder in self.monitors.items():
            left = await asyncio.to_thread(self._left, folder, live)
            if not left:
                self.alarms.off("strays", pbx)
                continue
            what = f"{len(left)} files in the folder of {pbx} belong to no call that is known, such as {left[0].name}"
            remedy = "`onrecord check` tells what they are, `onrecord check --repair` makes recordings of them"
            remedy += ", or destroys what nobody asked to keep"
            self.alarms.on("strays", pbx, what, remedy)

    def _left(self, folder: Path, live: Collection[str]) -> list[Path]:
        """Blocks. A folder that cannot be read is told by another watch."""
        found = []
        with suppress(OSError):
            for path in sorted(folder.iterdir()):
                name = monitor_name(path)
                if name is None or name.recording in live or self.spool.has(name.recording):
                    continue
                with suppress(OSError):
                    if time.time() - path.stat().st_mtime > OLD_SECONDS:
                        found.append(path)
        return found
