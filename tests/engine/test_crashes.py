"""A life that ends behind any event of a call, and misses some: the next one records on, once, and hands over all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from controller.core import updating
from controller.core.calls import Call
from controller.core.commands import CallId, Start
from controller.core.events import Asked, Event, LegAppeared, LegEnded, LegJoined, RecorderFound
from hardware.keys import Key
from tests.engine.test_restart import Life, World
from tests.playbook import Scene


class Truth:
    """What is so on the PBX, whether anybody listens or not."""

    def __init__(self, world: World) -> None:
        self.world, self.scene = world, world.scene
        self.call = Call(world.scene.call, world.scene.now)
        self.appeared: dict[str, LegAppeared] = {}

    def happens(self, event: Event) -> None:
        """Recorders end with their legs, also while nobody listens."""
        self.call = updating.update(self.call, event)
        if isinstance(event, LegAppeared):
            self.appeared[event.leg] = event
        if isinstance(event, LegEnded):
            recorders = self.world.paper.recorders
            for key in [key for key, recorder in recorders.items() if recorder.leg == event.leg]:
                del recorders[key]

    def snapshot(self) -> list[Event]:
        out: list[Event] = []
        for leg in self.call.legs.values():
            if leg.alive:
                out.append(self.appeared[leg.id])
                if leg.bridge is not None:
                    out.append(LegJoined(self.call.id, self.scene.at(), leg.id, leg.bridge, leg.kind))
        for (recording, segment), recorder in self.world.paper.recorders.items():
            out.append(RecorderFound(self.call.id, self.scene.at(), recorder.leg, recording, segment))
        return out


def story(scene: Scene) -> list[Event]:
    """100 calls 101, pauses, resumes, and goes on with 103; then everybody hangs up."""

    def key(which: Key) -> Asked:
        return Asked(scene.call, scene.at(), "ann", which)

    return [
        scene.appears("a", "100", dialled="101"),
        scene.appears("b", "101", originating=False),
        scene.answers("b"),
        scene.joins("a", "one"),
        scene.joins("b", "one"),
        key(Key.PAUSE),
        key(Key.RESUME),
        scene.leaves("b", "one"),
        scene.ends("b"),
        scene.appears("c", "103", originating=False),
        scene.joins("c", "one"),
        key(Key.PAUSE),
        scene.ends("c"),
        scene.ends("a"),
    ]


EVENTS = len(story(Scene()))


def handed(lives: list[Life]) -> dict[str, set[int]]:
    """The recordings that any life handed over, with the numbers of their segments."""
    found: dict[str, set[int]] = {}
    for life in lives:
        for number, (_, handover) in enumerate(life.handed):
            if handover.recording is not None:
                assert handover.recording not in found, "handed over twice"
                found[handover.recording] = set(life.finished(number))
    return found


@pytest.mark.proves("B-12")
@pytest.mark.parametrize("missed", [0, 1, 3])
@pytest.mark.parametrize("at", range(1, EVENTS))
async def test_a_crash_behind_any_event_loses_no_segment_and_starts_none_twice(
    tmp_path: Path, at: int, missed: int
) -> None:
    world = World(tmp_path)
    truth, events = Truth(world), story(world.scene)
    started: set[tuple[CallId, int]] = set()
    carry_out = world.paper._carry_out

    def watched(command: object) -> str:
        if isinstance(command, Start):
            assert not any(recorder.leg == command.leg for recorder in world.paper.recorders.values()), "two at once"
            started.add((command.call, command.segment))
            world.wrote(command.segment, world.scene.at())
        return carry_out(command)  # type: ignore[arg-type]

    world.paper._carry_out = watched  # type: ignore[method-assign, assignment]
    lives: list[Life] = []
    async with world.life() as first:
        lives.append(first)
        for event in events[:at]:
            truth.happens(event)
            world.paper.say(event)
            await first.rest()
        await asyncio.sleep(0)
    for event in events[at : at + missed]:
        truth.happens(event)
    async with world.life(truth.snapshot()) as second:
        lives.append(second)
        for event in events[at + missed :]:
            truth.happens(event)
            world.paper.say(event)
            await second.rest()
        await asyncio.sleep(0.25 if started else 0)
        await second.rest()
        assert second.engine.sessions == {}
    assert world.paper.recorders == {}
    numbers = {segment for _, segment in started}
    found = handed(lives)
    assert found == ({"main-1-1": numbers} if numbers else {})
