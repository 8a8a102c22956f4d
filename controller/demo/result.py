"""What the demo shows at its end: the table of calls, a picture of each recording, and the words heard in it."""

from __future__ import annotations

import asyncio
from itertools import groupby
from pathlib import Path

import numpy as np
import soundfile
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from controller.catalogue import search
from controller.catalogue.database import read_catalogue
from controller.catalogue.entries import CallEntry, CallStory, RecordingStory, Status
from controller.catalogue.search import list_calls
from controller.lab import ears
from controller.lab.sounds import Samples

BARS, PAUSED = " ▁▂▃▄▅▆▇█", "░"
WIDTH = 48

EXPECTED = {
    "Alice's customers": 2,
    "sales queue": 1,
    "Dave may record": 1,
    "board room": 1,
    "second trunk": 1,
}
"""Rule → how many recordings there must be by it."""


def show(console: Console, folder: Path) -> tuple[CallEntry, ...]:
    """Print everything; returns the calls, oldest first."""
    stories = asyncio.run(_stories(folder))
    console.print("\n[bold]What was recorded, what was not, and why[/]")
    console.print(_table(tuple(story.call for story in stories)))
    console.print("[bold]What is in the recordings[/] (heard by an offline recogniser, each side by itself)")
    for story in stories:
        for each in story.recordings:
            if each.recording.status is Status.KEPT:
                _show(console, folder, story.call, each)
    return tuple(story.call for story in stories)


def judge(entries: tuple[CallEntry, ...]) -> list[str]:
    """What is not as it should be, in words."""
    found: dict[str, int] = {}
    for entry in entries:
        kept = sum(one.status is Status.KEPT for one in entry.recordings)
        if kept:
            found[entry.rule] = found.get(entry.rule, 0) + kept
    wrong = [
        f"{found.get(rule, 0)} recordings by rule '{rule}' instead of {count}"
        for rule, count in EXPECTED.items()
        if found.get(rule, 0) != count
    ]
    wrong += [f"a recording by rule '{rule}', which should make none" for rule in found if rule not in EXPECTED]
    if any("116123" in entry.dialled for entry in entries):
        wrong.append("the helpline call is listed")
    return wrong


async def _stories(folder: Path) -> tuple[CallStory, ...]:
    catalogue = await read_catalogue(folder / "catalogue.sqlite")
    try:
        entries = reversed(await list_calls(catalogue))
        return tuple([story for entry in entries for story in await search.show(catalogue, entry.call)])
    finally:
        await catalogue.close()


def _table(entries: tuple[CallEntry, ...]) -> Table:
    """As `onrecord list`, without the ids: who reads this for the first time wants to see the reasons."""
    table = Table("at", "from", "to", "recorded", "length", "why", box=box.SIMPLE_HEAD, pad_edge=False)
    for entry in entries:
        mark = "[green]● yes[/]" if entry.recorded else "[dim]○ no[/]"
        length = sum(one.length for one in entry.recordings if one.status is Status.KEPT)
        table.add_row(
            f"{entry.began_at.astimezone():%H:%M:%S}",
            escape(_caller(entry)),
            escape(entry.dialled),
            mark,
            f"{length:.1f} s" if entry.recorded else "",
            escape(entry.why),
        )
    return table


def _caller(entry: CallEntry) -> str:
    first = entry.parties[0] if entry.parties else None
    return (first.number or first.endpoint) if first else ""


def _show(console: Console, folder: Path, call: CallEntry, story: RecordingStory) -> None:
    recording, paused = story.recording, _pauses(story)
    place = Path("recordings", recording.folder)
    samples, rate = soundfile.read(folder / place / "recording.wav", dtype="int16", always_2d=True)
    length = len(samples) / rate
    said = "".join(f", [yellow]paused from {since:.1f} to {to:.1f} s[/]" for since, to in paused)
    console.print(f"\n[bold]{escape(_caller(call))} → {escape(call.dialled)}[/]  {length:.1f} s{said}")
    console.print(f"  [dim]{escape(str(place))}[/]", soft_wrap=True)
    names = ("customer", "house") if samples.shape[1] == 2 else ("everybody",)
    sides = Table(box=None, show_header=False, padding=(0, 0, 0, 2))
    for name, side in zip(names, samples.T, strict=True):
        bars = _with_pauses(wave(side), [(since / length, to / length) for since, to in paused])
        heard = ears.words(np.ascontiguousarray(side), rate)
        sides.add_row(f"{name:9}", bars, f"“{escape(heard)}”" if heard else "[dim](says nothing)[/]")
    console.print(sides)


def _pauses(story: RecordingStory) -> list[tuple[float, float]]:
    """From where to where in the file nothing was to be heard, in seconds."""
    found: list[tuple[float, float]] = []
    since: float | None = None
    for mark in story.marks:
        if mark.offset is None:
            continue
        if mark.kind == "pause":
            since = mark.offset
        elif since is not None and mark.kind in ("resume", "stop"):
            found.append((since, mark.offset))
            since = None
    return found


def _with_pauses(bars: str, pauses: list[tuple[float, float]]) -> str:
    """Bars in colour, with the pauses (shares of the whole) hatched."""
    hatched = [any(since <= (n + 0.5) / len(bars) < to for since, to in pauses) for n in range(len(bars))]
    parts = groupby(zip(hatched, bars, strict=True), key=lambda each: each[0])
    return "".join(
        f"[yellow]{PAUSED * len(part)}[/]" if pause else f"[cyan]{''.join(bar for _, bar in part)}[/]"
        for pause, part in ((pause, list(group)) for pause, group in parts)
    )


def wave(side: Samples, width: int = WIDTH) -> str:
    """One side as a line of bars, the loudest one full."""
    peaks = [float(np.abs(part.astype(np.int32)).max(initial=0)) for part in np.array_split(side, width)]
    top = max(*peaks, 1.0)
    return "".join(BARS[round(peak / top * (len(BARS) - 1))] for peak in peaks)
