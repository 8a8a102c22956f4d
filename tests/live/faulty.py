"""For tests of faults: a whole controller whose folders can be put on small, broken or missing disks."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
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

MOST_FROZEN = 20.0
ALWAYS = '[[rule]]\nname = "all"\nextension = ["100", "101"]\nmode = "always-with-pause"\n'


@asynccontextmanager
async def running(
    folder: Path, pbx: Asterisk, rules: str = ALWAYS, monitor: Path | None = None, home: str = HOME, more: str = ""
) -> AsyncIterator[App]:
    """A controller with everything, whose PBX writes into `monitor`; `more` are lines of its [[pbx]]."""
    table = pbx_table(pbx) if monitor is None else writing_into(pbx, monitor)
    async with controlled_by(folder, ROSTER + rules + table + more + home) as app:
        yield app


def writing_into(pbx: Asterisk, monitor: Path, name: str = "main") -> str:
    """The table of a PBX that writes into this folder."""
    table = pbx_table(pbx, name).replace(f'"{pbx.pbx_path(pbx.monitor_dir)}"', f'"{pbx.pbx_path(monitor)}"')
    return table.replace(f'"{pbx.monitor_dir}"', f'"{monitor}"')


@asynccontextmanager
async def controlled_by(folder: Path, text: str) -> AsyncIterator[App]:
    """A controller with this configuration, connected to all of its PBXs."""
    (folder / "onrecord.toml").write_text(text)
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


@contextmanager
def hanging(at: Path) -> Iterator[Callable[[bool], None]]:
    """A disk of its own at this place that can be told to hang, and to go on: whoever writes there waits meanwhile.

    Freezing is what the kernel does for snapshots of a disk; network file systems and failing disks do the same to
    who writes. It goes on by itself after MOST_FROZEN seconds: a process that waits there cannot even be killed.
    Skips where that is not allowed: it takes root and a loop device."""
    at.mkdir(parents=True, exist_ok=True)
    image = at.with_name(at.name + ".img")
    with image.open("wb") as file:
        file.truncate(32 << 20)
    steps = (["mkfs.ext4", "-q", "-F", "-N", "20000", str(image)], ["mount", "-o", "loop", str(image), str(at)])
    if os.geteuid() != 0 or any(subprocess.run(each, capture_output=True, check=False).returncode for each in steps):  # noqa: S603
        pytest.skip("a disk that hangs takes root, a loop device and mkfs.ext4")
    at.chmod(0o777)
    limits: list[threading.Timer] = []

    def freeze(frozen: bool) -> None:
        # That it goes on already is no mistake.
        subprocess.run(["fsfreeze", "-f" if frozen else "-u", str(at)], check=frozen, capture_output=True)  # noqa: S603, S607
        for each in limits:
            each.cancel()
        limits[:] = [threading.Timer(MOST_FROZEN, freeze, (False,))] if frozen else []
        for each in limits:
            each.daemon = True
            each.start()

    try:
        yield freeze
    finally:
        freeze(False)
        subprocess.run(["umount", "-l", str(at)], check=False)  # noqa: S603, S607
        image.unlink()
