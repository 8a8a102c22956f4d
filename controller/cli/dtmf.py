"""`onrecord dtmf`: the digits that can be heard in sound files."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID
from rich.table import Table

from controller.cli.ending import BAD_USE, FOUND, AsJson, Ending, say_json, screen
from hardware.dtmf.g711 import Law
from hardware.dtmf.tones import Detector, Digit
from hardware.sound_files import NoSound, SoundFile

LAWS = {"a": Law.A, "alaw": Law.A, "pcma": Law.A, "u": Law.MU, "mu": Law.MU, "ulaw": Law.MU, "pcmu": Law.MU}
MASKED = "•"


@dataclass(frozen=True, slots=True)
class Heard:
    """One digit. Seconds; the levels of its two tones in dBm0; channel 1 is the left one."""

    start: float
    length: float
    digit: str
    channel: int
    side: str
    low_dbm0: float
    high_dbm0: float


@dataclass(frozen=True, slots=True)
class Listened:
    """A file and its digits. `dialled`: those of each channel in a row."""

    file: str
    seconds: float
    channels: int
    dialled: tuple[str, ...]
    digits: tuple[Heard, ...]


def dtmf(
    files: Annotated[
        list[Path], typer.Argument(help="WAV, FLAC, Ogg, MP3, GSM, and what PBXs write without a header.")
    ],
    law: Annotated[str, typer.Option(help="The files are bare G.711: a or u.")] = "",
    mask: Annotated[bool, typer.Option("--mask", help=f"Show {MASKED} in place of each digit.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated, one line per digit.")] = False,
    as_json: AsJson = False,
) -> None:
    """The DTMF digits in recordings: when, how long, how loud, and in which channel.

    In OnRecord's own recordings the left channel is the customer and the right one the house.
    Exit codes: 0 all files were heard, with digits or without; 1 one could not be read; 2 wrong use.
    """
    if as_csv and as_json:
        raise Ending("--csv or --json, not both", BAD_USE)
    if law and law.lower() not in LAWS:
        raise Ending(f"--law {law}: choose a or u", BAD_USE)
    heard: list[Listened] = []
    with Progress(transient=True, disable=not sys.stderr.isatty(), console=Console(stderr=True)) as bar:
        for path in files:
            task = bar.add_task(escape(path.name), total=None)
            try:
                one = listen_to(path, LAWS.get(law.lower()), partial(_move, bar, task))
            except (NoSound, OSError) as error:
                why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                print(f"onrecord: {path}: {why}", file=sys.stderr)
            else:
                heard.append(masked(one) if mask else one)
            bar.remove_task(task)
    (_csv if as_csv else say_json if as_json else _tables)(heard)
    if len(heard) < len(files):
        raise Ending(f"{len(files) - len(heard)} of {len(files)} files could not be read", FOUND)


def _move(bar: Progress, task: TaskID, now: float, whole: float) -> None:
    bar.update(task, completed=now, total=whole)


def listen_to(path: Path, law: Law | None, tell: Callable[[float, float], object]) -> Listened:
    """All digits of a file; `tell` takes seconds heard and in all. Raises NoSound, OSError."""
    with SoundFile(path, law) as sound:
        detector, found, done = Detector(sound.channels), list[Digit](), 0
        pieces, stretch = sound.at_8_khz()
        for piece in pieces:
            found += detector.feed(piece)
            done += piece.shape[1]
            tell(done / 8000, sound.seconds)
        found += detector.flush()
        digits = tuple(_heard(digit, sound.channels, stretch) for digit in sorted(found))
        rows = tuple(
            "".join(one.digit for one in digits if one.channel == channel) for channel in range(1, sound.channels + 1)
        )
        return Listened(str(path), round(done / 8000 * stretch, 3), sound.channels, rows, digits)


def _heard(digit: Digit, channels: int, stretch: float) -> Heard:
    return Heard(
        start=round(digit.start * stretch, 3),
        length=round(digit.length * stretch, 3),
        digit=digit.key,
        channel=digit.stream + 1,
        side=side(digit.stream, channels),
        low_dbm0=round(digit.low_dbm0, 1),
        high_dbm0=round(digit.high_dbm0, 1),
    )


def side(channel: int, channels: int) -> str:
    """What people call a channel, counted from 0; nothing where there is but one, or many."""
    return ("left", "right")[channel] if channels == 2 else ""


def masked(one: Listened) -> Listened:
    """How many digits and when is told; which they are is not."""
    digits = tuple(Heard(**{**asdict(digit), "digit": MASKED}) for digit in one.digits)
    return Listened(one.file, one.seconds, one.channels, tuple(MASKED * len(row) for row in one.dialled), digits)


def _csv(heard: list[Listened]) -> None:
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(["file", *(field.name for field in fields(Heard))])
    for one in heard:
        # What begins so is a formula to a spreadsheet, and a file may be named by a stranger.
        name = f"./{one.file}" if one.file[:1] in "=+-@" else one.file
        lines.writerows([name, *asdict(digit).values()] for digit in one.digits)


def _tables(heard: list[Listened]) -> None:
    for one in heard:
        title = f"{escape(one.file)}: {len(one.digits)} digits in {one.seconds:.1f} s"
        if not one.digits:
            screen().print(title)
            continue
        table = Table(
            "start", "length", "digit", "channel", "low, dBm0", "high, dBm0", title=title, title_justify="left"
        )
        for digit in one.digits:
            table.add_row(
                f"{digit.start:.3f} s",
                f"{digit.length * 1000:.0f} ms",
                digit.digit,
                f"{digit.channel} {digit.side}",
                f"{digit.low_dbm0:.1f}",
                f"{digit.high_dbm0:.1f}",
            )
        screen().print(table)
        for channel, row in enumerate(one.dialled):
            if row:
                screen().print(f"{side(channel, one.channels) or 'heard'}: {row}")
