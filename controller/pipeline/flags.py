"""What is wrong with the sound of a finished recording, as far as its figures show: for people to look at. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from controller.catalogue.entries import Level
from controller.core.finished import Finished
from controller.pipeline.levels import SILENCE_DB
from controller.pipeline.timeline import Timeline

SHORT_SECONDS = 1.0
ONE_SIDED_SECONDS = 5.0
"""In less time than this one party may just have listened."""
SILENT_SHARE = 0.995
QUIET_DB = -40.0
"""The peak of a side that somebody spoke on and that is hard to hear."""
CLIPPED_SHARE = 0.01
HOLE_SECONDS = 0.5
OWN_ENDS = frozenset({"stopped", "renewed"})
"""How a segment ends that we ended; a stop that a person asked for leaves no hole."""


def flags(finished: Finished, plan: Timeline, levels: Sequence[Level], repaired: bool) -> tuple[str, ...]:
    """Short sentences, the gravest first; () where nothing is wrong."""
    return (*_sides(levels, plan.frames / plan.rate), *_holes(finished, plan), *_rest(plan, repaired))


def _sides(levels: Sequence[Level], seconds: float) -> Iterator[str]:
    silent = [level for level in levels if level.peak <= SILENCE_DB or level.zero >= SILENT_SHARE]
    if len(silent) == len(levels):
        yield "silent: nobody is heard"
    elif seconds >= ONE_SIDED_SECONDS:
        yield from (f"one-sided: nothing of the {level.side}" for level in silent)
    for level in levels:
        if level not in silent and level.peak < QUIET_DB:
            yield f"too quiet: the {level.side} peaks at {level.peak:.0f} dB"
        if level.clipped > CLIPPED_SHARE:
            yield f"clipped: {level.clipped:.1%} of the {level.side}"


def _holes(finished: Finished, plan: Timeline) -> Iterator[str]:
    """Where a recorder ended by itself and another one went on later."""
    lengths = {placed.number: placed.length / plan.rate for placed in plan.segments}
    ordered = sorted(finished.segments, key=lambda one: (one.started_at, one.number))
    for one, after in itertools.pairwise(ordered):
        missing = after.started_at - one.started_at - lengths.get(one.number, 0.0)
        if one.ended_by not in OWN_ENDS and missing >= HOLE_SECONDS:
            yield f"interrupted: {missing:.1f} s are missing ({one.ended_by or 'unknown'})"


def _rest(plan: Timeline, repaired: bool) -> Iterator[str]:
    if plan.frames < SHORT_SECONDS * plan.rate:
        yield f"short: {plan.frames / plan.rate:.2f} s"
    if repaired:
        yield "repaired: a file was never closed by the PBX, up to 2 s may be missing at its end"
