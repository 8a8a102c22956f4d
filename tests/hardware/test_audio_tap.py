"""The line tap without a device: codes, what of the line gets into the file, levels, and which device is meant."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware import sequences, takes
from hardware.audio import Device, NoAudio, NoSuchDevice, choose
from hardware.dtmf.tones import Digit
from hardware.keys import Key
from hardware.line_tap import Change, Command, Commands, Event, LineTap, Recorder, State
from hardware.meter import QUIETEST_DB, Meter
from hardware.resample import Resampler
from hardware.takes import Take
from tests.hardware.dtmf.signals import Samples, quantised, tone_pair

RATE = 8000
CODES = sequences.book(
    {"*1": Key.RECORD, "*2": Key.STOP, "*3": Key.PAUSE, "*4": Key.RESUME, "*5": Key.TOGGLE, "1*1": Key.STOP}
)
EDGE = 0.006
"""How far a digit's beginning or end may be measured wrongly (docs/dtmf.md)."""


def just_after(seconds: float) -> Any:
    """Not before, so that no digit is in the file; and after it by no more than the error and the margin for it."""
    return pytest.approx(seconds + EDGE, abs=EDGE)


def just_before(seconds: float) -> Any:
    return pytest.approx(seconds - EDGE, abs=EDGE)


class Line:
    """Sound put together piece by piece, with the second at which each began and ended."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self.samples: Samples = np.zeros(0, np.int16)

    @property
    def now(self) -> float:
        return len(self.samples) / RATE

    def silence(self, seconds: float) -> Line:
        return self._add(np.zeros(round(seconds * RATE), np.int16))

    def talk(self, seconds: float) -> Line:
        """Noise, each millisecond of which is like no other."""
        return self._add(self._rng.normal(0, 2500, round(seconds * RATE)).clip(-32000, 32000).astype(np.int16))

    def type(self, digits: str, pause: float = 0.08) -> tuple[float, float]:
        """When the first digit begins and the last ends."""
        begins = self.now
        for number, digit in enumerate(digits):
            if number:
                self.silence(pause)
            self._add(quantised(tone_pair(digit, 0.08, (-10, -10), (0, 0), self._rng)))
        return begins, self.now

    def _add(self, samples: Samples) -> Line:
        self.samples = np.concatenate([self.samples, samples])
        return self


class Tape:
    """The files that a recorder makes."""

    def __init__(self, folder: Path, channels: int = 1) -> None:
        self.folder, self.channels = folder, channels
        self.made: list[Take] = []
        self.began: list[float] = []

    def open(self, at: float) -> Take:
        take = Take(self.folder / f"{len(list(self.folder.iterdir()))}.wav", self.channels)
        self.made.append(take)
        self.began.append(at)
        return take


def read(path: Path) -> Samples:
    """(channels, n), by somebody else's reader."""
    with wave.open(str(path)) as file:
        data = file.readframes(file.getnframes())
        return np.frombuffer(data, np.int16).reshape(-1, file.getnchannels()).T


def tapped(line: Line, tape: Tape, piece: int = 160) -> list[Event]:
    tap = LineTap(1, Commands(CODES, [0]), Recorder(1, tape.open))
    events: list[Event] = []
    for at in range(0, len(line.samples), piece):
        events += tap.feed(line.samples[None, at : at + piece])
    return events + tap.end()


def changes(events: list[Event]) -> list[tuple[Key | None, State]]:
    return [(one.key, one.after) for one in events if isinstance(one, Change) and one.before is not one.after]


@pytest.mark.parametrize("piece", [1, 37, 160, 4000, 1_000_000])
def test_the_file_holds_what_lies_between_the_codes_and_no_digit_of_them(piece: int, tmp_path: Path) -> None:
    line, tape = Line(), Tape(tmp_path)
    line.talk(0.5).silence(0.1)
    _, begins = line.type("*1")
    line.silence(0.05).talk(1.3).silence(0.05)
    ends, _ = line.type("*2")
    line.silence(0.1).talk(0.5)
    events = tapped(line, tape, piece)
    assert changes(events) == [(Key.RECORD, State.ON), (Key.STOP, State.OFF)]
    [began], file = tape.began, read(tape.made[0].path)[0]
    assert began == just_after(begins)
    assert began + len(file) / RATE == just_before(ends)
    start = round(began * RATE)
    assert np.array_equal(file, line.samples[start : start + len(file)])


def test_a_pause_is_as_long_a_silence_and_its_codes_are_silent_too(tmp_path: Path) -> None:
    line, tape = Line(), Tape(tmp_path)
    _, begins = line.silence(0.2).type("*1")
    line.talk(0.5).silence(0.05)
    quiet, _ = line.type("*3")
    line.silence(0.05).talk(0.8).silence(0.05)
    _, loud = line.type("*4")
    line.silence(0.05).talk(0.7).silence(0.05)
    ends, _ = line.type("*2")
    line.silence(0.3)
    assert [state for _, state in changes(tapped(line, tape, 480))] == [State.ON, State.PAUSED, State.ON, State.OFF]
    start = round(tape.began[0] * RATE)
    file = read(tape.made[0].path)[0]
    assert start / RATE == just_after(begins)
    assert (start + len(file)) / RATE == just_before(ends)
    sent = line.samples[start : start + len(file)]
    different = np.flatnonzero(file != sent)
    assert (start + different[0]) / RATE == pytest.approx(quiet, abs=0.001)
    assert (start + different[-1]) / RATE == pytest.approx(loud, abs=0.001)
    assert not file[different[0] : different[-1] + 1].any()


