"""`onrecord run` and the other commands as processes of their own, as an administrator has them."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controller.lab import Asterisk
from controller.lab.home import HOME, pbx_table
from tests.live.controlling import ROSTER

ONRECORD = (sys.executable, "-c", "from controller.cli import main; main()")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, and what it said where."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def onrecord(*arguments: str | Path, deadline: float = 30) -> Ended:
    """Run one command to its end. Raises TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        *ONRECORD, *map(str, arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), deadline)
    return Ended(process.returncode or 0, out.decode(), err.decode())


class Child:
    """A running `onrecord run`, with everything that it said so far in `said`."""

    def __init__(self, config: Path, process: asyncio.subprocess.Process) -> None:
        self.config = config
        self.said: list[str] = []
        self.process = process
        self._news = asyncio.Condition()
        self._task = asyncio.create_task(self._listen())

    async def says(self, pattern: str, *, since: int = 0, deadline: float = 10) -> str:
        """The first line of its log from index `since` on that fits, awaited. Raises TimeoutError."""
        try:
            async with asyncio.timeout(deadline), self._news:
                while True:
                    for line in self.said[since:]:
                        if re.search(pattern, line):
                            return line
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"never said {pattern!r}, but:\n" + "\n".join(self.said[since:])) from None

    def hang_up_signal(self) -> None:
        """SIGHUP: read the configuration again."""
        self.process.send_signal(signal.SIGHUP)

    async def do(self, *arguments: str | Path, deadline: float = 30) -> Ended:
        """Another command, with the same configuration."""
        return await onrecord(*arguments, "--config", self.config, deadline=deadline)

    async def calls(self, count: int, deadline: float = 20) -> list[dict[str, Any]]:
        """What `onrecord list` shows once so many calls are there and none is being worked on; oldest first."""
        async with asyncio.timeout(deadline):
            while True:
                found = (await self.do("list", "--json")).json
                working = any(each["status"] == "working" for call in found for each in call["recordings"])
                if len(found) >= count and not working:
                    return sorted(found, key=lambda call: str(call["began_at"]))

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            return await asyncio.wait_for(self.process.wait(), 45)  # what is worked on is given time, too
        finally:
            await self._task

    async def _listen(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            async with self._news:
                self.said.append(line.decode(errors="replace").rstrip("\n"))
                self._news.notify_all()


def configuration(pbx: Asterisk, rules: str, roster: str = ROSTER) -> str:
    """A whole configuration file for this PBX; its folders lie beside it."""
    return roster + rules + pbx_table(pbx) + HOME


@asynccontextmanager
async def running(folder: Path, text: str) -> AsyncIterator[Child]:
    """A controller of its own process with this configuration file, connected to its PBX."""
    config = folder / "onrecord.toml"
    config.write_text(text)
    process = await asyncio.create_subprocess_exec(
        *ONRECORD,
        "run",
        "--config",
        str(config),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    child = Child(config, process)
    try:
        await child.says("link up", deadline=20)
        yield child
    finally:
        await child.stop()
