"""A working day in one recording: streamed, and never in memory as a whole."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.pipeline.recordings import tone

HOURS = 8
PROGRAM = """
import resource, sys
from dataclasses import replace
from pathlib import Path
from controller.core.plain import to_plain
from controller.pipeline.join import join
from controller.pipeline.measure import measure
from controller.pipeline.picture import draw
from controller.pipeline.store import store
from controller.pipeline.task import Task
from controller.pipeline.verify import verify
from controller.spool import Spool
from tests.pipeline.test_long import day

base = Path(sys.argv[1])
task = Task(Spool(base / "spool").take(day(base)), base / "store")
import numpy, soundfile  # what they need is not what the recording needs
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name, step in (("measure", measure), ("join", join), ("picture", draw), ("store", store), ("verify", verify)):
    task = replace(task, done={**task.done, name: to_plain(step(task))})
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, task.done["verify"]["frames"])
"""


def day(base: Path):  # type: ignore[no-untyped-def]
    """Eight hours at 8 kHz with a tone at their end; the files are sparse and take no room."""
    from controller.core.finished import FinishedSegment
    from tests.pipeline.recordings import BEGAN, conversation

    frames = HOURS * 3600 * 8000
    (base / "m").mkdir()
    paths = []
    for side in ("", "-r", "-t"):
        path = base / "m" / f"main-1-1.1{side}.wav"
        with path.open("wb") as file:
            form = struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
            sizes = frames * 2
            file.write(b"RIFF" + struct.pack("<I", sizes + 36) + b"WAVEfmt " + form + b"data")
            file.write(struct.pack("<I", sizes))
            file.seek(44 + sizes - 16000)
            file.write(tone(400, 1).astype("<i2").tobytes())
        paths.append(str(path))
    end = BEGAN + HOURS * 3600
    return conversation(FinishedSegment(1, "main/1.1", BEGAN, end, "", *paths))  # type: ignore[arg-type]


def test_eight_hours_need_no_more_memory_than_a_few_blocks(tmp_path: Path) -> None:
    found = subprocess.run(  # noqa: S603
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False, cwd=Path.cwd()
    )
    assert found.returncode == 0, found.stderr
    megabytes, frames = (int(word) for word in found.stdout.split())
    assert frames == HOURS * 3600 * 8000
    assert megabytes < 40, f"{megabytes} MB beside a file of {frames * 4 // 2**20} MB"
    stored = next((tmp_path / "store").rglob("*.wav"))
    with stored.open("rb") as file:
        file.seek(-4 * 8000, 2)
        last = np.frombuffer(file.read(), "<i2").reshape(-1, 2)
    assert np.array_equal(last[:, 0], tone(400, 1))