def test_what_already_is_so_stays_and_toggle_turns_it_over(tmp_path: Path) -> None:
    line, tape = Line(), Tape(tmp_path)
    line.silence(0.2)
    for code in ("*2", "*4", "*3", "*1", "*1", "*4", "*3", "*3", "*1", "*5", "*5", "*5"):
        line.type(code)
        line.silence(0.3)
    assert changes(tapped(line, tape)) == [
        (Key.RECORD, State.ON),
        (Key.PAUSE, State.PAUSED),
        (Key.TOGGLE, State.OFF),
        (Key.TOGGLE, State.ON),
        (Key.TOGGLE, State.OFF),
    ]
    assert len(tape.made) == 2


def test_a_recording_that_nobody_stopped_ends_with_the_line(tmp_path: Path) -> None:
    line, tape = Line(), Tape(tmp_path)
    line.silence(0.2).type("*1")
    line.talk(1.0)
    assert changes(tapped(line, tape, 800))[-1] == (None, State.OFF)
    file = read(tape.made[0].path)[0]
    assert np.array_equal(file, line.samples[len(line.samples) - len(file) :])


def test_a_file_that_is_full_goes_on_in_the_next_without_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takes, "MOST_BYTES", 2 * RATE)
    line, tape = Line(), Tape(tmp_path)
    line.silence(0.2).type("*1")
    line.talk(1.6).silence(0.05).type("*3")
    line.talk(1.5)
    events = tapped(line, tape)
    joined = np.concatenate([read(take.path)[0] for take in tape.made])
    assert len(tape.made) > 2
    start = round(tape.began[0] * RATE)
    assert start + len(joined) == len(line.samples)
    talk = round(1.6 * RATE)
    assert np.array_equal(joined[:talk], line.samples[start : start + talk])
    assert not joined[talk + 1000 :].any()
    assert [one.after for one in events if isinstance(one, Change)][-2] is State.PAUSED


