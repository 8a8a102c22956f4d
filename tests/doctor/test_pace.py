"""How long the disk lasts, by what the catalogue says was kept in the last days."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from controller.catalogue import records
from controller.catalogue.database import open_catalogue
from controller.catalogue.entries import Status as Kept
from controller.catalogue.records import Settled
from controller.config.load import Config
from controller.doctor import pace
from controller.doctor.checks import HERE
from controller.doctor.finding import Finding, Status
from controller.pipeline.space import Space
from tests.doctor.paper import configuration
from tests.pipeline.recordings import conversation

DAY = 86_400.0
CHECKS = {check.name: check for check in HERE}


async def run(config: Config) -> Finding:
    found = CHECKS["pace"].run(config)
    assert not isinstance(found, list)
    (finding,) = await found
    return finding


async def kept(config: Config, size: int, began: float) -> None:
    """One recording of so many bytes, kept."""
    catalogue = await open_catalogue(config.catalogue.file)
    made = conversation(recording=f"main-{began:.0f}", call=f"main/{began:.0f}")
    finished = replace(made, began_at=began, ended_at=began + 60)
    await records.add_recording(catalogue, finished)
    await records.settle(catalogue, finished, Settled(Kept.KEPT, folder="x", sha256="a" * 64, size=size, length=1.0))
    await catalogue.close()


@pytest.mark.parametrize(("free", "status"), [(100, Status.OK), (20, Status.WARN), (1, Status.FAIL)])
async def test_days_are_counted_from_what_was_kept_in_the_last_seven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, status: Status
) -> None:
    config = configuration(tmp_path)
    await kept(config, 10**12, time.time() - 30 * DAY)  # long ago: no part of the pace
    await kept(config, 3 * 10**9, time.time() - 2 * DAY)
    await kept(config, 10**9, time.time() - 600)
    monkeypatch.setattr(pace, "space", lambda folder: Space(folder, 1, 10**14, free * 2 * 10**9, -1))
    found = await run(config)
    assert found.status is status
    assert found.measured["bytes_a_day"] == pytest.approx(2 * 10**9, rel=0.01)
    assert found.measured["days"] == pytest.approx(free, rel=0.01)


async def test_the_first_hours_of_an_installation_are_no_pace(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    assert (await run(config)).status is Status.SKIPPED
    await kept(config, 10**9, time.time() - 3600)
    assert (await run(config)).status is Status.SKIPPED


async def test_a_catalogue_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    config.catalogue.file.write_text("this is no database, whatever its name says")
    found = await run(config)
    assert found.status is Status.FAIL
    assert "cannot be read" in found.what
