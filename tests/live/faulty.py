"""For tests of faults: a whole controller whose folders can be put on small, broken or missing disks."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from controller.alarms import Standing
from controller.app import App, build
from controller.config.load import load
from controller.lab import Asterisk
from controller.lab.home import HOME, pbx_table
from tests.live.controlling import ROSTER

ALWAYS = '[[rule]]\nname = "all"\nextension = ["100", "101"]\nmode = "always-with-pause"\n'


@asynccontextmanager
async def running(
    folder: Path, pbx: Asterisk, rules: str = ALWAYS, monitor: Path | None = None, home: str = HOME, more: str = ""
) -> AsyncIterator[App]:
    """A controller with everything, whose PBX writes into `monitor`; `more` are lines of its [[pbx]]."""
    tables = pbx_table(pbx) + more
    if monitor is not None:
        tables = tables.replace(f'"{pbx.pbx_path(pbx.monitor_dir)}"', f'"{pbx.pbx_path(monitor)}"')
        tables = tables.replace(f'"{pbx.monitor_dir}"', f'"{monitor}"')
    (folder / "onrecord.toml").write_text(ROSTER + rules + tables + home)
    app = await build(load(folder / "onrecord.toml"))
    task = asyncio.create_task(app.run())
    try:
        async with asyncio.timeout(10):
            while any(app.engine.links.values()):
                await asyncio.sleep(0.02)
        yield app
    finally:
        app.stop()
        await asyncio.wait_for(task, 40)


async def until(true: Callable[[], object], deadline: float) -> None:
    """Wait for a condition. Raises TimeoutError."""
    async with asyncio.timeout(deadline):
        while not true():
            await asyncio.sleep(0.02)


async def alarm(app: App, kind: str, deadline: float) -> Standing:
    """The alarm of this kind, awaited. Raises TimeoutError."""

    def found() -> list[Standing]:
        return [each for each in app.engine.alarms.active() if each.key.startswith(f"{kind} ")]

    await until(found, deadline)
    return found()[0]


@contextmanager
def disk(at: Path, size: str = "1m", options: str = "") -> Iterator[Path]:
    """A file system of its own at this place. Skips where mounting is not allowed: it takes root."""
    at.mkdir(parents=True, exist_ok=True)
    more = f",{options}" if options else ""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0777{more}", "onrecord-test", str(at)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:  # noqa: S603
        pytest.skip("a disk of its own can be made by root only")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=False)  # noqa: S603, S607


def fill(folder: Path, leave: int) -> Path:
    """A file that leaves so many bytes free."""
    room = os.statvfs(folder)
    path = folder / "filler"
    with path.open("wb") as file:
        file.write(b"\0" * max(0, room.f_frsize * room.f_bavail - leave))
    return path
