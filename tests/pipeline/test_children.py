"""Children die with their parent, however it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PARENT = """
import asyncio, os, sys
from controller.pipeline.children import Children
async def main():
    children = Children(2)
    print(await children.do(getpid, 0), flush=True)
    await asyncio.sleep(60)
def getpid(_):
    return os.getpid()
if __name__ == "__main__":
    asyncio.run(main())
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_controller_leaves_no_children_behind(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    here = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen([sys.executable, str(tmp_path / "parent.py")], stdout=subprocess.PIPE, env=here) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        deadline = time.monotonic() + 10
        while alive(child) and time.monotonic() < deadline:
            time.sleep(0.05)
        left = alive(child)
        if left:
            os.kill(child, signal.SIGKILL)
        assert not left
