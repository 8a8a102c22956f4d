"""Sound files of any kind as 16-bit samples at 8 kHz, in pieces: what the digit detector listens to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware.dtmf.bank import RATE
from hardware.dtmf.g711 import Law, decode
from hardware.resample import Resampler

Samples = NDArray[np.int16]

LAWS = {"ulaw": Law.MU, "ul": Law.MU, "mulaw": Law.MU, "pcmu": Law.MU, "alaw": Law.A, "al": Law.A, "pcma": Law.A}
LINEAR = {"sln": 8000, "sln16": 16000, "sln32": 32000, "sln48": 48000}
"""Endings of files without a header, as PBXs write them."""
FLOATS = ("FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III")
AT_ONCE = 2 << 20
"""Samples read in one go, over all channels: four minutes of two at 8 kHz."""


class NoSound(Exception):
    """The file cannot be read as sound; the text says why."""


class SoundFile:
    """An open sound file: `channels`, its own `rate`, `frames` at that rate. Close it, or use it with `with`.

    `law` takes the file for bare G.711 of one channel, whatever its name. Raises NoSound, OSError.
    """

    def __init__(self, path: Path, law: Law | None = None) -> None:
        ending = path.suffix[1:].lower()
        self.path = path
        self._law = law or LAWS.get(ending)
        self._bare = self._law is not None or ending in LINEAR
        self._floats = False
        self._file: Any
        if self._bare:
            self.channels, self.rate = 1, RATE if self._law else LINEAR[ending]
            self._open_bare(0)
        else:
            self._file = _opened(path, ending)
            self.channels, self.rate, self.frames = self._file.channels, self._file.samplerate, self._file.frames
            self._floats = self._file.subtype in FLOATS
            if not self.frames and (at := _unfinished(self._file, path)):
                self._file.close()
                self._open_bare(at)

    def _open_bare(self, at: int) -> None:
        self._bare = True
        self._width = (1 if self._law else 2) * self.channels
        self._file = self.path.open("rb")
        self.frames = (self._file.seek(0, 2) - at) // self._width
        self._file.seek(at)

    @property
    def seconds(self) -> float:
        return float(self.frames / self.rate)

    def pieces(self, frames: int = 0) -> Iterator[Samples]:
        """The sound from here to its end, int16 (channels, n) at its own rate. Raises NoSound where it is broken."""
        frames = frames or max(1, AT_ONCE // self.channels)
        while (piece := self._read(frames)).shape[1]:
            yield piece

    def at_8_khz(self) -> tuple[Iterator[Samples], float]:
        """The same for the detector, and how long one second of it really is."""
        change = Resampler(self.rate, RATE, self.channels)

        def changed() -> Iterator[Samples]:
            for piece in self.pieces():
                yield change.feed(piece)
            yield change.flush()

        return changed(), change.stretch

    def _read(self, frames: int) -> Samples:
        if self._bare:
            data = self._file.read(frames * self._width)
            data = data[: len(data) // self._width * self._width]
            if self._law:
                return decode(data, self._law)[None, :]
            return np.frombuffer(data, "<i2").astype(np.int16).reshape(-1, self.channels).T
        try:
            piece = self._file.read(frames, dtype="float32" if self._floats else "int16", always_2d=True)
        except RuntimeError as error:
            raise NoSound(f"it breaks off: {error}") from error
        if self._floats:  # libsndfile would make whole numbers of them: 0, 1 and -1
            piece = np.clip(np.rint(piece * 32768), -32768, 32767).astype(np.int16)
        return np.ascontiguousarray(piece.T)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> SoundFile:
        return self

    def __exit__(self, *what: object) -> None:
        self.close()


def _opened(path: Path, ending: str) -> Any:
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise NoSound(f"soundfile is needed to read it and does not work here: {error}") from error
    with path.open("rb"):
        pass  # libsndfile says "System error." where the disk said what it is
    bare = {"format": "RAW", "subtype": "GSM610", "samplerate": RATE, "channels": 1} if ending == "gsm" else {}
    try:
        return soundfile.SoundFile(path, **bare)
    except soundfile.LibsndfileError as error:
        raise NoSound(f"{error.error_string.rstrip('.')}; bare G.711 needs --law") from error


def _unfinished(file: Any, path: Path) -> int:
    """Where the samples of a WAV begin that has no lengths, because its writer was killed. 0: it is none such."""
    if (file.format, file.subtype) != ("WAV", "PCM_16"):
        return 0
    with path.open("rb") as plain:
        head = plain.read(4096)
    at = head.find(b"data\0\0\0\0")
    return at + 8 if at >= 0 else 0
