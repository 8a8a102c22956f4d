"""`onrecord check` on what is left of captures that nobody has asked to keep; and captures through the whole line."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import soundfile

from controller.catalogue import search
from controller.catalogue.database import Catalogue, open_catalogue
from controller.catalogue.entries import Status
from controller.catalogue.receipts import SHREDDED, list_receipts
from controller.core.finished import Finished
from controller.pipeline.check import Kind, Places, check
from controller.pipeline.line import Line
from controller.pipeline.provisional import Provisional
from controller.pipeline.sealed import fingerprint
from controller.spool import Spool
from tests.pipeline.recordings import conversation, leave, tone
from tests.spool.crashing import Crash, install

OLD = 10_000.0
UNKEPT = "nobody asked to keep it"


@pytest.fixture
def memory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="onrecord-test-", dir="/dev/shm") as folder:
        yield Path(folder)


class Site:
    def __init__(self, base: Path, memory: Path, catalogue: Catalogue) -> None:
        self.base, self.memory, self.catalogue = base, memory, catalogue
        spool = Spool(base / "spool")
        self.mine = Provisional(frozenset({memory}), spool.folder, 8192, 8192)
        self.line = Line(spool, catalogue, base / "store", make_pool=ThreadPoolExecutor, provisional=self.mine)

    def talked(self, name: str = "main-1-1", seconds: float = 3, discard: str = "") -> Finished:
        """A call that was captured, most of it sealed."""
        segment = leave(self.memory, name, 1, tone(400, seconds), tone(600, seconds))
        self.mine.follow()
        return conversation(segment, recording=name, discard=discard)

    def forgotten(self) -> None:
        """All that lies there has not been touched for a long time."""
        at = time.time() - OLD
        for path in (*self.memory.rglob("*"), *self.mine.sealed.iterdir()):
            os.utime(path, (at, at))

    async def check(self, repair: bool = False) -> list[tuple[Kind, str]]:
        places = Places(self.catalogue, self.line.spool, self.line.store, {}, set(), self.mine)
        return [(one.kind, one.repaired or one.remedy) for one in await check(places, repair=repair)]

    def left(self) -> list[str]:
        folders = (self.memory, self.base / "spool")
        return [str(path) for folder in folders for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
async def site(tmp_path: Path, memory: Path) -> AsyncIterator[Site]:
    catalogue = await open_catalogue(tmp_path / "catalogue.sqlite")
    site = Site(tmp_path, memory, catalogue)
    yield site
    site.line._children.close()
    await catalogue.close()


async def test_what_was_not_kept_becomes_a_row_with_a_receipt_and_leaves_nothing(site: Site) -> None:
    finished = site.talked(discard=UNKEPT)
    key = site.mine.keys.of(site.memory, "main-1-1")
    assert key is not None
    site.line.finish(finished)
    await site.line.idle()
    (call,) = await search.list_calls(site.catalogue)
    assert [(one.status, one.why) for one in call.recordings] == [(Status.DROPPED, UNKEPT)]
    (receipt,) = await list_receipts(site.catalogue, None)
    assert (receipt.recording, receipt.key, receipt.why) == ("main-1-1", fingerprint(key.id), UNKEPT)
    assert receipt.began_at.timestamp() == finished.segments[0].started_at
    assert "its key was destroyed" in receipt.how
    assert site.left() == []


async def test_what_was_kept_is_stored_whole(site: Site) -> None:
    site.line.finish(site.talked())
    await site.line.idle()
    (call,) = await search.list_calls(site.catalogue)
    (recording,) = call.recordings
    samples, _ = soundfile.read(site.line.store / recording.folder / "recording.wav", dtype="int16", always_2d=True)
    assert recording.status is Status.KEPT
    assert (samples[:, 0] == tone(400, 3)).all()
    assert (samples[:, 1] == tone(600, 3)).all()
    assert await list_receipts(site.catalogue, None) == ()
    assert site.left() == []


@pytest.mark.parametrize("discard", ["", UNKEPT])
async def test_a_crash_at_any_change_to_the_disk_loses_no_kept_audio_and_no_receipt(
    site: Site, monkeypatch: pytest.MonkeyPatch, discard: str
) -> None:
    """Each time one change further. What has no row yet is handed over again by the next start."""
    at, crashed = 0, True
    while crashed:
        at, name = at + 1, f"main-1-{at + 1}"
        finished = site.talked(name, 1, discard)
        key = site.mine.keys.of(site.memory, name)
        assert key is not None
        crashes, job = install(monkeypatch, at), None
        with suppress(Crash):
            job = site.line.spool.take(_ended(site.mine, finished))
            site.mine.forget(name)
        crashed = crashes.crashed
        install(monkeypatch, 0)
        again = Provisional(frozenset({site.memory}), site.line.spool.folder, 8192, 8192)
        job = job or site.line.spool.take(_ended(again, finished))
        again.forget(name)
        if discard:
            marks = [mark.by for mark in job.finished.marks if mark.kind == SHREDDED]
            assert marks == [fingerprint(key.id)], crashes.changes[-1]
            assert not list(job.folder.glob("*.wav"))
        else:
            samples, _ = soundfile.read(job.folder / "1-r.wav", dtype="int16")
            assert (samples == tone(400, 1)).all(), crashes.changes[-1]
        assert [path for path in site.left() if "/jobs/" not in path] == []
    assert at > 12


def _ended(mine: Provisional, finished: Finished) -> Finished:
    return mine.shred(finished, finished.discard) if finished.discard else mine.restore(finished)


async def test_captures_of_live_calls_are_no_findings(site: Site) -> None:
    site.talked()
    assert await site.check() == []


async def test_what_is_left_of_a_capture_that_nobody_kept_is_destroyed_with_a_receipt(site: Site) -> None:
    site.talked()
    site.forgotten()
    found = await site.check()
    assert {kind for kind, _ in found} == {Kind.LEFT_BEHIND}
    assert {remedy for _, remedy in found} == {"`--repair` destroys it: nobody asked to keep it"}
    assert len(found) == 3 + 3 + 1  # in memory, sealed, and the key
    (done,) = {repaired for _, repaired in await site.check(repair=True)}
    assert done.startswith("destroyed, with a receipt")
    await site.line.recover()
    await site.line.idle()
    (receipt,) = await list_receipts(site.catalogue, None)
    assert receipt.recording == "main-1-1"
    assert await site.check() == []
    assert site.left() == []


async def test_what_is_left_of_a_capture_that_somebody_kept_is_taken_over_even_without_the_memory(site: Site) -> None:
    site.talked()
    site.mine.keep("main-1-1", site.memory)
    for path in site.memory.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    site.forgotten()
    assert {remedy for _, remedy in await site.check()} == {
        "`--repair` takes it over, as a recording of an unknown call"
    }
    await site.check(repair=True)
    await site.line.recover()
    await site.line.idle()
    (call,) = await search.list_calls(site.catalogue)
    (recording,) = call.recordings
    assert recording.status is Status.KEPT
    assert recording.length > 2.0
    assert site.left() == []


async def test_what_is_left_of_a_recording_that_the_catalogue_has_is_only_deleted(site: Site) -> None:
    site.line.finish(site.talked())
    await site.line.idle()
    site.talked()
    site.forgotten()
    assert {repaired for _, repaired in await site.check(repair=True)} == {"deleted: the catalogue has its recording"}
    assert site.left() == []
    assert len(await search.list_calls(site.catalogue)) == 1
