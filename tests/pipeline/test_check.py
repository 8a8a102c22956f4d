"""`onrecord check`: every broken invariant is found, nothing else is, and only what is safe is mended."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from controller.catalogue import records, search
from controller.catalogue.database import Catalogue, open_catalogue
from controller.catalogue.entries import Status
from controller.catalogue.tables import calls
from controller.core.commands import RecordingId
from controller.pipeline.check import Depth, Finding, Kind, Places, check
from controller.pipeline.line import Line
from controller.pipeline.task import AUDIO_NAME, STORY_NAME
from controller.spool import JOB, Spool
from tests.pipeline.recordings import conversation, leave, quiet, read, tone, wav


@dataclass
class Site:
    """A store with one kept recording, and all that check looks at."""

    base: Path
    catalogue: Catalogue
    line: Line

    @property
    def monitor(self) -> Path:
        return self.base / "monitor"

    @property
    def audio(self) -> Path:
        return self.base / "store/2026/02/02/main-1-1" / AUDIO_NAME

    def leave(
        self, recording: str = "main-1-7", seconds: float = 1.0, age: float = 7200.0, closed: bool = True
    ) -> None:
        leave(self.monitor, recording, 1, tone(400, seconds), tone(600, seconds), closed=closed)
        self.age(age)

    def age(self, seconds: float) -> None:
        at = time.time() - seconds
        for path in self.monitor.iterdir():
            os.utime(path, (at, at))

    async def check(
        self, depth: Depth = Depth.QUICK, repair: bool = False, live: Collection[str] | None = frozenset()
    ) -> list[Finding]:
        places = Places(self.catalogue, self.line.spool, self.line.store, {"main": self.monitor}, live)
        return await check(places, depth, repair)

    async def kinds(self, depth: Depth = Depth.QUICK, live: Collection[str] | None = frozenset()) -> list[Kind]:
        return [finding.kind for finding in await self.check(depth, live=live)]

    def files(self) -> dict[str, bytes]:
        """All that is on the disk, but for the database."""
        found = (path for path in self.base.rglob("*") if path.is_file() and "sqlite" not in path.name)
        return {str(path): path.read_bytes() for path in found}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    catalogue = await open_catalogue(tmp_path / "catalogue.sqlite")
    line = Line(Spool(tmp_path / "spool"), catalogue, tmp_path / "store", make_pool=ThreadPoolExecutor)
    line.finish(conversation(leave(tmp_path / "monitor", "main-1-1", 1, tone(400, 1), tone(600, 1))))
    await line.idle()
    yield Site(tmp_path, catalogue, line)
    line._children.close()
    await catalogue.close()


@pytest.mark.parametrize("depth", Depth)
async def test_where_all_is_well_nothing_is_found(site: Site, depth: Depth) -> None:
    assert await site.check(depth) == []


async def test_a_recording_whose_audio_is_gone_is_found(site: Site) -> None:
    site.audio.unlink()
    (finding,) = await site.check()
    assert finding.kind is Kind.MISSING
    assert finding.where == str(site.audio)


async def test_a_recording_whose_story_is_gone_is_found(site: Site) -> None:
    (site.audio.parent / STORY_NAME).unlink()
    assert await site.kinds() == [Kind.MISSING]


async def test_a_changed_length_is_found_by_a_quick_look(site: Site) -> None:
    site.audio.write_bytes(site.audio.read_bytes()[:-2])
    assert await site.kinds() == [Kind.CHANGED]


async def test_a_changed_bit_is_found_by_a_full_look(site: Site) -> None:
    data = bytearray(site.audio.read_bytes())
    data[9_999] ^= 1
    site.audio.write_bytes(data)
    assert await site.kinds() == []
    (finding,) = await site.check(Depth.FULL)
    assert finding.kind is Kind.CHANGED
    assert "SHA-256" in finding.what


async def test_a_stored_recording_that_the_catalogue_has_lost_is_put_back(site: Site) -> None:
    before = await search.show(site.catalogue, "main-1-1")
    async with site.catalogue.writing() as connection:
        await connection.execute(calls.delete())
    assert await site.kinds() == [Kind.UNKNOWN]
    (finding,) = await site.check(repair=True)
    assert finding.repaired
    assert await site.check(Depth.FULL) == []
    after = await search.show(site.catalogue, "main-1-1")
    assert after[0].decision == before[0].decision
    assert after[0].call.parties == before[0].call.parties
    assert after[0].recordings[0].segments == before[0].recordings[0].segments


async def test_a_stored_recording_that_was_changed_is_not_put_back(site: Site) -> None:
    async with site.catalogue.writing() as connection:
        await connection.execute(calls.delete())
    data = bytearray(site.audio.read_bytes())
    data[9_999] ^= 1
    site.audio.write_bytes(data)
    (finding,) = await site.check(repair=True)
    assert (finding.kind, finding.repaired) == (Kind.UNKNOWN, "")
    assert await records.status_of(site.catalogue, RecordingId("main-1-1")) is None


async def test_a_recording_that_was_taken_over_and_is_nowhere_is_found(site: Site) -> None:
    segment = leave(site.monitor, "main-1-2", 1, tone(400, 1), tone(600, 1))
    job = site.line.spool.take(conversation(segment, recording="main-1-2", call="main/1.2"))
    await records.add_recording(site.catalogue, job.finished)
    assert await site.check() == [], "it is on its way"
    site.line.spool.forget(job)
    (finding,) = await site.check()
    assert (finding.kind, finding.where) == (Kind.LOST, "main-1-2")


async def test_a_job_that_cannot_be_read_is_found_and_left_alone(site: Site) -> None:
    segment = leave(site.monitor, "main-1-2", 1, tone(400, 1), tone(600, 1))
    job = site.line.spool.take(conversation(segment, recording="main-1-2"))
    (job.folder / JOB).write_text("{")
    before = site.files()
    assert [finding.kind for finding in await site.check(repair=True)] == [Kind.UNREADABLE]
    assert site.files() == before


async def test_audio_in_the_spool_without_a_plan_is_found(site: Site) -> None:
    folder = site.line.spool.jobs / "main-1-9"
    folder.mkdir()
    (folder / "1.wav").write_bytes(wav(tone(400, 1)))
    assert await site.kinds() == [Kind.UNREADABLE]


async def test_what_was_set_aside_is_remembered(site: Site) -> None:
    folder = site.line.spool.aside / "main-1-1"
    folder.mkdir()
    (folder / "1-r.wav").write_bytes(b"?")
    assert await site.kinds() == [Kind.UNREADABLE]


# -- the PBX's folder ------------------------------------------------------------------------------------------


async def test_files_of_a_live_call_are_not_found(site: Site) -> None:
    site.leave()
    assert await site.kinds(live={"main-1-7"}) == []


async def test_files_that_were_just_written_are_not_found(site: Site) -> None:
    site.leave(age=5)
    assert await site.kinds() == []


async def test_where_nobody_can_tell_what_is_live_only_old_files_are_found(site: Site) -> None:
    site.leave(age=7200)
    assert await site.kinds(live=None) == []
    site.age(2 * 86_400)
    assert await site.kinds(live=None) == [Kind.LEFT_BEHIND] * 3


async def test_files_that_nobody_took_over_are_found_with_their_length(site: Site) -> None:
    site.leave(seconds=3, closed=False)
    found = await site.check()
    assert [finding.kind for finding in found] == [Kind.LEFT_BEHIND] * 3
    assert all("never closed by the PBX: 3.0 s" in finding.what for finding in found)


async def test_files_that_nobody_took_over_become_a_recording_of_an_unknown_call(site: Site) -> None:
    site.leave(seconds=3, closed=False)
    found = await site.check(repair=True)
    assert all("taken over as main-1-7" in finding.repaired for finding in found)
    assert all("3.0 s by its length" in finding.what for finding in found)
    await site.line.recover()
    await site.line.idle()
    (story,) = await search.show(site.catalogue, "main-1-7")
    kept = story.recordings[0].recording
    assert kept.status is Status.KEPT
    assert story.call.call == "main/adopted:main-1-7"
    samples, _ = read(site.line.store / kept.folder / AUDIO_NAME)
    assert np.array_equal(samples, np.stack([tone(400, 3), tone(600, 3)], axis=1))
    assert await site.check(Depth.FULL) == []


async def test_left_files_of_a_known_recording_do_not_touch_it(site: Site) -> None:
    before = site.audio.read_bytes()
    site.leave("main-1-1", seconds=2)
    found = await site.check(repair=True)
    assert all("taken over as main-1-1_2" in finding.repaired for finding in found)
    await site.line.recover()
    await site.line.idle()
    assert site.audio.read_bytes() == before
    assert await records.status_of(site.catalogue, RecordingId("main-1-1_2")) is Status.KEPT


async def test_left_files_without_any_sound_are_deleted_by_repair(site: Site) -> None:
    leave(site.monitor, "main-1-7", 1, quiet(0), quiet(0))
    site.age(7200)
    found = await site.check(repair=True)
    assert {finding.repaired for finding in found} == {"deleted: there was no sound in it"}
    assert list(site.monitor.iterdir()) == []


async def test_foreign_files_are_reported_and_left_alone(site: Site) -> None:
    for name in ("out-100-200.mp3", "main-1-1.wav", "notes.txt"):
        (site.monitor / name).write_bytes(b"somebody else's")
    before = site.files()
    found = await site.check(repair=True)
    assert [finding.kind for finding in found] == [Kind.FOREIGN] * 3
    assert site.files() == before


async def test_a_pbxs_folder_that_is_not_there_is_told(site: Site) -> None:
    site.monitor.rmdir()
    (finding,) = await site.check()
    assert "main cannot be read" in finding.what


async def test_without_repair_nothing_is_changed(site: Site) -> None:
    site.leave()
    site.leave("main-1-8", closed=False)
    (site.audio.parent / "recording.wav.part").write_bytes(b"x")
    (site.line.spool.jobs / "main-1-9").mkdir()
    (site.line.spool.jobs / "main-1-9" / "job.json.part").write_bytes(b"x")
    async with site.catalogue.writing() as connection:
        await connection.execute(calls.delete())
    before = site.files()
    found = await site.check(Depth.FULL)
    assert {finding.kind for finding in found} == {Kind.UNKNOWN, Kind.LEFT_BEHIND, Kind.LEFTOVER}
    assert all(not finding.repaired for finding in found)
    assert site.files() == before
    assert await search.list_calls(site.catalogue) == ()


async def test_progress_counts_every_recording(site: Site) -> None:
    for n in (2, 3):
        segment = leave(site.monitor, f"main-1-{n}", 1, tone(400, 1), tone(600, 1))
        site.line.finish(replace(conversation(segment, recording=f"main-1-{n}"), began_at=1000.0 + n))
    await site.line.idle()
    seen: list[tuple[int, int]] = []
    places = Places(site.catalogue, site.line.spool, site.line.store)
    await check(places, progress=lambda at, of: seen.append((at, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
