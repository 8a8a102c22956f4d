"""The engine on a PBX made of paper: one door, answers awaited, the journal first, and faults that stay small."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controller import outbox
from controller.config.load import parse
from controller.core.commands import HandOver, Pause, Start
from controller.core.events import Asked, CallsMerged, Event
from controller.core.recording import State
from controller.core.session import Session
from controller.engine import Engine
from controller.journal import Journal, read
from controller.pbx.paper import PaperPbx
from hardware.keys import Key
from tests.playbook import Scene

RULES = """
[numbers]
helplines = ["116123"]
[[rule]]
name = "it"
extension = "100"
mode = "always-with-pause"
"""


class Desk:
    """An engine with one paper PBX called main."""

    def __init__(self, folder: Path, rules: str = RULES) -> None:
        self.handed: list[HandOver] = []
        self.paper = PaperPbx("main")
        self.journal = Journal(folder / "journal")
        policy = parse(rules, folder / "onrecord.toml").policy
        self.engine = Engine(policy, {"main": self.paper}, self.journal, self._over)

    def _over(self, _session: Session, handover: HandOver) -> None:
        self.handed.append(handover)

    def say(self, *events: Event) -> None:
        for event in events:
            self.paper.say(event)

    async def rest(self) -> None:
        """Let everything that is under way come to rest."""
        for _ in range(20):
            await asyncio.sleep(0)


@asynccontextmanager
async def desk(folder: Path, rules: str = RULES) -> AsyncIterator[Desk]:
    made = Desk(folder, rules)
    task = asyncio.create_task(made.engine.run())
    await made.rest()
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def talking(scene: Scene, dialled: str = "101") -> list[Event]:
    """100 calls somebody, who answers."""
    a, b = f"{scene.call}a", f"{scene.call}b"
    return [
        scene.appears(a, "100", dialled=dialled),
        scene.appears(b, "101", originating=False),
        scene.answers(b),
        scene.joins(a, scene.call),
        scene.joins(b, scene.call),
    ]


def ending(scene: Scene) -> list[Event]:
    return [scene.ends(f"{scene.call}a"), scene.ends(f"{scene.call}b")]


async def test_a_call_is_recorded_and_handed_over_once(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        scene = Scene()
        at.say(*talking(scene))
        await at.rest()
        assert len(at.paper.recorders) == 1
        at.say(*ending(scene), *ending(scene))
        await at.rest()
    assert at.paper.recorders == {}
    assert [handover.recording for handover in at.handed] == ["main-1-1"]
    assert at.engine.sessions == {}


async def test_the_journal_has_the_command_before_it_is_carried_out(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.say(*talking(Scene()))
        assert at.paper.asked == []  # not yet: the outbox runs after the event was taken
        written = [command for entry in read(tmp_path / "journal") for command in entry.commands]
        await at.rest()
    assert [command for command in written if isinstance(command, Start)] == at.paper.asked[:1]


async def test_a_request_is_answered_when_the_pbx_confirmed_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        scene = Scene()
        at.say(*talking(scene))
        await at.rest()
        answer = await at.engine.ask(Asked(scene.call, scene.at(), "ann", Key.PAUSE))
        assert (answer.granted, answer.state) == (True, State.PAUSED)
        refused = await at.engine.ask(Asked(scene.call, scene.at(), "ann", Key.STOP))
        assert not refused.granted
        assert "'it'" in refused.why
        unknown = await at.engine.ask(Asked(Scene("main/9.9").call, scene.at(), "ann", Key.STOP))
        assert not unknown.granted


async def test_a_pause_that_the_pbx_refuses_for_good_is_answered_with_a_stop(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as at:
        scene = Scene()
        at.say(*talking(scene))
        await at.rest()
        at.paper.refusals[Pause] = 3
        answer = await at.engine.ask(Asked(scene.call, scene.at(), "ann", Key.PAUSE))
        await at.rest()
        assert not answer.granted
        assert at.paper.recorders == {}
        assert at.engine.tally.alarms == 1


async def test_a_driver_that_hangs_or_breaks_is_a_failed_command_and_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "COMMAND_SECONDS", 0.05)
    async with desk(tmp_path) as at:
        at.paper.silent = True
        first, second = Scene("main/1.1"), Scene("main/2.1")
        at.say(*talking(first))
        await asyncio.sleep(0.1)
        at.paper.silent = False
        at.say(*talking(second))
        await at.rest()
        assert [name for name, _ in at.paper.recorders] == ["main-2-1"]
        recording = at.engine.sessions[first.call].recording
        assert recording is not None
        assert "no answer" in recording.marks[0].note


async def test_a_helpline_leaves_no_line_in_the_journal(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        scene = Scene()
        at.say(*talking(scene, "116123"), *ending(scene))
        await at.rest()
        assert at.engine.tally.hidden == 1
    at.journal.close()
    assert list(read(tmp_path / "journal")) == []
    assert at.handed == []
    assert at.paper.asked == []


async def test_a_journal_that_cannot_be_written_is_an_alarm_and_the_call_is_recorded(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.journal.folder = Path("/dev/full/nowhere")
        at.say(*talking(Scene()))
        await at.rest()
        assert len(at.paper.recorders) == 1
        assert at.engine.tally.alarms > 0


async def test_new_rules_are_applied_to_live_calls(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.say(*talking(Scene()))
        await at.rest()
        at.engine.use(parse("", tmp_path / "onrecord.toml").policy)
        await at.rest()
        assert at.paper.recorders == {}
        at.engine.use(parse(RULES, tmp_path / "onrecord.toml").policy)
        await at.rest()
        assert [segment for _, segment in at.paper.recorders] == [2]


async def test_nothing_is_asked_while_the_link_is_down_and_the_gap_is_closed_when_it_is_back(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.paper.disconnect("cable")
        at.say(*talking(Scene()))
        await at.rest()
        assert at.paper.asked == []
        at.paper.connect()
        await at.rest()
        assert len(at.paper.recorders) == 1


async def test_a_call_that_went_on_in_another_one_is_found_under_both_names(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        first, second = Scene("main/1.1"), Scene("main/2.1")
        at.say(*talking(first), *talking(second))
        await at.rest()
        at.engine.hear(CallsMerged(first.call, first.at(2), second.call))
        await at.rest()
        assert at.engine.home(second.call) == first.call
        assert [name for name, _ in at.paper.recorders] == ["main-1-1"]
        at.say(*ending(first), *ending(second))
        await at.rest()
    assert [handover.recording for handover in at.handed] == ["main-1-1", "main-2-1"]


async def test_events_of_calls_that_nobody_introduced_are_counted_and_make_no_call(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.say(*ending(Scene("main/7.7")))
        assert at.engine.tally.unknown == 2
        assert at.engine.sessions == {}


async def test_it_is_occupied_from_a_command_to_a_moment_after_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "OCCUPIED_SECONDS", 0.05)
    async with desk(tmp_path) as at:
        assert not at.engine.occupied()
        at.say(*talking(Scene()))
        assert at.engine.occupied()
        await at.rest()
        assert at.engine.occupied()
        await asyncio.sleep(0.1)
        assert not at.engine.occupied()
