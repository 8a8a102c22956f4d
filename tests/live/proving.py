"""Many calls at the same time, each with a voice of its own, and what was recorded of which: for the proofs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from controller import lab
from controller.core.finished import Finished
from controller.lab import Asterisk, Call, Phone, sounds
from tests.live.controlling import Controlling, pitches

HOUSE = 3300
"""The pitch of whoever answers; callers have lower ones, each its own."""


@dataclass(slots=True)
class Talk:
    """One call to place: who dials what, shown as whom; `recorded` is what the policy wants of it."""

    caller: Phone
    number: str
    recorded: bool
    shown: str | None = None
    pitch: int = field(default_factory=itertools.cycle(range(400, 3200, 100)).__next__)

    def __str__(self) -> str:
        return f"{self.shown or self.caller.user} to {self.number}"

    async def happen(self, seconds: float) -> None:
        call = await self.caller.call(self.number, caller=self.shown, say=sounds.tone(self.pitch), loop=True)
        await asyncio.sleep(seconds)
        await call.hangup()

    def is_of(self, finished: Finished) -> bool:
        """Whether this call is the one that the controller speaks of."""
        first = finished.parties[0]
        return (
            finished.dialled == self.number
            and self.caller.user in (first.endpoint, first.number)
            and (self.shown is None or self.shown == first.number)
        )


@asynccontextmanager
async def phones(pbx: Asterisk, *extensions: str) -> AsyncIterator[dict[str, Phone]]:
    """So many registered phones, which answer every call with the house's pitch."""
    async with AsyncExitStack() as stack:
        made = {each: await stack.enter_async_context(lab.phone(pbx, each)) for each in extensions}
        for each in made.values():
            each.auto(sounds.tone(HOUSE), loop=True)
        yield made


async def at_once(control: Controlling, talks: Iterable[Talk], seconds: float = 1.0) -> dict[str, Finished]:
    """Place these calls at the same time; what became of each, by the talk's name.

    Asserts for each that it was recorded if and only if it was to be, that the file holds the voices of this very
    call, and that the PBX wrote no other file.
    """
    talks = tuple(talks)
    known = len(control.finished)
    files = set(control.pbx.monitor_dir.rglob("*.wav"))
    async with asyncio.TaskGroup() as group:
        for talk in talks:
            group.create_task(talk.happen(seconds))
            await asyncio.sleep(0.03)  # a burst would be a test of the PBX, not of the policy
    new = (await control.over(known + len(talks)))[known:]
    assert len(new) == len(talks), [each.call for each in new]
    found = {str(talk): each for talk in talks for each in new if talk.is_of(each)}
    assert set(found) == {str(talk) for talk in talks}
    for talk in talks:
        _as_wanted(talk, found[str(talk)])
    written = {path for each in new for segment in each.segments for path in _files(segment)}
    assert set(control.pbx.monitor_dir.rglob("*.wav")) - files == written
    return found


def _as_wanted(talk: Talk, finished: Finished) -> None:
    assert (finished.recording is not None) is talk.recorded, f"{talk}: {finished.decision.reason}"
    assert finished.decision.reason
    if talk.recorded:
        (segment,) = finished.segments
        assert pitches(segment.mixed) == {talk.pitch, HOUSE}, str(talk)


def _files(segment: object) -> list[Path]:
    names = (getattr(segment, name) for name in ("mixed", "anchor", "others"))
    return [Path(name) for name in names if name]


Say = Callable[[Call], Awaitable[None]]
