"""Files that nobody knows are told with what to do; files of live calls and of jobs are not, nor what is not ours."""

from __future__ import annotations

import os
import time
from pathlib import Path

from controller.alarms import Alarms
from controller.spool import Spool
from controller.watch.strays import OLD_SECONDS, Strays


def put(folder: Path, name: str, age: float = 2 * OLD_SECONDS) -> Path:
    path = folder / name
    path.write_bytes(b"sound")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


async def test_only_what_nobody_knows_is_told_until_it_is_gone(tmp_path: Path) -> None:
    monitor = tmp_path / "monitor"
    monitor.mkdir()
    spool, alarms = Spool(tmp_path / "spool"), Alarms()
    watch = Strays({"main": monitor}, spool, alarms, lambda: ["main-live"])
    put(monitor, "main-live.1.wav")
    put(monitor, "main-fresh.1.wav", age=5)
    put(monitor, "somebody-elses.wav")
    (spool.jobs / "main-taken").mkdir()
    (spool.jobs / "main-taken" / "job.json").write_text("{}")
    put(monitor, "main-taken.1.wav")
    await watch.look()
    assert alarms.active() == []
    left = put(monitor, "main-left.1-r.wav")
    await watch.look()
    (told,) = alarms.active()
    assert "1 files" in told.what
    assert "main-left.1-r.wav" in told.what
    assert "--repair" in told.remedy
    left.unlink()
    await watch.look()
    assert alarms.active() == []


async def test_a_folder_that_is_not_there_is_no_stray(tmp_path: Path) -> None:
    alarms = Alarms()
    await Strays({"main": tmp_path / "nowhere"}, Spool(tmp_path / "spool"), alarms, list).look()
    assert alarms.active() == []
