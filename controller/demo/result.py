"""What the demo shows at its end: the table of calls, a picture of each recording, and the words heard in it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console
from rich.markup import escape

from controller.catalogue.database import read_catalogue
from controller.catalogue.entries import CallEntry, RecordingEntry, Status
from controller.catalogue.search import list_calls
from controller.cli.records import table_of
from controller.lab import ears
from controller.lab.sounds import Samples

BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 60

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
    entries = asyncio.run(_entries(folder))
    console.print("\n[bold]What was recorded, what was not, and why[/]")
    console.print(table_of(entries))
    console.print("[bold]What is in the recordings[/] (heard by an offline recogniser, each side by itself)")
    for entry in entries:
        for recording in entry.recordings:
            if recording.status is Status.KEPT:
                _show(console, folder / "recordings" / recording.folder, recording)
    return entries


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


async def _entries(folder: Path) -> tuple[CallEntry, ...]:
    catalogue = await read_catalogue(folder / "catalogue.sqlite")
    try:
        return tuple(reversed(await list_calls(catalogue)))
    finally:
        await catalogue.close()


def _show(console: Console, place: Path, recording: RecordingEntry) -> None:
    samples, rate = soundfile.read(place / "recording.wav", dtype="int16", always_2d=True)
    console.print(f"\n[bold]{escape(recording.id)}[/]  {len(samples) / rate:.1f} s  {place}/picture.png")
    names = ("customer", "house") if samples.shape[1] == 2 else ("everybody",)
    for name, side in zip(names, samples.T, strict=True):
        console.print(f"  {name:9} [cyan]{wave(side)}[/]")
        console.print(f"            “{escape(ears.words(np.ascontiguousarray(side), rate))}”")


def wave(side: Samples, width: int = WIDTH) -> str:
    """One side as a line of bars, the loudest one full."""
    peaks = [float(np.abs(part.astype(np.int32)).max(initial=0)) for part in np.array_split(side, width)]
    top = max(*peaks, 1.0)
    return "".join(BARS[round(peak / top * (len(BARS) - 1))] for peak in peaks)
