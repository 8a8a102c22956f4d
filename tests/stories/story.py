"""Reads a story, plays it, and writes it again with what OnRecord did: see tests/stories/README.md."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tests.stories.sentences import Cast, NotAStory
from tests.stories.stage import Stage
from tests.stories.virtual import VirtualLoop

BEGAN = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)  # a Wednesday
MARGIN, DID = "    ", "    > "


@dataclass(frozen=True, slots=True)
class Step:
    """One line at the margin, the indented text below it, and what OnRecord is said to do then."""

    line: str
    number: int
    block: str = ""
    did: tuple[str, ...] = ()

    @property
    def silent(self) -> bool:
        """An empty line, a comment, or the policy: nothing that happens to a call."""
        return not self.line or self.line.startswith("#") or self.line == "policy" or self.line.startswith("it is ")

    def text(self) -> str:
        block = textwrap.indent(self.block, MARGIN)
        return "".join([f"{self.line}\n", block, *(f"{DID}{each}\n" for each in self.did)])


def read(text: str) -> Iterator[Step]:
    """The steps of a story. Raises NotAStory for a line that belongs to none."""
    step: Step | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(DID.rstrip()) and step is not None:
            step = replace(step, did=(*step.did, line.removeprefix(DID)))
        elif step is not None and (line.startswith(MARGIN) or (not line and _takes_text(step))):
            step = replace(step, block=f"{step.block}{line.removeprefix(MARGIN)}\n")
        elif line.startswith(" "):
            raise NotAStory(f"line {number}: neither at the margin nor four in: {line}")
        else:
            if step is not None:
                yield step
            step = Step(line, number)
    if step is not None:
        yield step


def _takes_text(step: Step) -> bool:
    return step.line in ("policy", "the rules change to")


def play(text: str, folder: Path) -> str:
    """The same story, with what OnRecord really did below each line. Raises NotAStory."""
    steps = list(read(text))
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return "".join(step.text() for step in runner.run(_play(steps, folder)))


async def _play(steps: list[Step], folder: Path) -> list[Step]:
    stage = Stage(folder, _began(steps).timestamp(), "".join(step.block for step in steps if step.line == "policy"))
    cast = Cast(stage)
    running = asyncio.create_task(stage.engine.run())
    await stage.passes(1)
    played: list[Step] = []
    try:
        for step in steps:
            played.append(step if step.silent else replace(step, did=tuple(await _act(step, cast, stage))))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    if stage.engine.sessions:
        raise NotAStory(f"the story ends before these calls do: {', '.join(stage.engine.sessions)}")
    return played


async def _act(step: Step, cast: Cast, stage: Stage) -> list[str]:
    try:
        return await stage.acted(cast.act(step.line, step.block))
    except NotAStory as error:
        raise NotAStory(f"line {step.number}: {error}") from None


def _began(steps: list[Step]) -> datetime:
    said = [step.line.removeprefix("it is ") for step in steps if step.line.startswith("it is ")]
    return datetime.fromisoformat(said[0]).replace(tzinfo=UTC) if said else BEGAN
