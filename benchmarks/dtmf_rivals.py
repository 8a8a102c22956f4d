"""The detectors that the field uses, callable beside ours: libspandsp through ctypes, multimon-ng through a pipe."""

import ctypes
import re
import shutil
import subprocess
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from tests.hardware.dtmf.signals import RATE

Samples = NDArray[np.int16]
CALL = 160  # samples per call into spandsp where times matter
MULTIMON_RATE = 22050


@dataclass(frozen=True, slots=True)
class Heard:
    at: float
    key: str


class Spandsp:
    """libspandsp2's `dtmf_rx` with its defaults (Debian: libspandsp2)."""

    def __init__(self) -> None:
        library = ctypes.CDLL("libspandsp.so.2")
        library.dtmf_rx_init.restype = ctypes.c_void_p
        library.dtmf_rx_init.argtypes = [ctypes.c_void_p] * 3
        library.dtmf_rx.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
        library.dtmf_rx_get.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
        library.dtmf_rx_get.restype = ctypes.c_size_t
        library.dtmf_rx_free.argtypes = [ctypes.c_void_p]
        self.library = library
        self.buffer = ctypes.create_string_buffer(256)

    def digits(self, samples: Samples, call: int = CALL) -> list[Heard]:
        """Digits, each with the start of the call that brought it."""
        state = self.library.dtmf_rx_init(None, None, None)
        samples = np.ascontiguousarray(samples)
        address, found = samples.ctypes.data, []
        for at in range(0, len(samples), call):
            self.library.dtmf_rx(state, address + 2 * at, min(call, len(samples) - at))
            found += [Heard(at / RATE, key) for key in self.drain(state)]
        self.library.dtmf_rx_free(state)
        return found

    def drain(self, state: int) -> str:
        """What the receiver holds; it keeps 128 digits at most."""
        count = self.library.dtmf_rx_get(state, self.buffer, 128)
        return self.buffer.raw[:count].decode() if count else ""


class Multimon:
    """multimon-ng (Debian: multimon-ng), which wants 22.05 kHz and tells no times."""

    def __init__(self) -> None:
        program = shutil.which("multimon-ng")
        if program is None:
            raise OSError("multimon-ng is not installed")
        self.program = program

    def resampled(self, samples: Samples) -> Samples:
        return np.asarray(soxr.resample(samples, RATE, MULTIMON_RATE, quality="MQ"))

    def keys(self, samples: Samples) -> str:
        return self.keys_at_its_rate(self.resampled(samples))

    def keys_at_its_rate(self, samples: Samples) -> str:
        command = [self.program, "-q", "-a", "DTMF", "-t", "raw", "-"]
        run = subprocess.run(command, input=samples.tobytes(), capture_output=True, check=True)  # noqa: S603
        return "".join(re.findall(r"DTMF: (\S)", run.stdout.decode("ascii", "replace")))


def common(left: str, right: str) -> int:
    """Length of the longest common subsequence: what of `left` came through in `right`, in order."""
    theirs = np.frombuffer(right.encode(), np.uint8)
    best = np.zeros(len(theirs) + 1, np.int32)
    for letter in left.encode():
        longer = np.where(theirs == letter, best[:-1] + 1, best[1:])
        best[1:] = np.maximum.accumulate(np.maximum(longer, best[1:]))
    return int(best[-1])
