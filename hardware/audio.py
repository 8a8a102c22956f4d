"""A sound card as a line tap and a loudspeaker, through PortAudio. Nothing else in the project needs a sound card."""

from __future__ import annotations

import os
import queue
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware.dtmf.bank import RATE
from hardware.resample import Resampler

Samples = NDArray[np.int16]

COMMON_RATES = (RATE, 16000, 48000, 44100)
"""Tried in this order: what a telephone line needs, what is a multiple of it, what every card has."""
MOST_WAITING_S = 10.0
"""So much sound may wait to be read. More is dropped, counted, and silence stands in for it."""
STALLED_S = 5.0
BLOCK_S = 0.05
LATENCY_S = 0.3
"""Asked of the card: a tap may lag; what it may not do is stutter on a machine that does other things too."""
INSTALL = "pip install '/path/to/onrecord[desk]', and on Debian or Ubuntu: sudo apt-get install libportaudio2"


class NoAudio(Exception):
    """There is no sound card to use, or it has gone; the text says what to do."""


class NoSuchDevice(NoAudio):
    """No device is called so, or several are; the text lists what there is."""


@dataclass(frozen=True, slots=True)
class Device:
    """A sound device as PortAudio sees it. `number` holds until the devices change."""

    number: int
    name: str
    api: str
    inputs: int
    outputs: int
    rate: int
    default_input: bool
    default_output: bool


def devices() -> list[Device]:
    """All there are. Raises NoAudio where PortAudio is missing."""
    portaudio = _portaudio()
    apis = portaudio.query_hostapis()
    default = portaudio.default.device
    return [
        Device(
            number=number,
            name=one["name"],
            api=apis[one["hostapi"]]["name"],
            inputs=one["max_input_channels"],
            outputs=one["max_output_channels"],
            rate=round(one["default_samplerate"]),
            default_input=number == default[0],
            default_output=number == default[1],
        )
        for number, one in enumerate(portaudio.query_devices())
    ]


def choose(wanted: str, among: list[Device], output: bool = False) -> Device:
    """The device of this number or name, or whose name alone holds this; "" asks for the default one.

    Raises NoSuchDevice, NoAudio where there is none at all.
    """
    role = "output" if output else "input"
    usable = [one for one in among if (one.outputs if output else one.inputs)]
    if not usable:
        raise NoAudio(f"this machine has no sound {role}")
    if not wanted:
        default = [one for one in usable if (one.default_output if output else one.default_input)]
        return (default or usable)[0]
    folded = wanted.casefold()
    exact = [one for one in usable if wanted == str(one.number) or folded == one.name.casefold()]
    found = exact or [one for one in usable if folded in one.name.casefold()]
    if len(found) == 1:
        return found[0]
    listed = "; ".join(f"{one.number} {one.name} ({one.api})" for one in found or usable)
    if found:
        raise NoSuchDevice(f"{len(found)} sound {role}s are called {wanted!r}: {listed}. Give a number")
    raise NoSuchDevice(f"no sound {role} is called {wanted!r}. There are: {listed}")


class Capture:
    """What comes in at a device, at 8 kHz, from `with` on.

    `overruns` counts how often the card or we were too slow; `lost` is how many seconds of sound we dropped, in
    whose place stands silence. What the card itself dropped nobody knows.
    """

    def __init__(
        self,
        device: Device,
        channels: int = 1,
        rates: tuple[int, ...] = COMMON_RATES,
        patience_s: float = MOST_WAITING_S,
    ) -> None:
        """`rates`: to be tried, best first. Raises NoAudio where the device is busy or cannot do it."""
        self.device, self.channels = device, channels
        self.overruns = 0
        self.rate = _rate(device, channels, rates, output=False)
        self._patience = round(patience_s * self.rate)
        self._change = Resampler(self.rate, RATE, channels)
        self._waiting: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        # Each written by one thread only, so that the callback never waits for a lock.
        self._came = self._read = self._dropped = self._gap = 0
        self._stream = _opened("RawInputStream", device, channels, self.rate, self._take, self._over)

    @property
    def lost(self) -> float:
        return self._dropped / self.rate

    def read(self) -> Samples:
        """What has come since, int16 (channels, n); waits for it. Raises NoAudio when the device has gone."""
        try:
            first = self._waiting.get(timeout=STALLED_S)
        except queue.Empty:
            raise NoAudio(f"{self.device.name} has given no sound for {STALLED_S:.0f} s") from None
        pieces = [first]
        while not self._waiting.empty():
            pieces.append(self._waiting.get())
        made = [self._samples(*piece) for piece in pieces if piece]
        if not made:
            raise NoAudio(f"{self.device.name} has stopped: unplugged, or its server has gone")
        if pieces[-1] is None:
            self._waiting.put(None)  # for the next call
        return self._change.feed(np.concatenate(made, axis=1))

    def _samples(self, gap: int, data: bytes) -> Samples:
        samples = np.frombuffer(data, np.int16).reshape(-1, self.channels).T
        self._read += samples.shape[1]
        return np.concatenate([np.zeros((self.channels, gap), np.int16), samples], axis=1) if gap else samples

    def _take(self, data: Any, frames: int, _: Any, status: Any) -> None:
        """PortAudio's thread calls this: never wait here."""
        if status.input_overflow:
            self.overruns += 1
        if self._came - self._read + frames > self._patience:
            self.overruns += not self._gap
            self._gap += frames
            self._dropped += frames
            return
        self._came += frames
        self._waiting.put((self._gap, bytes(data)))
        self._gap = 0

    def _over(self) -> None:
        self._waiting.put(None)

    def __enter__(self) -> Capture:
        self._stream.start()
        return self

    def __exit__(self, *what: object) -> None:
        self._stream.close()


