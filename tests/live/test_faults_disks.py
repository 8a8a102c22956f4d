"""Folders that are full, missing, read-only or elsewhere, and a catalogue that is locked or damaged: calls go on,
nothing that was recorded is lost, and an alarm names cause and remedy."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from controller.app import App, build
from controller.catalogue.entries import Status
from controller.config.load import load
from controller.core.recording import State
from controller.journal import read
from controller.lab import Asterisk, Call, MakePhone, ears, sounds
from controller.lock import AnotherRuns
from tests.live.faulty import alarm, disk, fill, running, until
from tests.live.test_controller import entries, only, sound

CALLER, CALLED = 450, 700
NOTICED = 5.0
BACK = 15.0
"""Seconds after a fault has gone: starts that were given up are tried again that often."""


async def talking(phone: MakePhone) -> Call:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(CALLED), loop=True)
    return await alice.call("101", say=sounds.tone(CALLER), loop=True)


def hears(call: Call) -> bool:
    """Whether the caller hears the called one."""
    heard = call.heard()
    return sum(tone.seconds for tone in ears.tones(heard.samples)) > 0.8 * heard.seconds > 0


def state(app: App) -> State:
    (session,) = app.engine.sessions.values()
    return session.recording.state if session.recording is not None else State.OFF


async def on(app: App, deadline: float = 5) -> None:
    await until(lambda: app.engine.sessions, 5)
    await until(lambda: state(app) is State.ON, deadline)


def voices(app: App, entry: object) -> set[int]:
    """The tones on the customer's side of the stored recording."""
    samples, rate = sound(app, only(entry))  # type: ignore[arg-type]
    return {tone.frequency for tone in ears.tones(samples[:, 0], rate) if tone.seconds > 0.5}


def mount(at: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(at)], check=True)  # noqa: S603, S607


async def test_a_monitor_folder_that_cannot_be_written_is_told_and_recording_begins_when_it_can(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    with disk(asterisk.monitor_dir / "locked", "4m") as monitor:
        mount(monitor, "ro")
        async with running(tmp_path, asterisk, monitor=monitor) as app:
            call = await talking(phone)
            began = time.time()
            await until(lambda: app.engine.alarms.past, NOTICED)
            told = app.engine.alarms.past[0]
            assert told.since - began < NOTICED
            assert "could not be started" in told.what
            assert str(asterisk.pbx_path(monitor)) in told.what
            assert "writable" in told.remedy
            assert hears(call)
            mount(monitor, "rw")
            await on(app, BACK + 3)
            await asyncio.sleep(1.5)
            await call.hangup()
            (entry,) = await entries(app, 1)
            assert only(entry).status is Status.KEPT
            assert voices(app, entry) == {CALLER}


async def test_a_monitor_folder_that_was_deleted_is_made_again_by_the_pbx(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with running(tmp_path, asterisk, monitor=asterisk.monitor_dir / "deleted") as app:
        call = await talking(phone)
        await on(app)
        await asyncio.sleep(1)
        await call.hangup()
        (entry,) = await entries(app, 1)
        assert voices(app, entry) == {CALLER}
        assert not app.engine.alarms.active()
    (asterisk.monitor_dir / "deleted").rmdir()


@pytest.mark.proves("F-159")
@pytest.mark.parametrize("folder", ["spool", "store"])
async def test_recordings_wait_where_they_are_while_a_disk_is_full_and_are_kept_when_it_is_not(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, folder: str
) -> None:
    with disk(tmp_path / folder, "3m") as small:  # on a file system of its own, so that everything is copied
        async with running(tmp_path, asterisk) as app:
            filler = fill(small, leave=0)
            call = await talking(phone)
            await asyncio.sleep(2)
            await call.hangup()
            told = await alarm(app, "space-full", NOTICED + 3)
            assert str(small) in told.what
            waiting = await alarm(app, "disk", 10)
            assert "wait where they are" in waiting.what
            filler.unlink()
            (entry,) = await entries(app, 1)
            await until(lambda: not app.engine.alarms.active(), 10)
            assert only(entry).status is Status.KEPT
            assert voices(app, entry) == {CALLER}
            assert not list(asterisk.monitor_dir.glob("*.wav"))


async def test_a_journal_that_cannot_be_written_is_an_alarm_and_has_every_line_later(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    with disk(tmp_path / "journal", "64k") as small:
        async with running(tmp_path, asterisk) as app:
            filler = fill(small, leave=0)
            call = await talking(phone)
            await on(app)
            told = await alarm(app, "journal", NOTICED)
            assert "No space left" in told.what or "full" in told.what
            await asyncio.sleep(1)
            filler.unlink()
            await call.hangup()
            (entry,) = await entries(app, 1)
            assert only(entry).status is Status.KEPT
            await until(lambda: not [a for a in app.engine.alarms.active() if a.key.startswith("journal")], 5)
        odd: list[str] = []
        kinds = [type(each.event).__name__ for each in read(small, odd=odd) if each.call == entry.call]
    assert odd == []
    assert kinds[0] == "LegAppeared"
    assert {"LegJoined", "Done", "LegEnded"} <= set(kinds)


async def test_a_locked_catalogue_keeps_recordings_waiting_and_says_who_is_to_blame(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.catalogue.database.BUSY_SECONDS", 0.5)
    async with running(tmp_path, asterisk) as app:
        other = sqlite3.connect(tmp_path / "catalogue.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        call = await talking(phone)
        await on(app)
        await asyncio.sleep(1)
        await call.hangup()
        told = await alarm(app, "catalogue", NOTICED + 1)
        assert "locked" in told.what
        assert "which program" in told.remedy
        other.execute("ROLLBACK")
        other.close()
        (entry,) = await entries(app, 1)
        assert only(entry).status is Status.KEPT
        await until(lambda: not app.engine.alarms.active(), 5)


async def test_a_damaged_catalogue_is_set_aside_and_made_again_from_the_store(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    for _ in range(2):
        async with running(tmp_path, asterisk) as app:
            call = await talking(phone)
            await on(app)
            await asyncio.sleep(1)
            await call.hangup()
            await entries(app, len(list((tmp_path / "store").rglob("recording.wav"))))
    stored = sorted(path.parent.name for path in (tmp_path / "store").rglob("recording.wav"))
    assert len(stored) == 2
    for ending in ("-wal", "-shm"):
        (tmp_path / f"catalogue.sqlite{ending}").unlink(missing_ok=True)
    (tmp_path / "catalogue.sqlite").write_bytes(b"this is no database" * 1000)
    async with running(tmp_path, asterisk) as app:
        told = await alarm(app, "catalogue-lost", 5)
        assert "set aside" in told.what
        found = await entries(app, 2)
        assert sorted(only(each).id for each in found) == stored
        assert [only(each).status for each in found] == [Status.KEPT] * 2
        call = await talking(phone)
        await on(app)
        await call.hangup()
        await entries(app, 3)
    assert len(list(tmp_path.glob("catalogue.sqlite.damaged-*"))) == 1  # noqa: ASYNC240


async def test_a_second_controller_on_the_same_folders_refuses_and_says_which_runs(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    async with running(tmp_path, asterisk):
        with pytest.raises(AnotherRuns, match=str(os.getpid())):
            await build(load(tmp_path / "onrecord.toml"))
    async with running(tmp_path, asterisk):
        pass