@settings(max_examples=40, deadline=None)
@given(
    typed=st.lists(st.sampled_from(["*1", "*2", "*3", "*4", "*5", "7", "**", "1"]), max_size=8),
    piece=st.integers(1, 3000),
)
def test_however_the_line_is_cut_the_same_files_come_out(
    typed: list[str], piece: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    line = Line()
    for code in typed:
        line.silence(0.1).talk(0.1).silence(0.08).type(code)
    line.silence(0.2)
    one, other = (Tape(tmp_path_factory.mktemp("tape")) for _ in range(2))
    assert changes(tapped(line, one, piece)) == changes(tapped(line, other, 80))
    assert [take.path.read_bytes() for take in one.made] == [take.path.read_bytes() for take in other.made]


def pressed(keys: str, channel: int = 0, gap: float = 0.1, held: float = 0.1, at: float = 0.0) -> list[Digit]:
    return [Digit(at + n * (gap + held), held, channel, key) for n, key in enumerate(keys)]


def heard(commands: Commands, digits: list[Digit]) -> list[Command]:
    return [found for digit in digits if (found := commands.hear(digit))]


def test_only_an_entitled_channel_commands() -> None:
    assert heard(Commands(CODES, [0]), pressed("*1", channel=1)) == []
    [command] = heard(Commands(CODES, [1]), pressed("*1", channel=1))
    assert (command.code, command.key, command.channel) == ("*1", Key.RECORD, 1)


def test_two_channels_do_not_finish_each_others_codes() -> None:
    commands = Commands(CODES, [0, 1])
    assert heard(commands, [*pressed("*", 0), *pressed("1", 1, at=0.2)]) == []


def test_a_code_begins_with_its_own_first_digit_whatever_was_typed_before() -> None:
    [command] = heard(Commands(CODES, [0]), pressed("99**1"))
    assert (command.code, command.start, command.end) == ("*1", pytest.approx(0.6), pytest.approx(0.9))
    [command] = heard(Commands(CODES, [0]), [*pressed("1"), *pressed("*1", at=9)])
    assert (command.code, command.start) == ("*1", pytest.approx(9.0))
    short = sequences.book({"#": Key.RECORD, "9#": Key.STOP})
    [command] = heard(Commands(short, [0]), [*pressed("9"), *pressed("#", at=9)])
    assert (command.code, command.start) == ("#", pytest.approx(9.0))
    [command] = heard(Commands(CODES, [0]), pressed("1*1"))
    assert (command.code, command.start) == ("1*1", pytest.approx(0.0))


def test_a_digit_held_for_long_is_no_pause_and_a_pause_ends_a_code() -> None:
    assert heard(Commands(CODES, [0]), pressed("*1", held=3.0))
    assert not heard(Commands(CODES, [0]), pressed("*1", gap=2.1))


def test_a_take_is_whole_at_every_moment_and_can_be_mended(tmp_path: Path) -> None:
    take = Take(tmp_path / "take.wav", 2)
    assert read(take.path).shape == (2, 0)
    sound = np.arange(20, dtype=np.int16).reshape(2, 10)
    take.append(sound)
    assert np.array_equal(read(take.path), sound)
    take.overwrite(4, np.zeros((2, 3), np.int16))
    take.overwrite(-2, np.full((2, 3), 9, np.int16))
    take.overwrite(9, np.full((2, 5), 7, np.int16))
    whole = sound.copy()
    whole[:, 4:7], whole[:, 0], whole[:, 9] = 0, 9, 7
    assert np.array_equal(read(take.path), whole)
    take.cut(5)
    assert np.array_equal(read(take.path), whole[:, :5])
    take.append(sound)
    take.close()
    take.close()
    assert np.array_equal(read(take.path), np.concatenate([whole[:, :5], sound], axis=1))
    assert take.path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(FileExistsError):
        Take(take.path, 1)


def test_the_meter_shows_decibels_of_full_scale_and_a_peak_that_sinks() -> None:
    meter = Meter(2, RATE)
    sine = np.rint(16384 * np.sin(2 * np.pi * 1000 / RATE * np.arange(800))).astype(np.int16)
    loud, quiet = meter.feed(np.stack([sine, np.zeros_like(sine)]))
    assert (loud.rms, loud.peak) == (pytest.approx(-9.03, abs=0.01), pytest.approx(-6.02, abs=0.01))
    assert (quiet.rms, quiet.held, quiet.clipped) == (QUIETEST_DB, QUIETEST_DB, False)
    silent, broken = meter.feed(np.stack([np.zeros_like(sine), np.full_like(sine, -32768)]))
    assert silent.held == pytest.approx(-8.02, abs=0.01)  # 100 ms at 20 dB a second
    assert broken.clipped
    assert broken.peak == 0.0
    assert meter.feed(np.zeros((2, 0), np.int16)) == [silent, broken]


def device(number: int, name: str, inputs: int = 2, outputs: int = 2, **more: bool) -> Device:
    given = {"default_input": False, "default_output": False, **more}
    return Device(number, name, "ALSA", inputs, outputs, 48000, **given)


CARDS = [
    device(0, "USB Audio: Line In (hw:1,0)", outputs=0),
    device(1, "USB Audio: Speaker (hw:1,1)", inputs=0, default_output=True),
    device(2, "HDA Intel", default_input=True),
    device(3, "HDA Intel HDMI", inputs=0),
]


@pytest.mark.parametrize(
    ("wanted", "output", "number"),
    [
        ("", False, 2),
        ("", True, 1),
        ("line in", False, 0),
        ("0", False, 0),
        ("hda intel", True, 2),
        ("hdmi", True, 3),
        ("USB", False, 0),
        ("USB", True, 1),
    ],
)
def test_a_device_is_known_by_number_name_or_a_part_that_only_it_has(wanted: str, output: bool, number: int) -> None:
    assert choose(wanted, CARDS, output).number == number


@pytest.mark.parametrize(
    ("wanted", "output", "says"),
    [("hd", True, "2 HDA Intel"), ("nothing", False, "HDA Intel"), ("3", False, "no sound input is called '3'")],
)
def test_a_name_that_fits_none_or_several_is_answered_with_those_there_are(
    wanted: str, output: bool, says: str
) -> None:
    with pytest.raises(NoSuchDevice, match=says):
        choose(wanted, CARDS, output)


def test_a_machine_without_a_card_says_so() -> None:
    with pytest.raises(NoAudio, match="no sound input"):
        choose("", [CARDS[3]])


@pytest.mark.parametrize("source", [6000, 8000, 11025, 16000, 22050, 44056, 44100, 48000, 96000])
def test_resampled_tones_keep_place_and_level_and_what_is_too_high_is_gone(source: int) -> None:
    seconds = np.arange(source) / source
    kept, gone = np.sin(2 * np.pi * 1633 * seconds), np.sin(2 * np.pi * 4700 * seconds)
    both = np.rint(8000 * (kept + (gone if source > 9600 else 0))).astype(np.int16)
    change = Resampler(source, RATE)
    pieces = [change.feed(piece) for piece in np.array_split(both[None], 9, axis=1)]
    made = np.concatenate([*pieces, change.flush()], axis=1)[0]
    wanted = 8000 * np.sin(2 * np.pi * 1633 * np.arange(len(made)) / RATE * change.stretch)
    assert len(made) == pytest.approx(RATE, abs=1)
    assert np.abs(made - wanted)[100:-100].max() < 4
