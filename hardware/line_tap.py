"""A line, listened to: its digits, the commands among them, and the recording that they start and stop. No device."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from hardware.dtmf.bank import RATE
from hardware.dtmf.tones import Detector, Digit
from hardware.keys import Key
from hardware.sequences import NOTHING_TYPED, CodeBook, Typed, feed
from hardware.takes import Take

Samples = NDArray[np.int16]

REMEMBERED = RATE
"""Samples kept of what was heard last. A code is known at most 0.12 s, and one piece, after its end."""
EDGE_S = 0.006
"""So far off may a digit's beginning or end be measured; without it a click of the tone would be in the file."""
PIECE = RATE // 10
"""What is fed in larger pieces is cut into such."""


class State(Enum):
    """Of the recording."""

    OFF = "off"
    ON = "on"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Command:
    """A code that was typed: from the start of its first digit to the end of its last, in seconds of the stream."""

    start: float
    end: float
    channel: int
    code: str
    key: Key


@dataclass(frozen=True, slots=True)
class Change:
    """The recording changed, or did not: `before` and `after` are then the same. Times in seconds of the stream."""

    at: float
    key: Key | None
    """None: the listening ended, or the file was full."""
    before: State
    after: State
    take: Take | None
    """The file that was begun, goes on or was closed."""


Event = Digit | Command | Change


class Commands:
    """Finds the codes in what each channel types. Only the channels in `entitled`, counted from 0, can command."""

    def __init__(self, codes: CodeBook, entitled: Collection[int]) -> None:
        self.codes = codes
        self._typed: dict[int, Typed] = dict.fromkeys(entitled, NOTHING_TYPED)
        self._digits: dict[int, list[Digit]] = {channel: [] for channel in entitled}

    def hear(self, digit: Digit) -> Command | None:
        """The command that this digit completes."""
        channel, end = digit.stream, digit.start + digit.length
        if channel not in self._typed:
            return None
        before = self._typed[channel]
        fresh = digit.start - before.at > self.codes.pause
        digits = [digit] if fresh else [*self._digits[channel], digit]
        typed, key = feed(self.codes, before, digit.key, digit.start)
        # The pause counts from the end of a digit, however long it was held.
        self._typed[channel] = Typed(typed.digits, end)
        self._digits[channel] = digits[len(digits) - len(typed.digits) :]
        if key is None:
            return None
        row = "".join(one.key for one in digits)
        code = next(one.digits for one in self.codes.codes if row.endswith(one.digits))
        return Command(digits[-len(code)].start, end, channel, code, key)


class Recorder:
    """Writes what lies between the codes, to the sample: no code is in the file.

    A recording begins where the code that starts it ends, and ends where the code that stops it begins, though each
    is known only later: what was heard last is remembered, and the file is mended. Paused, silence goes to the file,
    and takes the place of the code that paused. `make` opens the file of a recording that begins at that second.
    """

    def __init__(self, channels: int, make: Callable[[float], Take]) -> None:
        self.state = State.OFF
        self.take: Take | None = None
        self._make = make
        self._began = 0
        self._now = 0
        self._recent = np.zeros((channels, 0), np.int16)

    @property
    def seconds(self) -> float:
        """How long the file is."""
        return self.take.frames / RATE if self.take else 0.0

    def hear(self, samples: Samples) -> list[Change]:
        """The next sound of the line. Gives the change to a new file, where the old one is full."""
        self._recent = np.concatenate([self._recent, samples], axis=1)[:, -REMEMBERED:]
        start, self._now = self._now, self._now + samples.shape[1]
        if self.take and self.take.left < samples.shape[1]:
            return self._next_file(start)
        if self.take:
            self.take.append(samples if self.state is State.ON else np.zeros_like(samples))
        return []

    def _next_file(self, at: int) -> list[Change]:
        paused = self.state is State.PAUSED
        changes = [self._stop(at, None), self._start(at, None)]
        return [*changes, self._pause(at)] if paused else changes

    def obey(self, command: Command) -> Change:
        """Do what the code asks for; what already is so is left as it is."""
        key, before = command.key, self.state
        start, end = round((command.start - EDGE_S) * RATE), round((command.end + EDGE_S) * RATE)
        if key is Key.TOGGLE:
            key = Key.RECORD if before is State.OFF else Key.STOP
        match key, before:
            case Key.RECORD, State.OFF:
                return self._start(end, command.key)
            case Key.STOP, State.ON | State.PAUSED:
                return self._stop(start, command.key)
            case Key.PAUSE, State.ON:
                return self._pause(start)
            case Key.RESUME, State.PAUSED:
                return self._resume(end)
            case _:
                return Change(end / RATE, command.key, before, before, self.take)

    def end(self) -> Change:
        """Close the file, if one is open: the listening ends here."""
        return self._stop(self._now, None)

    def _start(self, at: int, key: Key | None) -> Change:
        at = max(at, self._now - self._recent.shape[1])
        self.take, self._began = self._make(at / RATE), at
        before, self.state = self.state, State.ON
        self.take.append(self._since(at))
        return Change(at / RATE, key, before, self.state, self.take)

    def _stop(self, at: int, key: Key | None) -> Change:
        before, take = self.state, self.take
        self.state, self.take = State.OFF, None
        if take:
            take.cut(at - self._began)
            take.close()
        return Change(at / RATE, key, before, self.state, take)

    def _pause(self, at: int) -> Change:
        self.state = State.PAUSED
        if self.take:
            unheard = np.zeros((self.take.channels, max(0, self._now - at)), np.int16)
            self.take.overwrite(at - self._began, unheard)
        return Change(at / RATE, Key.PAUSE, State.ON, self.state, self.take)

    def _resume(self, at: int) -> Change:
        self.state = State.ON
        if self.take:
            at = max(at, self._now - self._recent.shape[1])
            self.take.overwrite(at - self._began, self._since(at))
        return Change(at / RATE, Key.RESUME, State.PAUSED, self.state, self.take)

    def _since(self, at: int) -> Samples:
        """What was heard from sample `at` on, as far as it is remembered."""
        return self._recent[:, self._recent.shape[1] - (self._now - at) :]


class LineTap:
    """Sound goes in, events come out: digits, commands, and what became of the recording."""

    def __init__(self, channels: int, commands: Commands, recorder: Recorder | None = None) -> None:
        self.recorder = recorder
        self._commands = commands
        self._detector = Detector(channels)

    def feed(self, samples: Samples) -> list[Event]:
        """int16 (channels, n) at 8 kHz, pieces of any size."""
        events: list[Event] = []
        for at in range(0, samples.shape[1], PIECE):
            piece = samples[:, at : at + PIECE]
            if self.recorder:
                events += self.recorder.hear(piece)
            events += self._obeyed(self._detector.feed(piece))
        return events

    def end(self) -> list[Event]:
        """The line is no longer listened to."""
        events = self._obeyed(self._detector.flush())
        if self.recorder and self.recorder.take:
            events.append(self.recorder.end())
        return events

    def sounding(self) -> dict[int, str]:
        """The key that is down in each channel, where one is."""
        return self._detector.sounding()

    def _obeyed(self, digits: list[Digit]) -> list[Event]:
        events: list[Event] = []
        for digit in sorted(digits):
            events.append(digit)
            if command := self._commands.hear(digit):
                events.append(command)
                if self.recorder:
                    events.append(self.recorder.obey(command))
        return events
