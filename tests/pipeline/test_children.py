"""The children of a controller that is killed end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from controller.pipeline import children
from controller.pipeline.children import Children

PARENT = """
import asyncio, os
from controller.pipeline.children import Children

async def main():
    children = Children(1)
    print(await children.do(abs, -7), *children._pool._processes, flush=True)
    await asyncio.sleep(60)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_a_killed_parent_takes_its_children_with_it(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment) as parent:  # noqa: S603
        assert parent.stdout is not None
        answer, child = parent.stdout.readline().split()
        assert answer == b"7"
        assert Path(f"/proc/{int(child)}").exists()
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{int(child)}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{int(child)}").exists()


async def test_where_no_child_can_be_started_the_error_names_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")  # what sem_open says, without any name

    monkeypatch.setattr(children, "ProcessPoolExecutor", refused)
    with pytest.raises(PermissionError, match="no child process can be started: Permission denied: '/dev/shm'"):
        await Children(1).do(abs, -7)
