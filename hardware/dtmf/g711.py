"""A-law and mu-law (ITU-T G.711) to and from linear 16-bit samples, by table."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Law(StrEnum):
    """The two laws, by their names in SDP (RFC 3551)."""

    A = "PCMA"
    MU = "PCMU"


def _levels(law: Law) -> NDArray[np.int16]:
    """What each of the 256 codes stands for, with full scale near 32768."""
    code = np.arange(256)
    code = code ^ (0x55 if law is Law.A else 0xFF)
    exponent, mantissa = code >> 4 & 7, code & 15
    if law is Law.A:
        size = np.where(exponent, (mantissa * 16 + 0x108) << np.maximum(exponent, 1) - 1, mantissa * 16 + 8)
        positive = code & 0x80 > 0
    else:
        size = ((mantissa * 8 + 0x84) << exponent) - 0x84
        positive = code & 0x80 == 0
    return np.where(positive, size, -size).astype(np.int16)


def _codes(levels: NDArray[np.int16]) -> NDArray[np.uint8]:
    """The code of the nearest level, for every 16-bit sample counted as unsigned."""
    order = np.argsort(levels, kind="stable")
    ordered = levels[order].astype(np.int32)
    borders = (ordered[1:] + ordered[:-1]) / 2
    samples = np.arange(65536).astype(np.uint16).view(np.int16)
    return order[np.searchsorted(borders, samples)].astype(np.uint8)


LEVELS = {law: _levels(law) for law in Law}
CODES = {law: _codes(LEVELS[law]) for law in Law}


def decode(data: bytes | NDArray[np.uint8], law: Law) -> NDArray[np.int16]:
    """Linear samples of G.711 bytes; an array keeps its shape."""
    codes = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
    return np.asarray(LEVELS[law][codes])


def encode(samples: NDArray[np.int16], law: Law) -> NDArray[np.uint8]:
    """G.711 codes of linear samples; an array keeps its shape. Raises TypeError for another type than int16."""
    if samples.dtype != np.int16:
        raise TypeError(f"samples must be int16, not {samples.dtype}")
    return np.asarray(CODES[law][samples.view(np.uint16)])
