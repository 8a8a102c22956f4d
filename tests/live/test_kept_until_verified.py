"""The raw files of a real call stay until its stored file was read back and found right: on a disk that spoils it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from controller.catalogue.entries import Status
from controller.lab import Asterisk, MakePhone
from controller.pipeline import line
from controller.pipeline.store import store
from controller.pipeline.task import AUDIO_NAME, Task
from controller.pipeline.verify import verify
from tests.live.faulty import running
from tests.live.test_controller import entries, only
from tests.live.test_faults_disks import CALLER, on, talking, voices

SPOILED = 2
"""So many times the disk gives back other bytes than were written."""


def notes(task: Task) -> Path:
    return task.store.parent / "notes.jsonl"


def told(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def spoiling(task: Task) -> str:
    """Store, and change a byte behind our back, as a failing disk does: not in the job's own copy."""
    where = store(task)
    path = task.store / where / AUDIO_NAME
    if len(told(notes(task))) < SPOILED:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0x40
        path.unlink()
        path.write_bytes(data)
    return where


def noting(task: Task) -> object:
    """Verify, and note which raw files are there at that moment, and how it ended."""
    raws = sorted(path.name for path in task.job.folder.glob("*.wav") if path.name != AUDIO_NAME)
    note: dict[str, object] = {"raws": raws, "bytes": sum((task.job.folder / name).stat().st_size for name in raws)}
    try:
        found = verify(task)
    except Exception as error:
        note["error"] = type(error).__name__
        raise
    finally:
        with notes(task).open("a") as file:
            file.write(json.dumps(note) + "\n")
    return found


DOES = {"store": spoiling, "verify": noting}
STEPS = tuple(replace(step, do=DOES.get(step.name, step.do)) for step in line.STEPS)


@pytest.mark.proves("F-096", "B-11")
async def test_raw_files_stay_until_what_was_stored_is_read_back_as_it_was_recorded(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "STEPS", STEPS)
    async with running(tmp_path, asterisk) as app:
        call = await talking(phone)
        await on(app)
        await asyncio.sleep(1.5)
        await call.hangup()
        (entry,) = await entries(app, 1)
        assert only(entry).status is Status.KEPT
        assert voices(app, entry) == {CALLER}
    looks = told(tmp_path / "notes.jsonl")
    assert [look.get("error") for look in looks] == ["NotTheSame"] * SPOILED + [None]
    for look in looks:  # three at each look: what was mixed, and both sides
        assert len(look["raws"]) == 3, look  # type: ignore[arg-type]
        assert look["bytes"] == looks[0]["bytes"]
    assert not list((tmp_path / "spool" / "jobs").iterdir())
    assert not list(asterisk.monitor_dir.glob("*.wav"))
