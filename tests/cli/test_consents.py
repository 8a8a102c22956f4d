"""What each party was told about being recorded, as `onrecord show` and recording.json have it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from controller.catalogue.database import open_catalogue
from controller.core.commands import LegId
from controller.core.consent import Standing
from controller.core.finished import FinishedConsent
from controller.pipeline.line import Line
from controller.spool import Spool
from tests.cli.children import onrecord
from tests.cli.test_records_commands import CONFIG
from tests.pipeline.recordings import BEGAN, conversation, leave, tone

CUSTOMER = LegId("main/1.1")
CONSENTS = (
    FinishedConsent(CUSTOMER, Standing.INFORMED, BEGAN + 1, "opt-out (en)", "at the gate"),
    FinishedConsent(CUSTOMER, Standing.REFUSED, BEGAN + 2, "opt-out (en)", "key 9"),
)


@pytest.fixture
def office(tmp_path: Path) -> Path:
    """One call whose caller was told, and refused."""
    (tmp_path / "onrecord.toml").write_text(CONFIG)
    segment = leave(tmp_path / "monitor", "main-1-1", 1, tone(400, 1), tone(600, 1))

    async def fill() -> None:
        catalogue = await open_catalogue(tmp_path / "catalogue.sqlite")
        line = Line(Spool(tmp_path / "spool"), catalogue, tmp_path / "store", "", make_pool=None)
        work = asyncio.create_task(line.work())
        line.finish(replace(conversation(segment, recording="main-1-1"), consents=CONSENTS))
        await line.idle()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await catalogue.close()

    asyncio.run(fill())
    return tmp_path


def test_show_says_who_was_told_what_and_how_he_answered(office: Path) -> None:
    out = " ".join(onrecord("show", "main/1.1", "-c", office / "onrecord.toml").out.split())
    assert "+441632960123: informed (opt-out (en), at the gate)" in out
    assert "+441632960123: refused (opt-out (en), key 9)" in out


def test_show_as_json_and_the_story_beside_the_audio_have_it_too(office: Path) -> None:
    (found,) = onrecord("show", "main/1.1", "--json", "-c", office / "onrecord.toml").json
    assert [(one["leg"], one["standing"], one["prompt"], one["how"]) for one in found["consents"]] == [
        (one.leg, one.standing.value, one.prompt, one.how) for one in CONSENTS
    ]
    (path,) = (office / "store").rglob("recording.json")
    beside = json.loads(path.read_text())["finished"]["consents"]
    assert [(one["standing"], one["at"]) for one in beside] == [(one.standing.value, one.at) for one in CONSENTS]
