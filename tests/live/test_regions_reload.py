"""Sites inherit what the organisation announces and may have their own later, and so may regions: while it runs."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from controller.app import App
from controller.lab import Asterisk, Call, Phone, sounds
from tests.live.telling import CALLED, CALLER, NUMBER, OPT_IN, RECORDED, heard, rule
from tests.live.test_announce import prompts
from tests.live.test_controller import entries, running

ORGANISATION = '[defaults]\nannounce_inbound = "{}"\n'
SITE = '[[extension]]\nnumber = "101"\nsite = "south"\n[[site]]\nname = "south"\n'
RULE = rule("always")
DUTCH, GERMAN = "0201234567", "+49301234567"


async def rewritten(app: App, name: str, text: str) -> None:
    """Write a file of the configuration, and wait until the controller has seen it by itself."""
    before = app.config
    path = app.config.path.parent / name
    path.write_text(text)
    later = path.stat().st_mtime + 2
    os.utime(path, (later, later))
    async with asyncio.timeout(10):
        while app.config is before:
            await asyncio.sleep(0.05)
    assert not app.refused


async def call_in(app: App, world: Phone, number: str = DUTCH) -> Call:
    call = await world.call(NUMBER, caller=number, say=sounds.tone(CALLER), loop=True)
    await asyncio.sleep(1.8)
    await call.hangup()
    async with asyncio.timeout(10):
        while app.engine.sessions:
            await asyncio.sleep(0.02)
    return call


@pytest.mark.usefixtures("alice")
@pytest.mark.proves("W-19", "W-18", "Y-12")
async def test_a_site_inherits_the_organisations_announcement_and_gets_its_own_while_the_controller_runs(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    async with running(tmp_path, SITE + RULE, office, more=prompts(office)) as app:
        await asyncio.sleep(0.3)
        nothing = await call_in(app, world)
        text = app.config.path.read_text()
        organisation = text.replace(SITE, ORGANISATION.format("notify") + SITE)
        await rewritten(app, "onrecord.toml", organisation)
        inherited = await call_in(app, world)
        own = organisation.replace('name = "south"\n', 'name = "south"\nannounce_inbound = "none"\n')
        await rewritten(app, "onrecord.toml", own)
        overridden = await call_in(app, world)
        await rewritten(app, "onrecord.toml", own.replace('announce_inbound = "none"', 'announce_inbound = "opt-in"'))
        asked = await call_in(app, world)
        found = await entries(app, 4)
    for call, prompt in ((nothing, []), (inherited, [RECORDED]), (overridden, []), (asked, [OPT_IN])):
        assert heard(call, RECORDED, OPT_IN) == prompt
        assert CALLED in heard(call)
    assert [entry.recorded for entry in found] == [True, True, True, False]  # the last one agreed to nothing


@pytest.mark.usefixtures("alice")
@pytest.mark.proves("B-07", "F-060")
async def test_a_row_of_ones_own_is_in_force_as_soon_as_it_is_written_and_a_bad_one_never(
    office: Asterisk, world: Phone, tmp_path: Path
) -> None:
    async with running(tmp_path, ORGANISATION.format("region") + RULE, office, more=prompts(office)) as app:
        await asyncio.sleep(0.3)
        strict = await call_in(app, world, GERMAN)
        row = '[region.de]\nnotice = "notify"\naudience = "far"\nbecause = "our counsel"\nretention_days = 90\n'
        await rewritten(app, "regions.toml", row)
        own = await call_in(app, world, GERMAN)
        bad = app.config.path.parent / "regions.toml"
        bad.write_text(row.replace("notify", "perhaps"))
        async with asyncio.timeout(10):
            while not app.refused:
                await asyncio.sleep(0.05)
        assert "regions.toml: region.de.notice: 'perhaps'" in app.refused
        still = await call_in(app, world, GERMAN)
        found = await entries(app, 3)
        (story,) = app.config.store.folder.rglob(f"{found[1].recordings[0].id}/recording.json")
        kept = json.loads(story.read_text())["finished"]["decision"]["regional"]
    assert heard(strict, RECORDED, OPT_IN) == [OPT_IN]
    assert heard(own, RECORDED, OPT_IN) == heard(still, RECORDED, OPT_IN) == [RECORDED]
    assert [entry.recorded for entry in found] == [False, True, True]
    recording = found[1].recordings[0]
    assert (recording.regions, recording.retention_days, recording.residency) == (("de", "nl"), 90, ("EEA",))
    assert kept == {"regions": ["de", "nl"], "retention_days": 90, "residency": ["EEA"]}
