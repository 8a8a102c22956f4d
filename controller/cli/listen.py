"""`onrecord listen`: a line on a sound card, heard live: level, digits, a recording by codes; and playback."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from controller import disk
from controller.cli.ending import BAD_USE, FOUND, UNREACHABLE, AsJson, Ending, say_json, screen
from controller.cli.line_takes import Takes
from controller.cli.listening import Now, Screen, clock
from hardware import audio, sequences
from hardware.dtmf.bank import RATE
from hardware.keys import Key
from hardware.line_tap import Change, Commands, Event, LineTap, Recorder
from hardware.meter import Meter
from hardware.sound_files import NoSound, SoundFile

CODES = {"*1": Key.RECORD, "*2": Key.STOP, "*3": Key.PAUSE, "*4": Key.RESUME, "*5": Key.TOGGLE}
"""As in docs/examples/everything.toml."""
CODES_HELP = "Such as '*1=record'; may be repeated. Left out: " + ", ".join(
    f"{c} {k.value}" for c, k in CODES.items()
)


def listen(
    device: Annotated[str, typer.Option("--device", "-d", help="Its name, a part of it, or its number.")] = "",
    channels: Annotated[int, typer.Option(min=1, max=32, help="2: one side on the left, one on the right.")] = 1,
    record: Annotated[Path | None, typer.Option(help="The folder for recordings that codes start.")] = None,
    code: Annotated[list[str] | None, typer.Option(help=CODES_HELP)] = None,
    commands_from: Annotated[
        list[int] | None, typer.Option(help="A channel that may command, from 1; may be repeated. Left out: 1.")
    ] = None,
    mask: Annotated[bool, typer.Option("--mask", help="Show that digits come, but not which.")] = False,
    seconds: Annotated[float, typer.Option(min=0, help="Stop after so long. 0: at Ctrl-C.")] = 0.0,
    play: Annotated[Path | None, typer.Option(help="Play this file instead.")] = None,
    list_devices: Annotated[bool, typer.Option("--devices", help="List the sound devices instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Listen to a line through a sound card: its level, its digits, and a recording that codes on the line command.

    Made for telephone systems that OnRecord does not know. With --record, each recording is a WAV from the end of the
    code that starts it to the beginning of the code that stops it.
    Exit codes: 0 well; 1 the file cannot be played, or written; 2 wrong use; 3 no sound card, or it has gone.
    """
    codes, entitled = _book(code or []), _entitled(commands_from or [1], channels)
    try:
        if list_devices:
            _list(as_json)
        elif play:
            _play(play, device, Screen(as_json, mask))
        else:
            _tap(device, channels, Commands(codes, entitled), record, Screen(as_json, mask), seconds)
    except audio.NoSuchDevice as error:
        raise Ending(str(error), BAD_USE) from error
    except audio.NoAudio as error:
        raise Ending(str(error), UNREACHABLE) from error
    except (NoSound, OSError) as error:
        why = getattr(error, "strerror", None) or error
        raise Ending(f"{play or record}: {why}", FOUND) from error


def _list(as_json: bool) -> None:
    found = audio.devices()
    if as_json:
        say_json(found)
        return
    table = Table("number", "name", "through", "in", "out", "rate", "default")
    for one in found:
        default = f"{'in' if one.default_input else ''} {'out' if one.default_output else ''}".strip()
        counts = (str(one.inputs), str(one.outputs), f"{one.rate} Hz")
        table.add_row(str(one.number), escape(one.name), one.api, *counts, default)
    screen().print(table)
    if not found:
        raise Ending("this machine has no sound device", UNREACHABLE)


def _book(given: list[str]) -> sequences.CodeBook:
    codes = {} if given else CODES
    for one in given:
        digits, _, word = one.partition("=")
        try:
            codes[digits.strip().upper()] = Key(word.strip().lower())
        except ValueError:
            words = ", ".join(key.value for key in Key)
            raise Ending(f"--code {one}: write it like '*1=record'; a code can ask to {words}", BAD_USE) from None
    try:
        return sequences.book(codes, "--code")
    except sequences.CodeError as error:
        raise Ending(str(error), BAD_USE) from error


def _entitled(numbers: list[int], channels: int) -> list[int]:
    if wrong := [number for number in numbers if not 1 <= number <= channels]:
        raise Ending(f"--commands-from {wrong[0]}: choose 1 to {channels} (--channels {channels})", BAD_USE)
    return [number - 1 for number in numbers]


def _tap(name: str, channels: int, commands: Commands, folder: Path | None, shown: Screen, seconds: float) -> None:
    device = audio.choose(name, audio.devices())
    if folder:
        disk.make_folder(folder)
    capture = audio.Capture(device, channels)
    with shown, capture:
        shown.tell(
            f"listening to {device.name} at {capture.rate} Hz",
            event="listening", device=device.name, rate=capture.rate, channels=channels,
        )  # fmt: skip
        if folder and channels == 1:
            shown.tell("both sides are on one channel: whoever is on the line can command", event="one channel")
        takes = Takes(folder, channels, device.name) if folder else None
        tap = LineTap(channels, commands, Recorder(channels, takes.open) if takes else None)
        _listen(tap, capture, takes, shown, seconds)


def _listen(tap: LineTap, capture: audio.Capture, takes: Takes | None, shown: Screen, seconds: float) -> None:
    """Until told to stop, or for so many seconds. Raises NoAudio when the device goes, OSError from the disk."""
    now, meter = Now(state=tap.recorder.state if tap.recorder else None), Meter(capture.channels, RATE)

    def tell(events: list[Event]) -> None:
        for event in events:
            shown.say(event, capture.channels)
            if takes and isinstance(event, Change):
                takes.hear(event, capture)

    try:
        with _interrupted_by_signals():
            while not seconds or now.at < seconds:
                samples = capture.read()
                if takes and not takes.began:  # a card may take its time until it hands on the first sound
                    takes.began = datetime.now().astimezone() - timedelta(seconds=samples.shape[1] / RATE)
                tell(tap.feed(samples))
                now.at += samples.shape[1] / RATE
                now.levels = meter.feed(samples)
                if tap.recorder:
                    now.state, now.recorded = tap.recorder.state, tap.recorder.seconds
                now.note = f"{capture.overruns} overruns" if capture.overruns else ""
                shown.show(now)
    except KeyboardInterrupt:
        pass
    finally:
        tell(tap.end())
        text = f"heard {clock(now.at)}, {capture.overruns} overruns, {capture.lost:.1f} s lost"
        shown.tell(text, event="end", heard=round(now.at, 3), overruns=capture.overruns, lost=round(capture.lost, 3))


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """SIGTERM ends the listening as Ctrl-C does: what was recorded is closed, not abandoned."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _play(path: Path, name: str, shown: Screen) -> None:
    with SoundFile(path) as sound:
        device = audio.choose(name, audio.devices(), output=True)
        meter, now = Meter(sound.channels, sound.rate), Now(whole=sound.seconds)
        with audio.Playback(device, sound.rate, sound.channels) as playback, shown:
            shown.tell(f"playing {path.name} on {device.name}", event="playing", file=str(path), device=device.name)
            try:
                with _interrupted_by_signals():
                    for now.at, piece in playback.play(sound.pieces(sound.rate)):
                        now.levels = meter.feed(piece)
                        shown.show(now)
            except KeyboardInterrupt:
                pass
            shown.tell(
                f"played {clock(now.at)} of {clock(sound.seconds)}, {playback.underruns} underruns",
                event="end", played=round(now.at, 3), seconds=round(sound.seconds, 3), underruns=playback.underruns,
            )  # fmt: skip