class Playback:
    """A device that sound is played to, at whatever rate and width it takes. `underruns`: how often it stuttered."""

    def __init__(self, device: Device, rate: int, channels: int) -> None:
        """`rate`, `channels`: of the sound. Raises NoAudio."""
        self.device, self.underruns = device, 0
        self.channels = min(channels, device.outputs)
        self.source = rate
        self.rate = _rate(device, self.channels, (rate, *COMMON_RATES), output=True)
        self._change = Resampler(rate, self.rate, self.channels)
        self._stream = _opened("RawOutputStream", device, self.channels, self.rate)

    def play(self, pieces: Iterable[Samples]) -> Iterator[tuple[float, Samples]]:
        """Plays int16 (channels, n); gives, as each 50 ms go out, the second they end at and what they are.

        Raises NoAudio when the device has gone.
        """
        self._stream.start()
        room = self._stream.write_available
        written = 0
        for piece in _blocks(pieces, max(1, round(BLOCK_S * self.source))):
            self._write(self._change.feed(self._fitting(piece)))
            written += piece.shape[1]
            yield written / self.source, piece
        self._write(self._change.flush())
        # Stopping should wait until all was heard, but ALSA's plugin for PulseAudio forgets it instead. So as much
        # silence as the card holds pushes it out.
        self._write(np.zeros((self.channels, room + round(BLOCK_S * self.rate)), np.int16))
        self._stream.stop()

    def _fitting(self, piece: Samples) -> Samples:
        if len(piece) == self.channels:
            return piece
        one = np.rint(piece.mean(axis=0, keepdims=True)).astype(np.int16)
        return np.repeat(one, self.channels, axis=0)

    def _write(self, samples: Samples) -> None:
        try:
            self.underruns += bool(self._stream.write(np.ascontiguousarray(samples.T).tobytes()))
        except _portaudio().PortAudioError as error:
            raise NoAudio(f"{self.device.name}: {_reason(error)}") from error

    def __enter__(self) -> Playback:
        return self

    def __exit__(self, *what: object) -> None:
        self._stream.close()


def _blocks(pieces: Iterable[Samples], size: int) -> Iterator[Samples]:
    for piece in pieces:
        for at in range(0, piece.shape[1], size):
            yield piece[:, at : at + size]


def _rate(device: Device, channels: int, rates: tuple[int, ...], output: bool) -> int:
    """A rate that the device takes. Raises NoAudio."""
    portaudio = _portaudio()
    check = portaudio.check_output_settings if output else portaudio.check_input_settings
    refused = None
    for rate in dict.fromkeys((*rates, device.rate)):
        try:
            check(device=device.number, channels=channels, dtype="int16", samplerate=rate)
        except portaudio.PortAudioError as error:
            refused = refused or error
        else:
            return rate
    most = device.outputs if output else device.inputs
    raise NoAudio(f"{device.name} does not take {channels} channels (it has {most}): {_reason(refused)}")


def _opened(kind: str, device: Device, channels: int, rate: int, take: Any = None, over: Any = None) -> Any:
    portaudio = _portaudio()
    try:
        return getattr(portaudio, kind)(
            device=device.number,
            channels=channels,
            samplerate=rate,
            dtype="int16",
            latency=LATENCY_S,
            callback=take,
            finished_callback=over,
        )
    except portaudio.PortAudioError as error:
        raise NoAudio(f"{device.name} cannot be opened: {_reason(error)}") from error


def _reason(error: object) -> str:
    """The sentence in a PortAudioError, without what it puts around it."""
    words = getattr(error, "args", None) or [error]
    return str(words[0]).removeprefix("Error opening ").strip()


def _portaudio() -> ModuleType:
    """The wrapper, with PortAudio started. Imported late: it starts every sound system of the machine."""
    try:
        with _no_stderr():
            import sounddevice
    except ImportError as error:
        raise NoAudio(f"the package sounddevice is missing: {INSTALL}") from error
    except OSError as error:
        raise NoAudio(f"PortAudio does not work here ({error}): {INSTALL}") from error
    module: ModuleType = sounddevice
    return module


@contextmanager
def _no_stderr() -> Iterator[None]:
    """ALSA and JACK complain there of every card that a machine does not have, whatever one asks them."""
    if "sounddevice" in sys.modules:
        yield
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
