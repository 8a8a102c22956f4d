"""Who talked when, as text; and consultations, which are for few ears."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from controller.catalogue.database import open_catalogue, read_catalogue
from controller.catalogue.entries import CallStory
from controller.catalogue.search import show
from controller.cli.talks import WIDTH, lines_of
from controller.core.commands import CallId, LegId, RecordingId
from controller.core.finished import Finished, FinishedTalk, Part
from controller.core.talks import Doing
from controller.pipeline.line import Line
from controller.spool import Spool
from tests.cli.children import onrecord
from tests.cli.test_records_commands import CONFIG
from tests.pipeline.recordings import BEGAN, conversation, leave, tone

CUSTOMER, ANN = LegId("main/1.1"), LegId("main/1.2")
TALKS = (
    FinishedTalk(CUSTOMER, Doing.TALKS, BEGAN + 2, BEGAN + 4),
    FinishedTalk(ANN, Doing.TALKS, BEGAN + 2, BEGAN + 4),
    FinishedTalk(CUSTOMER, Doing.WAITS, BEGAN + 4, BEGAN + 6),
    FinishedTalk(ANN, Doing.CONSULTS, BEGAN + 4.5, BEGAN + 6),
)


@pytest.fixture
def office(tmp_path: Path) -> Path:
    """One call with its conversation and a consultation about it."""
    (tmp_path / "onrecord.toml").write_text(CONFIG)

    def recorded(name: str, part: Part, label: str) -> Finished:
        segment = replace(leave(tmp_path / "monitor", name, 1, tone(400, 1), tone(600, 1)), label=label)
        return replace(conversation(segment, recording=name), part=part, talks=TALKS)

    async def fill() -> None:
        catalogue = await open_catalogue(tmp_path / "catalogue.sqlite")
        line = Line(Spool(tmp_path / "spool"), catalogue, tmp_path / "store", "", make_pool=None)
        work = asyncio.create_task(line.work())
        line.finish(recorded("main-1-1", Part.CONVERSATION, "extension 100"))
        line.finish(recorded("main-1-1-c1", Part.CONSULTATION, "consultation: extension 100, extension 101"))
        await line.idle()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await catalogue.close()

    asyncio.run(fill())
    return tmp_path


def story(office: Path) -> CallStory:
    async def read() -> CallStory:
        catalogue = await read_catalogue(office / "catalogue.sqlite")
        try:
            (found,) = await show(catalogue, CallId("main/1.1"))
        finally:
            await catalogue.close()
        return found

    return asyncio.run(read())


def test_what_was_told_of_talks_labels_and_parts_is_found_again(office: Path) -> None:
    found = story(office)
    assert [(talk.leg, talk.doing) for talk in found.talks] == [(one.leg, one.doing.value) for one in TALKS]
    parts = {RecordingId(one.recording.id): (one.recording.part, one.segments[0].label) for one in found.recordings}
    assert parts == {
        "main-1-1": ("conversation", "extension 100"),
        "main-1-1-c1": ("consultation", "consultation: extension 100, extension 101"),
    }


def test_each_party_has_a_line_with_a_bar_as_long_as_it_did_something(office: Path) -> None:
    customer, ann = lines_of(story(office))
    assert customer.startswith("+441632960123")
    assert ann.startswith("extension 100")
    half = WIDTH // 2
    assert "█" * half + "░" * half in customer
    assert "█" * half + " " * (half // 4) + "▒" * (half - half // 4) in ann
    assert customer.endswith("talk 0.0-2.0 s, hold 2.0-4.0 s")
    assert ann.endswith("talk 0.0-2.0 s, consultation 2.5-4.0 s")


@pytest.mark.parametrize(("direction", "shown"), [("inbound", "+441632960123"), ("outbound", "0309999999")])
def test_an_outside_party_is_shown_by_its_own_number(office: Path, direction: str, shown: str) -> None:
    found = story(office)
    parties = [replace(one, dialled="0309999999") for one in found.call.parties]
    call = replace(found.call, direction=direction, parties=tuple(parties))
    assert lines_of(replace(found, call=call))[0].startswith(f"{shown} ")


def test_a_call_in_which_nobody_talked_has_no_lines(office: Path) -> None:
    assert lines_of(replace(story(office), talks=())) == []


def test_show_says_who_talked_when_and_marks_the_consultation(office: Path) -> None:
    ended = onrecord("show", "main/1.1", "-c", office / "onrecord.toml")
    assert "who talked when" in ended.out
    assert "consultation, for few ears" in ended.out
    assert "segment 1: extension 100" in ended.out
    found = onrecord("show", "main/1.1", "--json", "-c", office / "onrecord.toml").json
    assert [talk["doing"] for talk in found[0]["talks"]] == ["talk", "talk", "hold", "consultation"]


def test_export_leaves_consultations_out_unless_they_are_asked_for(office: Path) -> None:
    config = ("-c", office / "onrecord.toml")

    def export(name: str, folder: str, *more: str) -> tuple[int, str, list[str]]:
        ended = onrecord("export", name, "--to", office / folder, *more, *config)
        made = [path.name for path in sorted((office / folder).glob("*.wav"))] if (office / folder).exists() else []
        return ended.code, ended.err, made

    code, err, made = export("main/1.1", "call")
    assert (code, made) == (0, ["main-1-1.wav"])
    assert "--consultations" in err
    code, err, made = export("main-1-1-c1", "one")
    assert (code, made) == (1, [])
    assert "add --consultations" in err
    assert export("main/1.1", "all", "--consultations")[2] == ["main-1-1-c1.wav", "main-1-1.wav"]
