"""What `onrecord listen` shows: a meter in a terminal, a line per event elsewhere, or JSON."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from controller.cli.dtmf import MASKED, side
from hardware.dtmf.tones import Digit
from hardware.line_tap import Change, Command, Event, State
from hardware.meter import Level

BAR = 40
COLOURS = ((0, 28, "green"), (28, 36, "yellow"), (36, BAR, "red"))
LOWEST_DB = -60.0
SHOWN_S = 0.1
DIGITS = 48
"""So many of the last digits stay on the screen."""
STATES = {
    State.OFF: "[dim]not recording[/]",
    State.ON: "[bold red]● recording[/]",
    State.PAUSED: "[yellow]‖ paused[/]",
}


@dataclass(slots=True)
class Now:
    """What stands on the screen at this moment."""

    at: float = 0.0
    levels: list[Level] = field(default_factory=list)
    state: State | None = None
    """None: nothing can be recorded."""
    recorded: float = 0.0
    whole: float = 0.0
    """How long the file is that plays."""
    note: str = ""


class Screen:
    """Shows the state ten times a second where somebody watches; events stay above it, one line each."""

    def __init__(self, as_json: bool, mask: bool) -> None:
        self.as_json, self.mask = as_json, mask
        self._live: Live | None = None
        self._digits: list[str] = []
        self._shown = 0.0

    def __enter__(self) -> Screen:
        if sys.stdout.isatty() and not self.as_json:
            self._live = Live(console=Console(highlight=False), auto_refresh=False)
            self._live.start()
        return self

    def __exit__(self, *what: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, now: Now) -> None:
        """Bring the state up to date; cheap to call often."""
        if self._live and time.monotonic() - self._shown >= SHOWN_S:
            self._shown = time.monotonic()
            self._live.update(self._picture(now), refresh=True)

    def say(self, event: Event, channels: int) -> None:
        """An event of the line."""
        if self.as_json:
            self._line(json.dumps(as_object(event, channels, self.mask), ensure_ascii=False))
        elif not (text := sentence(event, channels, self.mask)):
            pass
        elif self._live:
            self._live.console.print(escape(text))
        else:
            self._line(text)
        if isinstance(event, Digit):
            self._digits = [*self._digits, MASKED if self.mask else event.key][-DIGITS:]

    def tell(self, text: str, **more: Any) -> None:
        """Something else that happened."""
        if self.as_json:
            self._line(json.dumps(more, ensure_ascii=False))
        elif self._live:
            self._live.console.print(escape(text))
        else:
            self._line(text)

    def _line(self, text: str) -> None:
        print(text, flush=True)  # whoever reads it live must not wait for a buffer to fill

    def _picture(self, now: Now) -> RenderableType:
        rows = [meter(level, side(n, len(now.levels)) or f"{n + 1}") for n, level in enumerate(now.levels)]
        if now.whole:
            return Group(*rows, position(now.at, now.whole))
        state = "" if now.state is None else f"{STATES[now.state]} {clock(now.recorded) if now.recorded else ''}"
        line = Text.from_markup(f"{clock(now.at)}  {state}  [yellow]{escape(now.note)}[/]")
        return Group(*rows, line, Text("".join(self._digits)))


def position(at: float, whole: float) -> Text:
    """Where a file that plays has come to."""
    done = round(BAR * min(1.0, at / whole))
    return Text(f"      {'━' * done}{'─' * (BAR - done)} {clock(at)} of {clock(whole)}")


def meter(level: Level, name: str) -> Text:
    """A bar as long as the RMS, with a mark where the last peak was."""
    filled, held = _cells(level.rms), _cells(level.held)
    bar = "".join("█" if n < filled else "│" if n == held - 1 else "·" for n in range(BAR))
    text = Text(f"{name:>5} ")
    for start, stop, colour in COLOURS:
        text.append(bar[start:stop], colour)
    text.append(f" {level.rms:6.1f} dB")
    return text.append(" too loud", "bold red") if level.clipped else text


def _cells(level_db: float) -> int:
    return round(BAR * min(1.0, max(0.0, 1 - level_db / LOWEST_DB)))


def clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}"


def sentence(event: Event, channels: int, mask: bool) -> str:
    """One event for people; nothing for a code, since what came of it follows."""
    match event:
        case Digit():
            where = f" {side(event.stream, channels)}" if side(event.stream, channels) else ""
            key = MASKED if mask else event.key
            return f"{event.start:9.3f} s{where}  {key}  {event.length * 1000:.0f} ms, {event.low_dbm0:.0f} dBm0"
        case Command():
            return (
                f"{event.start:9.3f} s  {MASKED * len(event.code) if mask else event.code} asks to {event.key.value}"
            )
        case Change():
            return f"{event.at:9.3f} s  {outcome(event)}"


def outcome(change: Change) -> str:
    """What became of the recording."""
    name = change.take.path.name if change.take else ""
    if change.before is change.after:
        return f"nothing changed: {'it is ' if change.after is State.PAUSED else ''}{_plain(change.after)}"
    if change.after is State.OFF:
        length = change.take.frames / change.take.rate if change.take else 0.0
        return f"recording ended: {name}, {length:.3f} s"
    if change.after is State.PAUSED:
        return f"recording paused: {name}"
    return f"recording goes on: {name}" if change.before is State.PAUSED else f"recording: {name}"


def _plain(state: State) -> str:
    return {State.OFF: "nothing is being recorded", State.ON: "it is recording", State.PAUSED: "paused"}[state]


def as_object(event: Event, channels: int, mask: bool) -> dict[str, Any]:
    """One event for programs; times in seconds since the listening began."""
    match event:
        case Digit():
            return {
                "event": "digit",
                "at": round(event.start, 3),
                "length": round(event.length, 3),
                "channel": event.stream + 1,
                "side": side(event.stream, channels),
                "digit": MASKED if mask else event.key,
                "low_dbm0": round(event.low_dbm0, 1),
                "high_dbm0": round(event.high_dbm0, 1),
            }
        case Command():
            return {
                "event": "code",
                "at": round(event.start, 3),
                "end": round(event.end, 3),
                "channel": event.channel + 1,
                "asks": event.key.value,
            }
        case Change():
            return {
                "event": "recording",
                "at": round(event.at, 3),
                "asked": event.key.value if event.key else None,
                "before": event.before.value,
                "after": event.after.value,
                "file": str(event.take.path) if event.take else None,
                "length": round(event.take.frames / event.take.rate, 3) if event.take else 0.0,
            }
